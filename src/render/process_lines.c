#include "process_lines.h"

#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/table.h"
#include "asyncspy/base/text.h"
#include "label.h"

#define GAP 2
#define MARK_WIDTH 3
#define INDENT 2
#define DEPTH_MAX 4     /* deeper ones are not indented any further */
#define NAME_WIDTH 24   /* of 80 columns; and a third of those beyond */
#define VERDICT_LINES 2 /* of a finding */
#define FOLD_LEAST 3    /* so many that say the same share a line */
#define NUMBER_WIDTH 11 /* more than any pid or count of tasks that is true */
#define VERSION_WIDTH 12

struct line {
    const struct snapshot_process *process;
    const struct process_name *name;
    size_t *folded; /* numbers in the list of those that share the line, itself first */
    size_t count;
    const char *pid, *text, *version, *tasks, *verdict; /* escaped */
};

struct block {
    struct page *page;
    const struct snapshot_processes *tree;
    const struct process_name *names;
    bool verbose;
    struct arena *arena; /* of the cells, which are measured first and printed later */
    const char *version; /* that all have, or NULL */
    int pid_width, name_width, version_width, tasks_width;
};

/* --- which say the same --- */

static bool is_no_python(const struct snapshot_process *process) {
    return process->state == SNAPSHOT_PROCESS_NOT_PYTHON ||
           process->state == SNAPSHOT_PROCESS_ENDED;
}

static const char *get_text(const char *text) {
    return text ? text : "";
}

/* The same finding at the same place; numbers in its words may differ. */
static const char *describe_finding(struct arena *arena, const struct snapshot *snapshot) {
    const struct snapshot_verdict *verdict = &snapshot->verdict;
    if (verdict->code == SNAPSHOT_FINDING_OK || !snapshot->findings.count)
        return arena_format(arena, "%d", (int)verdict->code);
    return arena_format(arena, "%d %d %s", (int)verdict->code, (int)verdict->confidence,
                        get_text(snapshot->findings.items[0].where));
}

/* What processes that share a line have in common; NULL: it has a line of its own. */
static const char *make_key(const struct block *block, size_t i) {
    const struct snapshot_process *process = &block->tree->list.items[i];
    const struct process_name *name = &block->names[i];
    if (name->has_children || block->verbose)
        return NULL;
    if (is_no_python(process))
        return arena_format(block->arena, "%zu %d", name->parent, (int)process->state);
    const char *found =
        process->snapshot
            ? describe_finding(block->arena, process->snapshot)
            : arena_format(block->arena, "%d\n%s", (int)process->state, get_text(process->why));
    return arena_format(block->arena, "%zu %d\n%s\n%s\n%s\n%s", name->parent,
                        process->snapshot != NULL, get_text(name->kind),
                        name->kind ? "" : name->text, get_text(process->python_version), found);
}

/* The processes of one key. */
struct fold {
    size_t count;
    struct line *line; /* where the first of them stands */
};

static struct fold *count_in(const struct block *block, struct table *table, size_t i) {
    const char *key = make_key(block, i);
    struct fold *fold = key ? table_find(table, key, strlen(key)) : NULL;
    if (key && !fold) {
        fold = arena_alloc(block->arena, sizeof *fold);
        *fold = (struct fold){0};
        table_add(table, key, strlen(key), fold);
    }
    if (fold)
        fold->count++;
    return fold;
}

static struct fold **make_folds(const struct block *block) {
    size_t count = block->tree->list.count;
    struct fold **folds = arena_alloc_array(block->arena, count, sizeof(struct fold *));
    struct table *table = table_create();
    for (size_t i = 0; i < count; i++)
        folds[i] = count_in(block, table, i);
    table_destroy(table);
    return folds;
}

/* --- what stands in a line --- */

static const char *describe_name(const struct block *block, const struct line *line) {
    if (line->count == 1)
        return line->name->text;
    if (line->name->kind)
        return arena_format(block->arena, "%zu %ss", line->count, line->name->kind);
    if (is_no_python(line->process))
        return arena_format(block->arena, "%zu processes", line->count);
    return arena_format(block->arena, "[x%zu] %s", line->count, line->name->text);
}

static const char *describe_tasks(const struct block *block, const struct line *line) {
    int64_t tasks = 0;
    bool complete = true;
    for (size_t i = 0; i < line->count; i++) {
        const struct snapshot_process *process = &block->tree->list.items[line->folded[i]];
        if (process->tasks == SNAPSHOT_UNKNOWN)
            return "-";
        tasks += process->tasks;
        complete = complete && process->complete;
    }
    return arena_format(block->arena, "%s%s", page_count(block->page, (size_t)tasks),
                        complete ? "" : "+");
}

