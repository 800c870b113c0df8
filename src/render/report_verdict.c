/* What was found, worst first: each finding in a few lines that are enough to act. */
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"

#define MARK_COLUMNS 3
#define LABEL_COLUMN MARK_COLUMNS
#define VALUE_COLUMN (LABEL_COLUMN + 7) /* "proof  " */
#define LINES_FIRST 7                   /* of the gravest finding */
#define LINES_OTHER 3
#define HEADING_MAX 2 /* lines of a summary */
#define WHOLE_MAX 3   /* findings that get more than one line */
#define SHORT_MAX 8
#define NAMES_MAX 3
#define NAMES_MAX_VERBOSE 20

/* A line of a finding, or several where its text is long. */
struct row {
    const char *label;
    const char *text; /* escaped */
    size_t rank;      /* the lower, the sooner it gets a line */
    size_t needed;
    size_t lines;
};

struct rows {
    struct report *report;
    struct row *items;
    size_t count;
    size_t dropped; /* rows without a line */
};

static const char *describe_who(struct report *report, const struct snapshot_finding *finding) {
    struct arena *arena = report->page.scratch;
    size_t most = report->options->verbose ? NAMES_MAX_VERBOSE : NAMES_MAX;
    const char *text = label_tasks(report, finding->tasks, finding->task_count, most);
    const struct snapshot_task *task =
        finding->task_count == 1 ? label_find_task(report, finding->tasks[0]) : NULL;
    if (task && task->coroutine)
        text = arena_format(arena, "%s%s (%s)", task->name ? "task " : "", text, task->coroutine);
    for (size_t i = 0; i < finding->thread_count && i < most; i++)
        text = arena_format(arena, "%s%s%s", text, *text ? ", " : "",
                            label_thread(report, finding->threads[i]));
    if (finding->thread_count > most)
        text = arena_format(arena, "%s and %zu more", text, finding->thread_count - most);
    return text;
}

static void add_row(struct rows *rows, const char *label, const char *text, size_t rank) {
    struct page *page = &rows->report->page;
    if (!text || !*text)
        return;
    text = page_escape(page, text);
    rows->items[rows->count++] = (struct row){
        .label = label,
        .text = text,
        .rank = rank,
        .needed = page_wrap(page, text, page->width - VALUE_COLUMN, SIZE_MAX, NULL),
    };
}

/* The row of the least rank that has fewer than `most` lines and needs more; NULL: none. */
static struct row *find_needy(struct rows *rows, size_t most) {
    struct row *found = NULL;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->items[i];
        if (row->lines < row->needed && row->lines < most && (!found || row->rank < found->rank))
            found = row;
    }
    return found;
}

/* Gives lines to the rows: each its first one before any gets a second one. */
static void share_lines(struct rows *rows, size_t budget) {
    for (size_t most = 1; budget && most <= budget + 1; most++)
        for (struct row *row; budget && (row = find_needy(rows, most)); budget--)
            row->lines++;
    for (size_t i = 0; i < rows->count; i++)
        rows->dropped += rows->items[i].lines == 0;
}

static void give_all_lines(struct rows *rows) {
    for (size_t i = 0; i < rows->count; i++)
        rows->items[i].lines = rows->items[i].needed;
}

/* What to do, the first proof, who, where and the first cost stand before any further proof. */
static struct rows make_rows(struct report *report, const struct snapshot_finding *finding) {
    struct rows rows = {.report = report};
    rows.items = arena_alloc_array(
        report->page.scratch, finding->proof_count + finding->cost_count + 3, sizeof *rows.items);
    add_row(&rows, "who", describe_who(report, finding), 2);
    add_row(&rows, "where", finding->where, 3);
    for (size_t i = 0; i < finding->proof_count; i++)
        add_row(&rows, i ? "" : "proof", finding->proof[i], i ? 4 + 2 * i - 1 : 1);
    for (size_t i = 0; i < finding->cost_count; i++)
        add_row(&rows, i ? "" : "cost", finding->cost[i], 4 + 2 * i);
    add_row(&rows, "next", finding->next, 0);
    return rows;
}

static void print_row(struct page *page, const struct row *row, const char *note) {
    int columns = page->width - VALUE_COLUMN;
    const char **lines = arena_alloc_array(page->scratch, row->lines, sizeof *lines);
    size_t count = page_wrap(page, row->text, columns, row->lines, lines);
    for (size_t i = 0; i < count; i++) {
        const char *end = i + 1 == count ? note : "";
        page->column = LABEL_COLUMN;
        page_put_styled(page, PAGE_DIM, i ? "" : row->label);
        page->column = VALUE_COLUMN;
        page_put_head(page, lines[i], columns - (*end ? text_width(end) + 2 : 0));
        if (*end)
            page_put_right(page, end);
        page_end_line(page);
    }
}

