#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorded_play.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/snapshot/recording_write.h"
#include "fake_target.h"
#include "recorded.h"

struct recorded_play {
    struct recorded *recorded;
    uint32_t random;
    uint64_t number;
    double time_s;
    struct recording_thread threads[8];
    struct recording_loop loops[3];
    size_t thread_count, loop_count;
    struct recording_sample sample;
};

struct recorded_play *recorded_play_create(uint32_t seed) {
    struct recorded_play *play = memory_alloc(sizeof *play);
    *play = (struct recorded_play){.recorded = recorded_create(), .random = seed};
    return play;
}

void recorded_play_destroy(struct recorded_play *play) {
    recorded_destroy(play->recorded);
    free(play);
}

static unsigned pick(struct recorded_play *play, unsigned below) {
    play->random = play->random * 1664525 + 1013904223;
    return (play->random >> 8) % below;
}

static enum snapshot_tristate pick_tristate(struct recorded_play *play) {
    return (enum snapshot_tristate)((int)pick(play, 3) - 1);
}

static const struct snapshot_stack *pick_stack(struct recorded_play *play) {
    char text[256] = "";
    for (unsigned i = pick(play, 6); i > 0; i--)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%sC.f%u a%u.py:%u",
                 *text ? "; " : "", pick(play, 3), pick(play, 2), pick(play, 4));
    return recorded_stack(play->recorded, text);
}

static const struct recording_wait *pick_wait(struct recorded_play *play) {
    static const char *const names[] = {NULL, "Lock#1", "Lock#2", "pool.sem"};
    return pick(play, 4) == 0
               ? NULL
               : recorded_wait(play->recorded, (enum snapshot_wait_kind)pick(play, 5),
                               names[pick(play, 4)], names[pick(play, 4)]);
}

static void change_task(struct recorded_play *play) {
    struct recording_task task = recorded_task(play->recorded, 1 + pick(play, 30));
    if (pick(play, 4) == 0) {
        recorded_drop_task(play->recorded, task.number);
        return;
    }
    task.state = (enum snapshot_task_state)pick(play, SNAPSHOT_TASK_STATE_COUNT);
    task.stack = pick_stack(play);
    task.wait = pick_wait(play);
    task.awaited_by = pick(play, 5);
    task.tid = pick(play, 3) ? SNAPSHOT_UNKNOWN : (int64_t)pick(play, 100);
    if (pick(play, 4) == 0)
        task.name = pick(play, 2) ? NULL : "renamed";
    if (pick(play, 8) == 0)
        task.event_loop = pick(play, 1000);
    recorded_set_task(play->recorded, &task);
}

static void change_thread(struct recorded_play *play, struct recording_thread *thread) {
    thread->cpu_s = pick(play, 5) ? pick(play, 1000) * 1e-6 : NAN;
    thread->on_cpu = pick_tristate(play);
    thread->holds_gil = pick_tristate(play);
    thread->waits_for_gil = pick_tristate(play);
    thread->task = pick(play, 3);
    thread->event_loop = pick(play, 2);
    thread->stack = pick_stack(play);
}

/* Threads come, go and change, anywhere in the list. */
static void change_threads(struct recorded_play *play) {
    size_t place = pick(play, 8), count = play->thread_count;
    if (place >= count || (pick(play, 3) == 0 && count < 8)) {
        place = place < count ? place : count;
        memmove(&play->threads[place + 1], &play->threads[place],
                (count - place) * sizeof *play->threads);
        play->threads[place] = recorded_thread(play->recorded, pick(play, 12), "worker");
        play->thread_count++;
    } else if (pick(play, 3) == 0) {
        play->thread_count--;
        memmove(&play->threads[place], &play->threads[place + 1],
                (count - place - 1) * sizeof *play->threads);
    } else {
        change_thread(play, &play->threads[place]);
    }
    recorded_set_threads(play->recorded, play->threads, play->thread_count);
}

static void change_loops(struct recorded_play *play) {
    size_t place = pick(play, 3);
    if (place >= play->loop_count)
        play->loops[play->loop_count++] = recorded_loop(pick(play, 4));
    else if (pick(play, 5) == 0)
        play->loop_count--;
    else
        play->loops[place] = (struct recording_loop){
            .id = play->loops[place].id,
            .type = pick(play, 2) ? "asyncio.X" : "uvloop.Loop",
            .tid = pick(play, 5),
            .state = (enum snapshot_loop_state)pick(play, SNAPSHOT_LOOP_STATE_UNKNOWN + 1),
            .task = pick(play, 30),
            .ready = pick(play, 3) ? pick(play, 100) : SNAPSHOT_UNKNOWN,
            .timers = pick(play, 3) ? pick(play, 100) : SNAPSHOT_UNKNOWN,
            .overdue_s = pick(play, 3) ? pick(play, 10) * 0.001 : NAN,
            .blocked_s = pick(play, 3) ? pick(play, 10) * 0.1 : NAN,
        };
    recorded_set_loops(play->recorded, play->loops, play->loop_count);
}

const struct recording_sample *recorded_play_next(struct recorded_play *play) {
    for (unsigned i = pick(play, 12); i > 0; i--)
        change_task(play);
    if (pick(play, 2))
        change_threads(play);
    if (pick(play, 4) == 0)
        change_loops(play);
    play->time_s += pick(play, 3) * 0.000125;
    struct recording_sample *sample = &play->sample;
    *sample = *recorded_take(play->recorded, play->time_s);
    sample->number = play->number += 1 + pick(play, 2);
    sample->pause_s = pick(play, 3) * 0.001;
    sample->late_s = pick(play, 3) * 0.002;
    sample->torn = pick(play, 3);
    sample->reads_failed = pick(play, 2);
    sample->gc = pick(play, 4);
    return sample;
}

void recorded_play_write(int file, uint32_t seed, size_t count, size_t memory_max) {
    struct recorded_play *play = recorded_play_create(seed);
    struct recording_writer *writer = NULL;
    fake_expect_success(
        recording_write_begin_small(file, recorded_get_info(play->recorded), memory_max, &writer));
    for (size_t i = 0; i < count; i++)
        fake_expect_success(recording_write_sample(writer, i / 7, recorded_play_next(play)));
    struct recording_end end = recorded_end(play->recorded, play->time_s);
    fake_expect_success(recording_write_end(writer, &end));
    assert_true(recording_get_size(writer) == (uint64_t)lseek(file, 0, SEEK_CUR));
    recording_writer_destroy(writer);
    recorded_play_destroy(play);
}
