#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorded_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_target.h"

int recorded_file_create(void) {
    int file = memfd_create("recording", MFD_CLOEXEC);
    assert_true(file >= 0);
    return file;
}

int recorded_file_of(const void *bytes, size_t size) {
    int file = recorded_file_create();
    assert_true(write(file, bytes, size) == (ssize_t)size);
    return file;
}

unsigned char *recorded_file_load(int file, size_t *ret_size) {
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    *ret_size = (size_t)status.st_size;
    unsigned char *bytes = memory_alloc(*ret_size);
    assert_true(pread(file, bytes, *ret_size, 0) == status.st_size);
    return bytes;
}

struct error *recorded_file_try(int file, struct recording_reader **ret) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return recording_read_begin(path, ret);
}

struct recording_reader *recorded_file_read(int file) {
    struct recording_reader *reader = NULL;
    fake_expect_success(recorded_file_try(file, &reader));
    return reader;
}

const struct recording_sample *recorded_file_next(struct recording_reader *reader) {
    const struct recording_sample *sample;
    fake_expect_success(recording_read_next(reader, &sample));
    assert_non_null(sample);
    return sample;
}

/* ---- comparing ---- */

static void assert_same_string(const char *expected, const char *text) {
    if (expected && text)
        assert_string_equal(text, expected);
    else
        assert_ptr_equal(text, expected);
}

static void assert_same_time(double expected, double time) {
    assert_true(isnan(expected) ? isnan(time) : fabs(expected - time) < 1e-9);
}

void recorded_assert_same_info(const struct recording_info *expected,
                               const struct recording_info *info) {
    const struct snapshot_target *first = &expected->target, *second = &info->target;
    assert_same_string(expected->asyncspy, info->asyncspy);
    assert_same_string(expected->started_at, info->started_at);
    assert_same_time(expected->rate, info->rate);
    assert_same_string(first->kind, second->kind);
    assert_true(first->pid == second->pid);
    assert_same_string(first->core, second->core);
    assert_same_string(first->executable, second->executable);
    assert_int_equal(second->command_line_count, first->command_line_count);
    for (size_t i = 0; i < second->command_line_count; i++)
        assert_same_string(first->command_line[i], second->command_line[i]);
    assert_same_string(first->architecture, second->architecture);
    assert_same_string(first->python_version, second->python_version);
    assert_int_equal(second->debug_build, first->debug_build);
    assert_int_equal(second->free_threaded, first->free_threaded);
    assert_same_string(first->started_at, second->started_at);
    assert_same_string(first->signal, second->signal);
}

static void assert_same_frame(const struct snapshot_frame *expected,
                              const struct snapshot_frame *frame) {
    assert_int_equal(frame->native, expected->native);
    assert_same_string(expected->function, frame->function);
    assert_same_string(expected->qualified_name, frame->qualified_name);
    assert_same_string(expected->file, frame->file);
    assert_same_string(expected->source, frame->source);
    assert_int_equal(frame->line, expected->line);
    assert_int_equal(frame->end_line, expected->end_line);
    assert_int_equal(frame->column, expected->column);
    assert_int_equal(frame->end_column, expected->end_column);
    assert_true(frame->address == expected->address);
}

void recorded_assert_same_stack(const struct snapshot_stack *expected,
                                const struct snapshot_stack *stack) {
    assert_int_equal(stack->count, expected->count);
    for (size_t i = 0; i < stack->count; i++)
        assert_same_frame(expected->frames[i], stack->frames[i]);
}

static void assert_same_wait(const struct recording_wait *expected,
                             const struct recording_wait *wait) {
    assert_int_equal(wait != NULL, expected != NULL);
    if (!wait)
        return;
    assert_int_equal(wait->kind, expected->kind);
    assert_same_string(expected->object, wait->object);
    assert_same_string(expected->name, wait->name);
    assert_same_string(expected->type, wait->type);
    assert_same_string(expected->peer, wait->peer);
    assert_same_string(expected->callee, wait->callee);
    assert_same_string(expected->task, wait->task);
    assert_true(wait->tasks == expected->tasks);
    assert_true(wait->fd == expected->fd);
    assert_true(wait->pid == expected->pid);
    assert_int_equal(wait->is_client, expected->is_client);
}