static void print_rows(struct rows *rows) {
    struct page *page = &rows->report->page;
    const char *note =
        rows->dropped ? arena_format(page->scratch, "(%zu more: -v)", rows->dropped) : "";
    size_t last = 0; /* the note must not cost words of what to do */
    for (size_t i = 0; i < rows->count; i++)
        last = rows->items[i].lines && rows->items[i].rank ? i : last;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].lines)
            print_row(page, &rows->items[i], i == last ? note : "");
}

/* The first line, or at most so many; gives how many. */
static size_t print_heading(struct report *report, const char *mark, enum page_style style,
                            const char *text, const char *tag, size_t most) {
    struct page *page = &report->page;
    int columns = page->width - MARK_COLUMNS - (*tag ? text_width(tag) + 2 : 0);
    text = page_escape(page, text);
    size_t count = page_wrap(page, text, columns, most, NULL);
    const char **lines = arena_alloc_array(page->scratch, count, sizeof *lines);
    page_wrap(page, text, columns, most, lines);
    page_put_styled(page, style, mark);
    for (size_t i = 0; i < count; i++) {
        page->column = MARK_COLUMNS;
        page_put_styled(page, style, lines[i]);
        if (i == 0 && *tag)
            page_put_right(page, tag);
        page_end_line(page);
    }
    return count;
}

static void print_finding(struct report *report, const struct snapshot_finding *finding,
                          size_t lines) {
    static const struct {
        const char *mark;
        enum page_style style;
    } looks[SNAPSHOT_CONFIDENCE_COUNT] = {[SNAPSHOT_POSSIBLE] = {" ?", PAGE_BOLD},
                                          [SNAPSHOT_LIKELY] = {" !", PAGE_WARNING},
                                          [SNAPSHOT_CERTAIN] = {"!!", PAGE_ALARM}};
    const char *tag =
        arena_format(report->page.scratch, "[%s]", snapshot_confidence_name(finding->confidence));
    size_t most = lines < HEADING_MAX || report->options->verbose ? lines : HEADING_MAX;
    size_t used = print_heading(
        report, looks[finding->confidence].mark, looks[finding->confidence].style,
        label_finding(report->page.scratch, finding->code, finding->summary), tag, most);
    if (lines > used) {
        struct rows rows = make_rows(report, finding);
        if (report->options->verbose)
            give_all_lines(&rows);
        else
            share_lines(&rows, lines - used);
        print_rows(&rows);
    }
    arena_reset(report->page.scratch);
}

/* How many lines the next finding gets, after `printed` ones; 0: it is only counted. */
static size_t choose_lines(const struct report *report, const struct snapshot_finding *finding,
                           size_t printed) {
    if (report->options->verbose)
        return SIZE_MAX;
    if (printed >= SHORT_MAX)
        return 0;
    if (finding->confidence == SNAPSHOT_POSSIBLE || printed >= WHOLE_MAX)
        return 1;
    return printed ? LINES_OTHER : LINES_FIRST;
}

/* Those that are only possible, or all others. */
static void print_findings(struct report *report, bool possible, size_t *printed, size_t *left) {
    for (size_t i = 0; i < report->snapshot->findings.count; i++) {
        const struct snapshot_finding *finding = &report->snapshot->findings.items[i];
        if ((finding->confidence == SNAPSHOT_POSSIBLE) != possible)
            continue;
        size_t lines = choose_lines(report, finding, *printed);
        if (lines)
            print_finding(report, finding, lines);
        *printed += lines > 0;
        *left += lines == 0;
    }
}

static void print_ok(struct report *report) {
    const struct snapshot_verdict *verdict = &report->snapshot->verdict;
    if (!verdict->text || verdict->code != SNAPSHOT_FINDING_OK)
        return;
    print_heading(report, "OK", PAGE_GOOD, label_verdict(report->page.scratch, verdict), "",
                  LINES_FIRST);
    arena_reset(report->page.scratch);
}

void report_verdict(struct report *report) {
    struct page *page = &report->page;
    size_t printed = 0, left = 0;
    if (!report->snapshot->findings.count && !report->snapshot->verdict.text)
        return; /* nobody analysed it */
    if (!report->options->verdict_only)
        page_end_line(page);
    print_findings(report, false, &printed, &left);
    print_ok(report);
    print_findings(report, true, &printed, &left);
    if (left) {
        page->column = MARK_COLUMNS;
        page_put_styled(page, PAGE_DIM,
                        arena_format(page->scratch, "... %zu more findings (-v)", left));
        page_end_line(page);
    }
}
