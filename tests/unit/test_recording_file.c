/* Recordings as files: what is written is read again. What is wrong with a file:
 * test_recording_damage.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/snapshot/recording_write.h"
#include "../support/fake_target.h"
#include "../support/recorded.h"
#include "../support/recorded_file.h"
#include "../support/recorded_play.h"

static struct recording_writer *begin(int file, struct recorded *recorded) {
    struct recording_writer *writer = NULL;
    fake_expect_success(recording_write_begin(file, recorded_get_info(recorded), &writer));
    return writer;
}

static void expect_over(struct recording_reader *reader) {
    const struct recording_sample *sample;
    fake_expect_success(recording_read_next(reader, &sample));
    assert_null(sample);
}

/* ---- everything once ---- */

static void test_info(void **state) {
    (void)state;
    static const char *command_line[] = {"python3", "", "\xc3\xa9"};
    const struct recording_info info = {.asyncspy = "1.2",
                                        .started_at = "2026-11-21T12:00:00.000Z",
                                        .rate = 99.5,
                                        .target = {.kind = "process",
                                                   .pid = 4711,
                                                   .core = "core.1",
                                                   .executable = "/usr/bin/python3",
                                                   .command_line = command_line,
                                                   .command_line_count = 3,
                                                   .architecture = "x86_64",
                                                   .python_version = "3.13.0",
                                                   .debug_build = SNAPSHOT_YES,
                                                   .free_threaded = SNAPSHOT_MAYBE,
                                                   .started_at = "2026-11-21T11:00:00.000Z",
                                                   .signal = "SIGABRT"}};
    const struct recording_info bare = {
        .asyncspy = "", .started_at = "", .target.pid = SNAPSHOT_UNKNOWN};
    const struct recording_info *infos[] = {&info, &bare};
    for (size_t i = 0; i < 2; i++) {
        int file = recorded_file_create();
        struct recording_writer *writer = NULL;
        fake_expect_success(recording_write_begin(file, infos[i], &writer));
        recording_writer_destroy(writer);
        struct recording_reader *reader = recorded_file_read(file);
        recorded_assert_same_info(infos[i], recording_get_info(reader));
        expect_over(reader);
        assert_null(recording_get_end(reader)->reason);
        recording_reader_destroy(reader);
        close(file);
    }
    recording_reader_destroy(NULL);
    recording_writer_destroy(NULL);
}

