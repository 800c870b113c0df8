#include "asyncspy/render/processes.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"

#define GAP 2
#define CELL_WIDTH_MOST 20 /* of a user or a container */
#define WIDTH_ENDLESS (1 << 20)

enum column {
    COLUMN_PID,
    COLUMN_USER,
    COLUMN_VERSION,
    COLUMN_LOOPS,
    COLUMN_TASKS,
    COLUMN_STATE,
    COLUMN_CONTAINER,
    COLUMN_COMMAND,
    COLUMN_COUNT
};

static const struct {
    const char *title;
    bool right;
} columns[COLUMN_COUNT] = {
    [COLUMN_PID] = {"PID", true},
    [COLUMN_USER] = {"USER", false},
    [COLUMN_VERSION] = {"PYTHON", false},
    [COLUMN_LOOPS] = {"LOOPS", true},
    [COLUMN_TASKS] = {"TASKS", true},
    [COLUMN_STATE] = {"STATE", false},
    [COLUMN_CONTAINER] = {"CONTAINER", false},
    [COLUMN_COMMAND] = {"COMMAND", false},
};

struct table {
    struct page page;
    const struct text_options *options;
    int width[COLUMN_COUNT]; /* 0: the column is left out */
    struct arena *arena;     /* of the cells, which are measured first and printed later */
    const char *(*cells)[COLUMN_COUNT];
};

static const char *escape(struct table *table, const char *text) {
    return table->options->ascii ? text_escape_ascii(table->arena, text)
                                 : text_escape(table->arena, text);
}

/* A number that may be unknown, or too small because something could not be read. */
static const char *format_count(struct table *table, int64_t count, bool complete) {
    if (count == SNAPSHOT_UNKNOWN)
        return "-";
    const char *digits = page_count(&table->page, (size_t)count);
    return arena_format(table->arena, "%s%s", digits, complete ? "" : "+");
}

/* The program without its folder: which Python it is stands in the column before. */
static const char *format_command(struct table *table, const struct snapshot_process *process) {
    if (!process->command_line_count)
        return arena_format(table->arena, "[%s]", process->name ? process->name : "");
    const char *program = process->command_line[0], *slash = strrchr(program, '/');
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        memory_exhausted();
    fputs(slash && slash[1] && !table->options->verbose ? slash + 1 : program, out);
    for (size_t i = 1; i < process->command_line_count; i++)
        fprintf(out, " %s", process->command_line[i]);
    if (fclose(out) != 0)
        memory_exhausted();
    const char *copy = arena_copy_string(table->arena, text, size);
    free(text);
    return copy;
}

static void fill_row(struct table *table, const struct snapshot_process *process,
                     const char **cells) {
    struct arena *arena = table->arena;
    const char *user = process->user;
    cells[COLUMN_PID] = arena_format(arena, "%lld", (long long)process->pid);
    cells[COLUMN_USER] = user ? user : arena_format(arena, "%lld", (long long)process->user_id);
    cells[COLUMN_VERSION] = process->python_version ? process->python_version : "-";
    cells[COLUMN_LOOPS] = format_count(table, process->loops, true);
    cells[COLUMN_TASKS] = format_count(table, process->tasks, process->complete);
    cells[COLUMN_STATE] = label_process_state(process);
    cells[COLUMN_CONTAINER] = process->container ? process->container : "-";
    cells[COLUMN_COMMAND] = format_command(table, process);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        cells[i] = escape(table, cells[i]);
        if (i != COLUMN_COMMAND)
            cells[i] = text_clip(arena, cells[i], CELL_WIDTH_MOST);
    }
}

/* Whether a column tells anything. */
static bool is_told(const struct snapshot_processes *processes, enum column column) {
    if (column != COLUMN_USER && column != COLUMN_CONTAINER)
        return true;
    for (size_t i = 0; i < processes->list.count; i++) {
        const struct snapshot_process *process = &processes->list.items[i];
        if (column == COLUMN_USER ? process->user_id != processes->user_id
                                  : process->container != NULL)
            return true;
    }
    return false;
}

static void measure(struct table *table, const struct snapshot_processes *processes) {
    for (int column = 0; column < COLUMN_COUNT; column++) {
        if (!is_told(processes, (enum column)column))
            continue;
        table->width[column] = text_width(columns[column].title);
        for (size_t i = 0; i < processes->list.count; i++) {
            int width = text_width(table->cells[i][column]);
            table->width[column] = width > table->width[column] ? width : table->width[column];
        }
    }
}

static void print_row(struct table *table, const char *const *cells, enum page_style style) {
    struct page *page = &table->page;
    int start = 0;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (!table->width[i])
            continue;
        int indent = columns[i].right ? table->width[i] - text_width(cells[i]) : 0;
        page->column = start + indent;
        page_put_styled(page, style, cells[i]);
        start += table->width[i] + GAP;
    }
    page_end_line(page);
    arena_reset(page->scratch);
}

static void print_table(struct table *table, const struct snapshot_processes *processes) {
    const char *titles[COLUMN_COUNT];
    size_t count = processes->list.count;
    table->cells = arena_alloc_array(table->arena, count, sizeof *table->cells);
    for (size_t i = 0; i < count; i++)
        fill_row(table, &processes->list.items[i], table->cells[i]);
    for (int i = 0; i < COLUMN_COUNT; i++)
        titles[i] = columns[i].title;
    measure(table, processes);
    print_row(table, titles, PAGE_BOLD);
    for (size_t i = 0; i < count; i++) {
        bool unread = processes->list.items[i].state >= SNAPSHOT_PROCESS_NOT_PERMITTED;
        print_row(table, table->cells[i], unread ? PAGE_DIM : PAGE_PLAIN);
    }
}

struct error *render_processes(const struct snapshot_processes *processes,
                               const struct text_options *options, FILE *out) {
    int width = options->width < TEXT_WIDTH_LEAST ? TEXT_WIDTH_LEAST : options->width;
    struct table table = {
        .options = options,
        .arena = arena_create(),
        .page = {.out = out,
                 .width = options->verbose ? WIDTH_ENDLESS : width,
                 .color = options->color,
                 .scratch = arena_create()},
    };
    errno = 0;
    if (processes->list.count)
        print_table(&table, processes);
    arena_destroy(table.page.scratch);
    arena_destroy(table.arena);
    return ferror(out) ? error_create_os(errno, "writing the list of processes") : NULL;
}