static void assert_same_task(const struct recording_task *expected,
                             const struct recording_task *task) {
    assert_int_equal(task != NULL, expected != NULL);
    if (!task)
        return;
    assert_true(task->number == expected->number);
    assert_true(task->id == expected->id);
    assert_same_string(expected->name, task->name);
    assert_same_string(expected->coroutine, task->coroutine);
    assert_true(task->event_loop == expected->event_loop);
    assert_int_equal(task->state, expected->state);
    assert_true(task->tid == expected->tid);
    recorded_assert_same_stack(expected->stack, task->stack);
    assert_same_wait(expected->wait, task->wait);
    assert_true(task->awaited_by == expected->awaited_by);
    assert_same_time(expected->since_s, task->since_s);
}

static void assert_same_thread(const struct recording_thread *expected,
                               const struct recording_thread *thread) {
    assert_true(thread->tid == expected->tid);
    assert_true(thread->ident == expected->ident);
    assert_same_string(expected->name, thread->name);
    assert_int_equal(thread->holds_gil, expected->holds_gil);
    assert_int_equal(thread->waits_for_gil, expected->waits_for_gil);
    assert_int_equal(thread->on_cpu, expected->on_cpu);
    assert_same_time(expected->cpu_s, thread->cpu_s);
    assert_true(thread->event_loop == expected->event_loop);
    assert_true(thread->task == expected->task);
    recorded_assert_same_stack(expected->stack, thread->stack);
}

static void assert_same_loop(const struct recording_loop *expected,
                             const struct recording_loop *loop) {
    assert_true(loop->id == expected->id);
    assert_same_string(expected->type, loop->type);
    assert_true(loop->tid == expected->tid);
    assert_int_equal(loop->state, expected->state);
    assert_true(loop->task == expected->task);
    assert_true(loop->ready == expected->ready);
    assert_true(loop->timers == expected->timers);
    assert_same_time(expected->overdue_s, loop->overdue_s);
    assert_same_time(expected->blocked_s, loop->blocked_s);
}

static int compare_numbers(const void *a, const void *b) {
    const struct recording_task *const *first = a, *const *second = b;
    return ((*first)->number > (*second)->number) - ((*first)->number < (*second)->number);
}

/* Tasks by number; free them. */
static const struct recording_task **sort_tasks(const struct recording_sample *sample) {
    size_t size = sample->task_count * sizeof *sample->tasks;
    const struct recording_task **tasks = memory_alloc(size);
    if (size)
        memcpy(tasks, sample->tasks, size);
    qsort(tasks, sample->task_count, sizeof *tasks, compare_numbers);
    return tasks;
}

static void assert_same_tasks(const struct recording_sample *expected,
                              const struct recording_sample *sample) {
    const struct recording_task **all = sort_tasks(expected), **tasks = sort_tasks(sample);
    assert_int_equal(sample->task_count, expected->task_count);
    for (size_t i = 0; i < sample->task_count; i++)
        assert_same_task(all[i], tasks[i]);
    free(all);
    free(tasks);
}

static void assert_same_changes(const struct recording_sample *expected,
                                const struct recording_sample *sample) {
    assert_int_equal(sample->change_count, expected->change_count);
    for (size_t i = 0; i < sample->change_count; i++) {
        assert_same_task(expected->changes[i].before, sample->changes[i].before);
        assert_same_task(expected->changes[i].after, sample->changes[i].after);
    }
}

void recorded_assert_same(const struct recording_sample *expected,
                          const struct recording_sample *sample) {
    assert_true(sample->number == expected->number);
    assert_same_time(expected->time_s, sample->time_s);
    assert_same_time(expected->pause_s, sample->pause_s);
    assert_same_time(expected->late_s, sample->late_s);
    assert_true(sample->torn == expected->torn);
    assert_true(sample->reads_failed == expected->reads_failed);
    assert_true(sample->gc == expected->gc);
    assert_same_tasks(expected, sample);
    assert_same_changes(expected, sample);
    assert_int_equal(sample->thread_count, expected->thread_count);
    for (size_t i = 0; i < sample->thread_count; i++)
        assert_same_thread(&expected->threads[i], &sample->threads[i]);
    assert_int_equal(sample->loop_count, expected->loop_count);
    for (size_t i = 0; i < sample->loop_count; i++)
        assert_same_loop(&expected->loops[i], &sample->loops[i]);
}
