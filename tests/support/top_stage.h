/*
 * A screen of `top` to press keys at: a process whose tabs all show the same made-up rows, but for
 * an empty one, and a list of processes. What src/render/top_parts.h declares of header, findings,
 * rows and details is defined here, in place of the real ones: one file of a test program includes
 * this.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/render/top_parts.h"

#define ROWS 24
#define COLUMNS 100

/* --- a process with tasks that are easy to tell apart --- */

struct thing {
    uint64_t key;
    const char *name;
    double number;
};

static struct thing things[200];
static size_t thing_count;
static int header_lines, finding_lines, detail_lines;

static const struct top_column columns[] = {
    {.title = "NAME", .columns = 10, .share = 1},
    {.title = "N", .columns = 4, .is_number = true},
    {.title = "HIDDEN", .columns = 500, .rank = 1},
    {.title = "LAST", .columns = 4},
};

struct top_words *top_words_create(struct arena *arena, const struct top_input *input, int width) {
    struct top_words *words = arena_alloc(arena, sizeof *words);
    *words = (struct top_words){
        .input = input, .report.page = {.scratch = arena, .width = width, .ascii = input->ascii}};
    words->report.snapshot = input->live ? input->live->snapshot : NULL;
    return words;
}

static inline int draw_lines(struct screen *screen, int row, int most, int count,
                             const char *text) {
    assert_true(most >= 1);
    int lines = count < most ? count : most;
    for (int i = 0; i < lines; i++)
        screen_put(screen, row + i, 0, SCREEN_PLAIN, text, screen->columns);
    return lines;
}

int top_draw_header(struct top_words *words, struct screen *screen, int row, int most) {
    (void)words;
    return draw_lines(screen, row, most, header_lines, "header");
}

int top_draw_findings(struct top_words *words, struct screen *screen, int row, int most) {
    (void)words;
    return draw_lines(screen, row, most, finding_lines, "finding");
}

struct top_table top_table_make(struct top_words *words, enum top_tab tab) {
    if (tab == TOP_TAB_PROCESSES)
        return top_processes_make(words, tab);
    return (struct top_table){.words = words,
                              .tab = tab,
                              .columns = columns,
                              .column_count = 4,
                              .row_count = tab == TOP_TAB_SOCKETS ? 0 : thing_count,
                              .nothing = "no sockets"};
}

void top_table_get_row(const struct top_table *table, size_t row,
                       struct top_cell ret[TOP_COLUMNS_MAX]) {
    struct arena *scratch = table->words->report.page.scratch;
    if (table->tab == TOP_TAB_PROCESSES) {
        top_processes_get_row(table, row, ret);
        return;
    }
    ret[0] = (struct top_cell){.text = things[row].name};
    ret[1] = (struct top_cell){.text = arena_format(scratch, "%.0f", things[row].number),
                               .order = things[row].number};
    ret[2] = (struct top_cell){.text = "hidden"};
    ret[3] = (struct top_cell){.text = "z"};
}

uint64_t top_table_get_key(const struct top_table *table, size_t row) {
    return table->tab == TOP_TAB_PROCESSES ? top_processes_get_key(table, row) : things[row].key;
}

static inline struct top_lines make_lines(struct arena *arena, const char *what, int count) {
    struct top_lines lines = {.count = (size_t)count};
    lines.items = arena_alloc_array(arena, lines.count, sizeof *lines.items);
    for (int i = 0; i < count; i++)
        lines.items[i] = arena_format(arena, "%s line %d", what, i + 1);
    return lines;
}

struct top_lines top_details(const struct top_table *table, size_t row, int width) {
    (void)width;
    return make_lines(table->words->report.page.scratch, things[row].name, detail_lines);
}

struct top_lines top_finding_details(struct top_words *words, size_t index, int width) {
    (void)width;
    struct arena *arena = words->report.page.scratch;
    return make_lines(arena, arena_format(arena, "finding %zu", index), 2);
}

/* --- what is looked at --- */

static struct snapshot snapshot;
static struct live_finding findings[3];
static struct live live;
static struct top_input input;
static struct top_view *view;
static int rows;
static char *text; /* of the screen */
static struct screen *screen;

static inline void add_thing(const char *name, double number) {
    things[thing_count] = (struct thing){.key = 1000 + thing_count, .name = name, .number = number};
    thing_count++;
}

static inline int set_up(void **state) {
    static const char *const names[] = {"api.list", "worker", "Zebra", "caf\u00e9"};
    (void)state;
    thing_count = 0;
    for (size_t i = 0; i < 40; i++)
        add_thing(names[i % 4], (double)(i * 7 % 40));
    header_lines = 3;
    finding_lines = 0;
    detail_lines = 50;
    for (size_t i = 0; i < 3; i++)
        findings[i] = (struct live_finding){.index = i};
    findings[1].index = SIZE_MAX;
    snapshot = (struct snapshot){0};
    live = (struct live){.snapshot = &snapshot, .findings = findings};
    input = (struct top_input){.clock = "04:12:07", .live = &live};
    rows = ROWS;
    view = top_view_create();
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    top_view_destroy(view);
    free(text);
    text = NULL;
    screen_destroy(screen);
    screen = NULL;
    return 0;
}