static const char *describe_verdict(const struct block *block, const struct line *line) {
    const struct snapshot *snapshot = line->process->snapshot;
    if (!snapshot || !snapshot->verdict.text)
        return label_process_state(line->process);
    if (line->count > 1 && snapshot->verdict.code == SNAPSHOT_FINDING_OK)
        return "no problem found";
    return label_verdict(block->arena, &snapshot->verdict);
}

static const char *escape(const struct block *block, const char *text) {
    text = page_escape(block->page, text);
    return arena_copy_string(block->arena, text, strlen(text));
}

static void fill_line(const struct block *block, struct line *line) {
    const struct snapshot_process *process = line->process;
    size_t depth = line->name->depth < DEPTH_MAX ? line->name->depth : DEPTH_MAX;
    line->pid = process->pid == SNAPSHOT_UNKNOWN
                    ? "-"
                    : arena_format(block->arena, "%" PRId64, process->pid);
    line->pid = line->count > 1 ? "" : text_clip(block->arena, line->pid, NUMBER_WIDTH);
    line->text = escape(block, arena_format(block->arena, "%*s%s", (int)depth * INDENT, "",
                                            describe_name(block, line)));
    line->version = escape(block, process->python_version ? process->python_version : "-");
    line->tasks = text_clip(block->arena, describe_tasks(block, line), NUMBER_WIDTH);
    line->verdict = escape(block, describe_verdict(block, line));
}

/* --- the table --- */

static int choose_width(const char *text, int width) {
    int own = text_width(text);
    return own > width ? own : width;
}

static void measure(struct block *block, const struct line *lines, size_t count) {
    int most = NAME_WIDTH + (block->page->width - TEXT_WIDTH_LEAST) / 3;
    block->pid_width = text_width("PID");
    block->name_width = text_width("PROCESS");
    block->version_width = block->version ? 0 : text_width("PYTHON");
    block->tasks_width = text_width("TASKS");
    for (size_t i = 0; i < count; i++) {
        block->pid_width = choose_width(lines[i].pid, block->pid_width);
        block->name_width = choose_width(lines[i].text, block->name_width);
        block->tasks_width = choose_width(lines[i].tasks, block->tasks_width);
        if (!block->version)
            block->version_width = choose_width(lines[i].version, block->version_width);
    }
    block->name_width = block->name_width < most ? block->name_width : most;
    if (block->version_width > VERSION_WIDTH)
        block->version_width = VERSION_WIDTH;
}

static int get_name_column(const struct block *block) {
    return MARK_WIDTH + block->pid_width + GAP;
}

/* All but the verdict. */
static void put_cells(const struct block *block, const struct line *line, enum page_style style) {
    struct page *page = block->page;
    int next = get_name_column(block);
    page->column = MARK_WIDTH + block->pid_width - text_width(line->pid);
    page_put_styled(page, style, line->pid);
    page->column = next;
    page_put_head_styled(page, style, line->text, block->name_width);
    next += block->name_width + GAP;
    if (block->version_width) {
        page->column = next;
        page_put_head_styled(page, style, line->version, block->version_width);
        next += block->version_width + GAP;
    }
    page->column = next + block->tasks_width - text_width(line->tasks);
    page_put_styled(page, style, line->tasks);
    page->column = next + block->tasks_width + GAP;
}

static size_t choose_lines(const struct block *block, const struct snapshot *snapshot) {
    if (block->verbose)
        return SIZE_MAX;
    return snapshot && snapshot->verdict.code != SNAPSHOT_FINDING_OK ? VERDICT_LINES : 1;
}

static enum page_style put_mark(struct page *page, const struct snapshot *snapshot) {
    static const struct {
        const char *mark;
        enum page_style style;
    } marks[SNAPSHOT_CONFIDENCE_COUNT] = {[SNAPSHOT_POSSIBLE] = {" ?", PAGE_BOLD},
                                          [SNAPSHOT_LIKELY] = {" !", PAGE_WARNING},
                                          [SNAPSHOT_CERTAIN] = {"!!", PAGE_ALARM}};
    if (!snapshot || !snapshot->verdict.text)
        return PAGE_DIM;
    bool ok = snapshot->verdict.code == SNAPSHOT_FINDING_OK;
    enum page_style style = ok ? PAGE_GOOD : marks[snapshot->verdict.confidence].style;
    page_put_styled(page, style, ok ? "OK" : marks[snapshot->verdict.confidence].mark);
    return ok ? PAGE_PLAIN : style;
}