static void test_end(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    const struct recording_end end = {.time_s = 12.5,
                                      .reason = "the process ended",
                                      .samples = 1000,
                                      .failed = 3,
                                      .pause_s = 0.25,
                                      .longest_pause_s = 0.004,
                                      .late_s = 1.5};
    fake_expect_success(recording_write_sample(writer, 0, recorded_take(recorded, 1.5)));
    fake_expect_success(recording_write_end(writer, &end));
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    assert_true(recording_get_progress(reader) < 1);
    recorded_file_next(reader);
    assert_true(recording_get_end(reader)->time_s == 1.5);
    expect_over(reader);
    const struct recording_end *read = recording_get_end(reader);
    assert_string_equal(read->reason, "the process ended");
    assert_true(read->time_s == 12.5);
    assert_int_equal(read->samples, 1000);
    assert_int_equal(read->failed, 3);
    assert_true(read->pause_s == 0.25);
    assert_true(read->longest_pause_s == 0.004);
    assert_true(read->late_s == 1.5);
    assert_true(recording_get_progress(reader) == 1);
    expect_over(reader);
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

static const struct snapshot_frame frames[] = {
    {.function = "f", .file = "a.py", .line = 1, .end_line = 3, .column = 4, .end_column = 79},
    {.function = "g",
     .qualified_name = "C.g",
     .file = "b.py",
     .line = INT32_MAX,
     .end_line = -1,
     .column = -1,
     .end_column = INT32_MAX,
     .source = "await x  # \xe2\x82\xac"},
    {.native = true,
     .function = "epoll_wait",
     .line = -1,
     .end_line = INT32_MAX,
     .column = 0,
     .end_column = -1,
     .address = UINT64_MAX},
    {.line = -1, .end_line = -1, .column = -1, .end_column = -1},
};

static const struct recording_wait waits[] = {
    {.kind = SNAPSHOT_WAIT_SOCKET_ACCEPT,
     .object = "o",
     .name = "n",
     .type = "t",
     .peer = "p",
     .callee = "c",
     .task = "k",
     .tasks = 7,
     .fd = 0,
     .pid = INT64_MAX,
     .is_client = true},
    {.kind = SNAPSHOT_WAIT_UNKNOWN,
     .tasks = SNAPSHOT_UNKNOWN,
     .fd = INT64_MIN + 1,
     .pid = SNAPSHOT_UNKNOWN},
};

static void make_full_threads(struct recorded *recorded, const struct snapshot_stack *stack) {
    const struct recording_thread threads[] = {
        {.tid = 42,
         .ident = UINT64_MAX,
         .name = "MainThread",
         .holds_gil = SNAPSHOT_YES,
         .waits_for_gil = SNAPSHOT_NO,
         .on_cpu = SNAPSHOT_MAYBE,
         .cpu_s = 1.000001,
         .event_loop = UINT64_MAX,
         .task = UINT64_MAX,
         .stack = stack},
        {.tid = SNAPSHOT_UNKNOWN,
         .holds_gil = SNAPSHOT_MAYBE,
         .waits_for_gil = SNAPSHOT_YES,
         .on_cpu = SNAPSHOT_NO,
         .cpu_s = NAN,
         .stack = recorded_stack(recorded, "")},
    };
    const struct recording_loop loops[] = {
        {.id = UINT64_MAX,
         .type = "uvloop.Loop",
         .tid = 42,
         .state = SNAPSHOT_LOOP_STATE_UNKNOWN,
         .task = 9,
         .ready = 0,
         .timers = INT64_MAX,
         .overdue_s = 86400.5,
         .blocked_s = 0},
        {.type = "",
         .tid = SNAPSHOT_UNKNOWN,
         .ready = SNAPSHOT_UNKNOWN,
         .timers = SNAPSHOT_UNKNOWN,
         .overdue_s = NAN,
         .blocked_s = NAN},
    };
    recorded_set_threads(recorded, threads, 2);
    recorded_set_loops(recorded, loops, 2);
}

static struct recording_sample make_full_sample(struct recorded *recorded) {
    static const struct snapshot_frame *pointers[] = {&frames[0], &frames[1], &frames[2],
                                                      &frames[3]};
    static const struct snapshot_stack stack = {4, pointers}, part = {2, pointers};
    struct recording_task first = {.number = 3,
                                   .id = UINT64_MAX,
                                   .name = "a \"name\"",
                                   .coroutine = "C.main",
                                   .event_loop = UINT64_MAX,
                                   .state = SNAPSHOT_TASK_RUNNING,
                                   .tid = 42,
                                   .stack = &stack,
                                   .wait = &waits[0],
                                   .awaited_by = 200};
    struct recording_task second = {.number = 200,
                                    .state = SNAPSHOT_TASK_CANCELLED,
                                    .tid = SNAPSHOT_UNKNOWN,
                                    .stack = &part,
                                    .wait = &waits[1],
                                    .awaited_by = 200};
    recorded_set_task(recorded, &first);
    recorded_set_task(recorded, &second);
    make_full_threads(recorded, &stack);
    struct recording_sample sample = *recorded_take(recorded, 0.000123);
    sample.number = 17;
    sample.pause_s = 0.0004;
    sample.late_s = 0.5;
    sample.torn = UINT64_MAX;
    sample.reads_failed = 1;
    sample.gc = UINT64_MAX;
    return sample;
}

static void test_everything(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    const struct recording_sample sample = make_full_sample(recorded);
    fake_expect_success(recording_write_sample(writer, 0, &sample));
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    recorded_assert_same(&sample, recorded_file_next(reader));
    expect_over(reader);
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

/* ---- random recordings ---- */

static void check_play(uint32_t seed, size_t count, size_t memory_max) {
    struct recorded_play *play = recorded_play_create(seed);
    int file = recorded_file_create();
    recorded_play_write(file, seed, count, memory_max);
    struct recording_reader *reader = recorded_file_read(file);
    for (size_t i = 0; i < count; i++)
        recorded_assert_same(recorded_play_next(play), recorded_file_next(reader));
    expect_over(reader);
    assert_string_equal(recording_get_end(reader)->reason, "interrupted");
    assert_int_equal(recording_get_end(reader)->samples, count);
    recording_reader_destroy(reader);
    recorded_play_destroy(play);
    close(file);
}

static void test_random(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++)
        check_play(seed, 300, SIZE_MAX);
}

static off_t measure_play(size_t memory_max) {
    int file = recorded_file_create();
    recorded_play_write(file, 1, 300, memory_max);
    off_t size = lseek(file, 0, SEEK_CUR);
    close(file);
    return size;
}

/* The writer forgets what it has defined: always, now and then. */
static void test_resets(void **state) {
    (void)state;
    for (uint32_t seed = 1; seed <= 10; seed++) {
        check_play(seed, 100, 0);
        check_play(seed, 300, 10000);
    }
    assert_true(measure_play(0) > measure_play(10000));
    assert_true(measure_play(10000) > measure_play(SIZE_MAX));
}

/* ---- pointers ---- */

/* One task whose stack and wait are told by memory that is used again. */
struct scratch {
    char name[8];
    struct snapshot_frame frame;
    const struct snapshot_frame *frames[1];
    struct snapshot_stack stack;
    struct recording_wait wait;
    struct recording_task task;
    struct recording_change change;
    struct recording_sample sample;
};

static void fill_scratch(struct scratch *scratch, uint64_t number) {
    const struct recording_task *task = &scratch->task;
    snprintf(scratch->name, sizeof scratch->name, "f%d", (int)number);
    scratch->frame = (struct snapshot_frame){.function = scratch->name, .line = (int32_t)number};
    scratch->frames[0] = &scratch->frame;
    scratch->stack = (struct snapshot_stack){1, scratch->frames};
    scratch->wait = (struct recording_wait){.kind = SNAPSHOT_WAIT_LOCK, .fd = (int64_t)number};
    scratch->task = (struct recording_task){
        .number = 1, .name = scratch->name, .stack = &scratch->stack, .wait = &scratch->wait};
    scratch->change = (struct recording_change){number > 1 ? task : NULL, task};
    scratch->sample =
        (struct recording_sample){.number = number, .changes = &scratch->change, .change_count = 1};
}

static void test_epochs(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    struct scratch scratch;
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    for (uint64_t number = 1; number < 10; number++) {
        fill_scratch(&scratch, number);
        fake_expect_success(recording_write_sample(writer, number, &scratch.sample));
    }
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    for (uint64_t number = 1; number < 10; number++) {
        const struct recording_sample *sample = recorded_file_next(reader);
        const struct recording_task *task = sample->tasks[0];
        fill_scratch(&scratch, number);
        assert_int_equal(sample->task_count, 1);
        assert_string_equal(task->name, scratch.name);
        assert_string_equal(task->stack->frames[0]->function, scratch.name);
        assert_int_equal(task->stack->frames[0]->line, number);
        assert_int_equal(task->wait->fd, number);
    }
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

/* Equal ones are one pointer for the reader, whenever the writer defined them. */
static void test_interned(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = NULL;
    fake_expect_success(recording_write_begin_small(file, recorded_get_info(recorded), 0, &writer));
    for (uint64_t number = 1; number < 5; number++) {
        struct recording_task task = recorded_task(recorded, number);
        task.stack = recorded_stack(recorded, "C.f a.py:1; main a.py:7");
        task.wait = recorded_wait(recorded, SNAPSHOT_WAIT_LOCK, "Lock#1", NULL);
        recorded_set_task(recorded, &task);
        fake_expect_success(
            recording_write_sample(writer, number, recorded_take(recorded, (double)number)));
    }
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    const struct recording_task *first = recorded_file_next(reader)->tasks[0];
    for (size_t i = 1; i < 4; i++) {
        const struct recording_task *task = recorded_file_next(reader)->changes[0].after;
        assert_int_equal(task->number, i + 1);
        assert_ptr_equal(task->stack, first->stack);
        assert_ptr_equal(task->stack->frames[1], first->stack->frames[1]);
        assert_ptr_equal(task->wait, first->wait);
        assert_ptr_equal(task->coroutine, first->coroutine);
    }
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

/* ---- sizes, and what cannot be ---- */

static uint64_t write_next(struct recording_writer *writer, struct recorded *recorded,
                           double time_s) {
    uint64_t before = recording_get_size(writer);
    fake_expect_success(recording_write_sample(writer, 0, recorded_take(recorded, time_s)));
    return recording_get_size(writer) - before;
}

static void test_sizes(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    for (size_t round = 0; round < 2; round++)
        for (uint64_t number = 1; number <= 200; number++) {
            struct recording_task task = recorded_task(recorded, number);
            task.stack = recorded_stack(recorded, round ? "C.f a.py:1; main a.py:7" : "");
            recorded_set_task(recorded, &task);
            if (number == 200)
                write_next(writer, recorded, 0.01 + 0.01 * (double)round);
        }
    assert_in_range(write_next(writer, recorded, 0.03), 8, 10);
    for (uint64_t number = 1; number <= 200; number++) {
        struct recording_task task = recorded_task(recorded, number);
        recorded_set_task(recorded, &task);
    }
    assert_in_range(write_next(writer, recorded, 0.04), 600, 620);
    recording_writer_destroy(writer);
    recorded_destroy(recorded);
    close(file);
}

/* A sample and what it needs go out in one write: through a pipe that keeps writes apart. */
static void test_one_write(void **state) {
    (void)state;
    int pipe[2];
    char bytes[4096];
    struct recorded_play *play = recorded_play_create(1);
    struct recorded *recorded = recorded_create();
    assert_int_equal(pipe2(pipe, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
    struct recording_writer *writer = begin(pipe[1], recorded);
    assert_true(read(pipe[0], bytes, sizeof bytes) > 0);
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t before = recording_get_size(writer);
        fake_expect_success(recording_write_sample(writer, i, recorded_play_next(play)));
        assert_int_equal(read(pipe[0], bytes, sizeof bytes), recording_get_size(writer) - before);
    }
    recording_writer_destroy(writer);
    recorded_play_destroy(play);
    recorded_destroy(recorded);
    close(pipe[0]);
    close(pipe[1]);
}

/* However often a task changes: neither writer nor reader keeps what it was. */
static void test_memory(void **state) {
    (void)state;
    enum { SAMPLES = 20000 };
    struct scratch scratch;
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    size_t before = mallinfo2().uordblks;
    for (uint64_t number = 1; number <= SAMPLES; number++) {
        fill_scratch(&scratch, number % 2 + 1);
        scratch.sample.number = number;
        fake_expect_success(recording_write_sample(writer, number, &scratch.sample));
    }
    assert_in_range(mallinfo2().uordblks - before, 0, 400000);
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    before = mallinfo2().uordblks;
    for (uint64_t number = 1; number <= SAMPLES; number++)
        recorded_file_next(reader);
    assert_in_range(mallinfo2().uordblks - before, 0, 400000);
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

/* Times that no sampler should have given become some that can be. */
static void test_odd_times(void **state) {
    (void)state;
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    static const double times[] = {5, 3, NAN, -1, 1e300, INFINITY};
    static const double expected[] = {5, 5, 5, 5, 1125899906.842624, 1125899906.842624};
    for (size_t i = 0; i < 6; i++) {
        struct recording_sample sample = *recorded_take(recorded, times[i]);
        sample.pause_s = i % 2 ? -1 : NAN;
        fake_expect_success(recording_write_sample(writer, 0, &sample));
    }
    fake_expect_success(
        recording_write_end(writer, &(struct recording_end){.time_s = 1, .late_s = NAN}));
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    for (size_t i = 0; i < 6; i++) {
        const struct recording_sample *sample = recorded_file_next(reader);
        assert_true(sample->time_s == expected[i]);
        assert_true(sample->pause_s == 0);
    }
    expect_over(reader);
    assert_true(recording_get_end(reader)->time_s == expected[5]);
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

/* Frames beyond the bound are left out, the outermost ones. */
static void test_deep_stack(void **state) {
    (void)state;
    enum { DEPTH = (1 << 18) + 10 };
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    const struct snapshot_frame **deep = memory_alloc(DEPTH * sizeof *deep);
    for (size_t i = 0; i < DEPTH; i++)
        deep[i] = &frames[i % 2];
    const struct snapshot_stack stack = {DEPTH, deep};
    struct recording_task task = recorded_task(recorded, 1);
    task.stack = &stack;
    recorded_set_task(recorded, &task);
    write_next(writer, recorded, 1);
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    const struct recording_task *read = recorded_file_next(reader)->tasks[0];
    assert_int_equal(read->stack->count, 1 << 18);
    recorded_assert_same_stack(&(struct snapshot_stack){1 << 18, deep}, read->stack);
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    free(deep);
    close(file);
}

static void check_refused(const struct recording_change *changes, size_t count, uint64_t number) {
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    struct recording_sample sample = {
        .number = number, .changes = changes, .change_count = count, .time_s = 1};
    write_next(writer, recorded, 0.5);
    fake_expect_error(recording_write_sample(writer, 0, &sample), ERROR_INVALID);
    sample = (struct recording_sample){.number = 99};
    fake_expect_error(recording_write_sample(writer, 0, &sample), ERROR_OS);
    fake_expect_error(recording_write_end(writer, &(struct recording_end){0}), ERROR_OS);
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    recorded_file_next(reader);
    expect_over(reader);
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

static void test_misuse(void **state) {
    (void)state;
    static const struct recording_task task = {.number = 7}, none = {.number = 0};
    static const struct recording_change twice[] = {{NULL, &task}, {&task, &task}};
    static const struct recording_change zero[] = {{NULL, &none}};
    check_refused(NULL, 0, 1);
    check_refused(twice, 2, 2);
    check_refused(zero, 1, 2);
}

/* A task that was never named may go; one that is named again may be told as new. */
static void test_loose_changes(void **state) {
    (void)state;
    static const struct recording_task first = {.number = 7, .state = SNAPSHOT_TASK_READY},
                                       second = {.number = 7, .state = SNAPSHOT_TASK_DONE};
    static const struct recording_change changes[] = {
        {&first, NULL}, {NULL, &first}, {NULL, &second}};
    struct recorded *recorded = recorded_create();
    int file = recorded_file_create();
    struct recording_writer *writer = begin(file, recorded);
    for (size_t i = 0; i < 3; i++)
        fake_expect_success(recording_write_sample(
            writer, 0,
            &(struct recording_sample){
                .number = i + 1, .changes = &changes[i], .change_count = 1}));
    recording_writer_destroy(writer);
    struct recording_reader *reader = recorded_file_read(file);
    assert_int_equal(recorded_file_next(reader)->change_count, 0);
    assert_null(recorded_file_next(reader)->changes[0].before);
    const struct recording_sample *sample = recorded_file_next(reader);
    assert_int_equal(sample->changes[0].before->state, SNAPSHOT_TASK_READY);
    assert_int_equal(sample->tasks[0]->state, SNAPSHOT_TASK_DONE);
    recording_reader_destroy(reader);
    recorded_destroy(recorded);
    close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),       cmocka_unit_test(test_end),
        cmocka_unit_test(test_everything), cmocka_unit_test(test_random),
        cmocka_unit_test(test_resets),     cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_interned),   cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_odd_times),  cmocka_unit_test(test_deep_stack),
        cmocka_unit_test(test_misuse),     cmocka_unit_test(test_loose_changes),
        cmocka_unit_test(test_memory),     cmocka_unit_test(test_one_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
