#include "made_live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

const struct live_loop made_live_loop = {
    .tid = SNAPSHOT_UNKNOWN,
    .state = SNAPSHOT_LOOP_STATE_UNKNOWN,
    .busy = NAN,
    .iteration_median_s = NAN,
    .iteration_worst_s = NAN,
    .lag_s = NAN,
    .ready = SNAPSHOT_UNKNOWN,
    .worst = {.length_s = NAN},
    .executor = {.max_workers = SNAPSHOT_UNKNOWN,
                 .busy = SNAPSHOT_UNKNOWN,
                 .idle = SNAPSHOT_UNKNOWN,
                 .queued = SNAPSHOT_UNKNOWN},
};

static const struct live_age no_age = {.seconds = NAN};

static void make_groups(const struct snapshot *snapshot, struct live *live) {
    struct live_group *groups =
        arena_alloc_array(snapshot->arena, snapshot->groups.count, sizeof *groups);
    for (size_t i = 0; i < snapshot->groups.count; i++)
        groups[i] = (struct live_group){.key = i + 1,
                                        .index = i,
                                        .count = snapshot->groups.items[i].task_count,
                                        .change = NAN,
                                        .oldest = no_age,
                                        .moved = NAN,
                                        .cpu = NAN};
    live->groups = groups;
    live->group_count = snapshot->groups.count;
}

static void make_rows(const struct snapshot *snapshot, struct live *live) {
    struct arena *arena = snapshot->arena;
    struct live_task *tasks = arena_alloc_array(arena, snapshot->tasks.count, sizeof *tasks);
    struct live_object *objects =
        arena_alloc_array(arena, snapshot->objects.count, sizeof *objects);
    struct live_thread *threads =
        arena_alloc_array(arena, snapshot->threads.count, sizeof *threads);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        tasks[i] = (struct live_task){no_age, SNAPSHOT_MAYBE, NAN};
    for (size_t i = 0; i < snapshot->objects.count; i++)
        objects[i] = (struct live_object){no_age, NAN};
    for (size_t i = 0; i < snapshot->threads.count; i++)
        threads[i] = (struct live_thread){NAN, NAN, NAN, NAN};
    live->task_rows = tasks;
    live->object_rows = objects;
    live->thread_rows = threads;
}

struct live *made_live_create(struct snapshot *snapshot) {
    struct live *live = arena_alloc(snapshot->arena, sizeof *live);
    *live = (struct live){.snapshot = snapshot,
                          .watched_s = 100,
                          .interval_s = 1,
                          .picture_age_s = NAN,
                          .paused = NAN,
                          .longest_pause_s = NAN,
                          .own_cpu = NAN,
                          .births = NAN,
                          .deaths = NAN,
                          .gil = NAN,
                          .gil_others = NAN,
                          .gc = NAN,
                          .accept_queue = SNAPSHOT_UNKNOWN,
                          .accept_max = SNAPSHOT_UNKNOWN,
                          .tasks = snapshot->tasks.count};
    make_groups(snapshot, live);
    make_rows(snapshot, live);
    return live;
}

const char *made_live_get_row(struct arena *arena, const struct screen *screen, int row) {
    const struct screen_cell *cells = &screen->cells[row * screen->columns];
    size_t length = 0;
    char *text = arena_alloc(arena, (size_t)screen->columns * SCREEN_CELL_BYTES + 1);
    for (int i = 0; i < screen->columns; i++) {
        size_t size = strlen(cells[i].text);
        memcpy(text + length, cells[i].text, size);
        length += size;
    }
    while (length && text[length - 1] == ' ')
        length--;
    text[length] = '\0';
    return text;
}

void made_live_check_screen(const struct screen *screen, bool ascii) {
    for (int i = 0; i < screen->rows * screen->columns; i++)
        for (const char *at = screen->cells[i].text; *at; at++) {
            assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
            assert_false(ascii && *at & 0x80);
        }
}