/* Which processes share a line. */
static void print_pids(const struct block *block, const struct line *line) {
    struct page *page = block->page;
    const char *text = "pids";
    for (size_t i = 0; i < line->count && (int)strlen(text) < page->width; i++)
        text = arena_format(page->scratch, "%s %" PRId64, text,
                            block->tree->list.items[line->folded[i]].pid);
    page->column = get_name_column(block) +
                   INDENT * (int)(line->name->depth < DEPTH_MAX ? line->name->depth : DEPTH_MAX);
    page_put_styled(page, PAGE_DIM, text);
    page_end_line(page);
}

/* Where the gravest finding is, below its words. */
static void print_place(const struct block *block, const struct snapshot *snapshot, int column) {
    struct page *page = block->page;
    if (!snapshot || snapshot->verdict.code == SNAPSHOT_FINDING_OK || !snapshot->findings.count ||
        !snapshot->findings.items[0].where)
        return;
    page->column = column;
    page_put_lines(page, snapshot->findings.items[0].where, block->verbose ? SIZE_MAX : 1);
}

static void print_line(const struct block *block, const struct line *line) {
    struct page *page = block->page;
    const struct snapshot *snapshot = line->process->snapshot;
    enum page_style style = put_mark(page, snapshot);
    put_cells(block, line, snapshot ? PAGE_PLAIN : PAGE_DIM);
    int column = page->column;
    page_put_lines_styled(page, style, line->verdict, choose_lines(block, snapshot));
    print_place(block, snapshot, column);
    if (line->count > 1)
        print_pids(block, line);
    arena_reset(page->scratch);
}

/* The version, where those that tell one tell the same. */
static const char *find_version(const struct snapshot_processes *tree) {
    const char *version = NULL;
    for (size_t i = 0; i < tree->list.count; i++) {
        const char *own = tree->list.items[i].python_version;
        if (own && version && strcmp(own, version) != 0)
            return NULL;
        version = own ? own : version;
    }
    return version;
}

/* "  10, 6 with asyncio, 1 not read". */
static void put_counts(const struct block *block) {
    struct page *page = block->page;
    size_t pictures = 0, unread = 0;
    for (size_t i = 0; i < block->tree->list.count; i++) {
        const struct snapshot_process *process = &block->tree->list.items[i];
        pictures += process->snapshot != NULL;
        unread += !snapshot_process_is_read(process) && !is_no_python(process);
    }
    page_format(page, "  %s, %s with asyncio", page_count(page, block->tree->list.count),
                page_count(page, pictures));
    if (unread)
        page_format(page, ", %s not read", page_count(page, unread));
}

static void print_title(const struct block *block) {
    struct page *page = block->page;
    page_put_styled(page, PAGE_BOLD, "PROCESSES");
    put_counts(block);
    if (block->version)
        page_put_right(page, arena_format(page->scratch, "CPython %s", block->version));
    page_end_line(page);
    if (!block->tree->complete) {
        page_put_styled(page, PAGE_WARNING,
                        "  ! there may be more: not all descendants could be listed");
        page_end_line(page);
    }
    const struct line titles = {
        .pid = "PID", .text = "PROCESS", .version = "PYTHON", .tasks = "TASKS"};
    put_cells(block, &titles, PAGE_BOLD);
    page_put_styled(page, PAGE_BOLD, "VERDICT");
    page_end_line(page);
    arena_reset(page->scratch);
}

/* The line of a process: one that says the same, or a new one. */
static void add_to_line(const struct block *block, size_t i, struct fold *fold, struct line *lines,
                        size_t *count) {
    bool folded = fold && fold->count >= FOLD_LEAST;
    struct line *line = folded ? fold->line : NULL;
    if (!line) {
        line = &lines[(*count)++];
        *line = (struct line){.process = &block->tree->list.items[i], .name = &block->names[i]};
        line->folded =
            arena_alloc_array(block->arena, folded ? fold->count : 1, sizeof *line->folded);
    }
    if (folded)
        fold->line = line;
    line->folded[line->count++] = i;
}

static size_t make_lines(const struct block *block, struct line *lines) {
    size_t count = 0, total = block->tree->list.count;
    struct fold **folds = make_folds(block);
    for (size_t i = 0; i < total; i++)
        add_to_line(block, i, folds[i], lines, &count);
    for (size_t i = 0; i < count; i++)
        fill_line(block, &lines[i]);
    return count;
}

void process_lines_print(struct page *page, const struct snapshot_processes *tree,
                         const struct process_name *names, bool verbose) {
    struct block block = {.page = page,
                          .tree = tree,
                          .names = names,
                          .verbose = verbose,
                          .arena = arena_create(),
                          .version = find_version(tree)};
    struct line *lines = arena_alloc_array(block.arena, tree->list.count, sizeof *lines);
    size_t count = make_lines(&block, lines);
    measure(&block, lines, count);
    print_title(&block);
    for (size_t i = 0; i < count; i++)
        print_line(&block, &lines[i]);
    arena_destroy(block.arena);
}