static inline void draw(void) {
    screen_destroy(screen);
    screen = screen_create(rows, COLUMNS);
    top_draw(view, &input, screen);
    size_t size;
    free(text);
    FILE *out = open_memstream(&text, &size);
    struct error *err = screen_write(screen, rows, out);
    (void)fclose(out);
    assert_null(err);
}

static inline bool shows(const char *what) {
    draw();
    return strstr(text, what) != NULL;
}

#define assert_shows(what_)                                                                        \
    do {                                                                                           \
        if (!shows(what_))                                                                         \
            fail_msg("there is no '%s' in:\n%s", what_, text);                                     \
    } while (0)

#define assert_hides(what_)                                                                        \
    do {                                                                                           \
        if (shows(what_))                                                                          \
            fail_msg("there is '%s' in:\n%s", what_, text);                                        \
    } while (0)

static inline enum top_action press(enum top_key_kind kind) {
    const struct top_key key = {.kind = kind};
    return top_view_press(view, &input, &key, rows, COLUMNS);
}

static inline enum top_action type(const char *characters) {
    enum top_action action = TOP_NOTHING;
    for (; *characters; characters++) {
        const struct top_key key = {.kind = TOP_KEY_CHARACTER,
                                    .character = (unsigned char)*characters};
        action = top_view_press(view, &input, &key, rows, COLUMNS);
    }
    return action;
}

static inline void press_many(enum top_key_kind kind, int times) {
    for (int i = 0; i < times; i++)
        press(kind);
}

static inline enum top_action click_at(int row, int column) {
    const struct top_key key = {.kind = TOP_KEY_CLICK, .row = row, .column = column};
    return top_view_press(view, &input, &key, rows, COLUMNS);
}

static inline enum top_action click(int row) {
    return click_at(row, 0);
}

/* At the first place where the last shown screen says `what`. */
static inline enum top_action click_on(const char *what) {
    const char *at = strstr(text, what), *line = text;
    int row = 0;
    assert_non_null(at);
    for (const char *next; (next = strchr(line, '\n')) && next < at; row++)
        line = next + 1;
    return click_at(row, (int)(at - line));
}

/* The selected row, and where it stands; -1: none is. */
static inline int find_selected(void) {
    draw();
    for (int i = 0; i < screen->rows; i++)
        if (screen->cells[i * COLUMNS].is_reversed) {
            assert_string_equal(screen->cells[i * COLUMNS].text, ">");
            return i;
        }
    return -1;
}

/* The number in the selected row. */
static inline int get_selected(void) {
    int row = find_selected();
    assert_true(row >= 0);
    char line[COLUMNS + 1] = "";
    for (int i = 80; i < COLUMNS; i++)
        line[i - 80] = screen->cells[row * COLUMNS + i].text[0];
    return (int)strtol(line, NULL, 10);
}
/* 24 rows: 3 of the header, a rule, the heading, 18 rows, the bar. */
#define FIRST_ROW 5
#define PAGE 18

/* --- processes --- */

static const char *const master[] = {"/usr/bin/gunicorn", "app:app"};
static struct top_process processes[4];
static struct live_loop loops[2];

static inline void make_processes(void) {
    for (size_t i = 0; i < 4; i++)
        processes[i] = (struct top_process){.pid = 100 + (int64_t)i,
                                            .parent = 100,
                                            .command_line = master,
                                            .command_line_count = 2,
                                            .gone_s = NAN};
    processes[0].parent = SNAPSHOT_UNKNOWN;
    processes[0].why = "no asyncio";
    processes[1].live = &live;
    processes[2].parent = 101;
    processes[3].gone_s = 12;
    processes[3].live = &live;
    snapshot.verdict.text = "OK - no problem found";
    loops[0] = (struct live_loop){.busy = 0.25, .ready = 3, .blocks = 2};
    loops[1] = (struct live_loop){.busy = 0.75, .ready = SNAPSHOT_UNKNOWN, .blocks = 1};
    static struct snapshot_loop loop = {.state = SNAPSHOT_LOOP_RUNNING, .tid = 7};
    static struct snapshot_thread threads[3];
    static const struct live_thread thread_rows[3] = {{.cpu = NAN}, {.cpu = 0.1}, {.cpu = 0.025}};
    snapshot.event_loops.items = &loop;
    snapshot.event_loops.count = 1;
    snapshot.threads.items = threads;
    snapshot.threads.count = 3;
    live.thread_rows = thread_rows;
    live.loops = loops;
    live.loop_count = 2;
    live.tasks = 331;
    input.live = NULL;
    input.processes = processes;
    input.process_count = 4;
}
