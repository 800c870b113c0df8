/*
 * The screen of `top`. Input: a snapshot as JSON, up to a byte 0xff; then what happens, a byte each
 * and what it needs: samples and pictures of a process that looks like this, keys, sizes of the
 * screen, a list of processes. After each the screen is drawn: a terminal could obey nothing of it,
 * and its rows are as wide as it is.
 */
#include <stdlib.h>

#include "../support/fake_live.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/base/text.h"
#include "asyncspy/render/top.h"
#include "asyncspy/snapshot/json.h"
#include "fuzz_input.h"

#define EVENTS_MAX 40
#define ROWS_MAX 70
#define COLUMNS_MAX 250
#define PROCESSES 4

struct stage {
    struct fuzz_input json, rest;
    struct snapshot *pictures[2]; /* the last one and the one before it, or NULL */
    struct live_fold *fold;
    struct top_view *view;
    struct top_input input;
    struct top_process processes[PROCESSES];
    const struct live *live;
    double time_s;
    int rows, columns;
};

/* --- the screen --- */

/* What the terminal would be told: one character of the width that the cells leave it. */
static int check_cell(const struct screen *screen, int place, bool ascii) {
    const char *text = screen->cells[place].text;
    int width, more;
    if (screen->cells[place].style >= SCREEN_STYLE_COUNT || !*text)
        abort();
    for (size_t i = 0; text[i]; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f || (ascii && text[i] & 0x80))
            abort();
    size_t size = text_measure_character(text, &width);
    if (width < 1 || place % screen->columns + width > screen->columns)
        abort();
    for (; text[size]; size += text_measure_character(&text[size], &more)) {
        text_measure_character(&text[size], &more);
        if (more != 0)
            abort();
    }
    if (width == 2 && screen->cells[place + 1].text[0])
        abort();
    return width;
}

static void draw(const struct stage *stage) {
    struct screen *screen = screen_create(stage->rows, stage->columns);
    top_draw(stage->view, &stage->input, screen);
    for (int i = 0; i < screen->rows * screen->columns;)
        i += check_cell(screen, i, stage->input.ascii);
    screen_destroy(screen);
}

/* --- what happens --- */

static double take_number(struct fuzz_input *input) {
    static const double numbers[] = {0, 1, 0.5, -1, NAN, INFINITY, 1e300, 0.001};
    uint64_t byte = fuzz_take(input, 1);
    return byte & 0x80 ? numbers[byte % 8] : (double)byte / 100;
}

static void add_samples(struct stage *stage) {
    const struct snapshot *snapshot = stage->pictures[0];
    struct fake_live_course course = {.from_s = stage->time_s,
                                      .to_s = stage->time_s + 0.1,
                                      .busy = take_number(&stage->rest),
                                      .block_from_s = take_number(&stage->rest),
                                      .block_s = take_number(&stage->rest)};
    stage->time_s = course.to_s;
    if (snapshot)
        fake_live_add_samples(stage->fold, snapshot, &course);
}

static void add_picture(struct stage *stage) {
    struct snapshot *snapshot = snapshot_create();
    struct error *err =
        snapshot_json_read(snapshot, (const char *)stage->json.bytes, stage->json.left);
    uint64_t how = fuzz_take(&stage->rest, 1);
    if (err)
        abort(); /* it could be read before */
    if (how & 1)
        fake_live_set_back(snapshot);
    if (how & 2)
        fake_live_set_moved(snapshot);
    analyze(snapshot, NULL);
    stage->time_s += (double)(how >> 2);
    live_fold_add_picture(stage->fold, snapshot, stage->time_s);
    snapshot_destroy(stage->pictures[1]);
    stage->pictures[1] = stage->pictures[0];
    stage->pictures[0] = snapshot;
}

static void set_processes(struct stage *stage, uint64_t how) {
    for (size_t i = 0; i < PROCESSES; i++) {
        const struct snapshot *snapshot = stage->pictures[0];
        struct top_process *process = &stage->processes[i];
        *process = (struct top_process){.pid = (int64_t)(100 + i),
                                        .parent = i ? (int64_t)(100 + (how + i) % PROCESSES)
                                                    : SNAPSHOT_UNKNOWN,
                                        .live = how >> i & 1 ? stage->live : NULL,
                                        .why = i & 1 ? "it is not\n permitted" : NULL,
                                        .gone_s = i == 2 ? take_number(&stage->rest) : NAN};
        if (snapshot) {
            process->command_line = snapshot->target.command_line;
            process->command_line_count = snapshot->target.command_line_count;
        }
    }
    stage->input.processes = stage->processes;
    stage->input.process_count = how & 0x40 ? 0 : PROCESSES;
    stage->input.live = how & 0x80 ? NULL : stage->live;
    stage->input.can_go_back = how & 0x20;
}

static void update(struct stage *stage) {
    stage->live = live_fold_update(stage->fold, stage->time_s, take_number(&stage->rest));
    set_processes(stage, fuzz_take(&stage->rest, 1));
}

static void press(struct stage *stage, uint64_t kind) {
    struct top_key key = {.kind = (enum top_key_kind)(kind % (TOP_KEY_CLICK + 1))};
    if (key.kind == TOP_KEY_CHARACTER)
        key.character = (uint32_t)fuzz_take(&stage->rest, kind & 0x40 ? 4 : 1);
    else if (key.kind == TOP_KEY_CLICK)
        key.row = (int)fuzz_take(&stage->rest, 1) - 5;
    (void)top_view_press(stage->view, &stage->input, &key, stage->rows, stage->columns);
}

/* What is shown stays until the next update: a picture is always followed by one. */
static void happen(struct stage *stage) {
    uint64_t event = fuzz_take(&stage->rest, 1);
    switch (event >> 5) {
    case 0:
        add_samples(stage);
        update(stage);
        break;
    case 1:
        add_picture(stage);
        update(stage);
        break;
    case 2:
        stage->rows = (int)fuzz_take(&stage->rest, 1) % ROWS_MAX;
        stage->columns = (int)fuzz_take(&stage->rest, 1) % COLUMNS_MAX;
        break;
    case 3:
        stage->input.ascii = event & 1;
        stage->input.notice = event & 2 ? "the process\x1b has ended \xe6\xbc\xa2" : NULL;
        stage->input.is_notice_alarm = event & 4;
        break;
    default:
        press(stage, event & 0x7f);
    }
    draw(stage);
}

static bool is_readable(const struct fuzz_input *json) {
    struct snapshot *snapshot = snapshot_create();
    struct error *err = snapshot_json_read(snapshot, (const char *)json->bytes, json->left);
    bool is = !err;
    error_destroy(err);
    snapshot_destroy(snapshot);
    return is;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct stage stage = {.rest = {data, size}, .rows = 24, .columns = 80};
    stage.json = fuzz_take_part(&stage.rest);
    if (!is_readable(&stage.json))
        return -1;
    stage.fold = live_fold_create();
    stage.view = top_view_create();
    stage.input = (struct top_input){.clock = "04:12:07", .refresh_s = 1};
    update(&stage);
    for (int i = 0; i < EVENTS_MAX && stage.rest.left; i++)
        happen(&stage);
    top_view_destroy(stage.view);
    live_fold_destroy(stage.fold);
    snapshot_destroy(stage.pictures[0]);
    snapshot_destroy(stage.pictures[1]);
    return 0;
}
