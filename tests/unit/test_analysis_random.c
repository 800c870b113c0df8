/* Snapshots that make no sense: the analysis ends, names only what there is, and says the same when
 * it is asked again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../support/case.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/snapshot/task_index.h"

#define ROUNDS 3000

struct dice {
    uint64_t state;
};

/* 0 ... sides - 1 */
static size_t roll(struct dice *dice, size_t sides) {
    dice->state = dice->state * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(dice->state >> 33) % sides;
}

static enum snapshot_tristate roll_tristate(struct dice *dice) {
    return (enum snapshot_tristate)((int)roll(dice, 3) - 1);
}

static int64_t roll_number(struct dice *dice) {
    static const int64_t numbers[] = {SNAPSHOT_UNKNOWN, -1, 0, 1, 2, 3, 10, 1000, INT64_MAX};
    return numbers[roll(dice, sizeof numbers / sizeof *numbers)];
}

static double roll_seconds(struct dice *dice) {
    static const double seconds[] = {NAN, -5, 0, 0.1, 2, 1e9, INFINITY, -INFINITY, 1e308};
    return seconds[roll(dice, sizeof seconds / sizeof *seconds)];
}

static snapshot_id roll_task(struct dice *dice, const struct snapshot *snapshot) {
    size_t place = roll(dice, snapshot->tasks.count + 1);
    return place < snapshot->tasks.count ? snapshot->tasks.items[place].id : roll(dice, 3);
}

static snapshot_id roll_object(struct dice *dice, const struct snapshot *snapshot) {
    size_t place = roll(dice, snapshot->objects.count + 1);
    return place < snapshot->objects.count ? snapshot->objects.items[place].id : roll(dice, 3);
}

static int64_t roll_tid(struct dice *dice) {
    return roll(dice, 4) ? CASE_TID + (int64_t)roll(dice, 5) : roll_number(dice);
}

static void fill_wait(struct dice *dice, struct snapshot *snapshot, struct snapshot_wait *wait) {
    wait->kind = (enum snapshot_wait_kind)roll(dice, SNAPSHOT_WAIT_KIND_COUNT);
    for (size_t i = roll(dice, 4); i; i--)
        case_await(snapshot, wait, &(struct snapshot_task){.id = roll_task(dice, snapshot)});
    wait->any_task = roll_tristate(dice);
    wait->object = roll_object(dice, snapshot);
    wait->deadline_s = roll_seconds(dice);
    wait->has_timeout = roll(dice, 4) ? SNAPSHOT_NO : roll_tristate(dice);
    wait->fd = roll(dice, 2) ? (int64_t)roll(dice, 6) : roll_number(dice);
    wait->tid = roll_tid(dice);
    wait->pid = roll_number(dice);
    wait->done = roll_number(dice);
    wait->total = roll_number(dice);
    wait->position = roll_number(dice);
    wait->referrers_complete = roll_tristate(dice);
}

static void fill_task(struct dice *dice, struct snapshot *snapshot, struct snapshot_task *task) {
    static const char *const calls[] = {
        "get /usr/lib/python3.11/asyncio/queues.py:1",
        "_cancel_all_tasks /usr/lib/python3.11/asyncio/runners.py:1",
        "wait_closed /usr/lib/python3.11/asyncio/base_events.py:1", "run /app/x.py:1"};
    task->state = roll(dice, 3) ? SNAPSHOT_TASK_WAITING
                                : (enum snapshot_task_state)roll(dice, SNAPSHOT_TASK_STATE_COUNT);
    if (roll(dice, 8))
        fill_wait(dice, snapshot, case_wait(snapshot, task, SNAPSHOT_WAIT_TASK));
    if (roll(dice, 3) == 0)
        case_call(snapshot, &task->frames, calls[roll(dice, sizeof calls / sizeof *calls)]);
    if (roll(dice, 9) == 0)
        task->frames.count = 0;
    if (roll(dice, 9) == 0)
        task->name = NULL;
    if (roll(dice, 9) == 0)
        task->id = roll_task(dice, snapshot);
    task->event_loop = roll(dice, 4) ? CASE_LOOP : roll(dice, 0x30);
    task->moved = roll(dice, 3) ? SNAPSHOT_NO : roll_tristate(dice);
    task->cancel_requests = roll_number(dice);
    task->must_cancel = roll_tristate(dice);
    task->awaited_by = arena_alloc_array(snapshot->arena, 3, sizeof *task->awaited_by);
    task->awaited_by_count = roll(dice, 4);
    for (size_t i = 0; i < task->awaited_by_count; i++)
        task->awaited_by[i] = roll_task(dice, snapshot);
}

static void fill_object(struct dice *dice, struct snapshot *snapshot,
                        struct snapshot_object *object) {
    static const char *const keys[] = {"locked", "value",      "bound",       "size",  "max_size",
                                       "busy",   "unfinished", "max_workers", "queued"};
    object->kind = (enum snapshot_object_kind)roll(dice, SNAPSHOT_OBJECT_KIND_COUNT);
    for (size_t i = roll(dice, 5); i; i--)
        case_fact(snapshot, object, keys[roll(dice, sizeof keys / sizeof *keys)],
                  roll_number(dice));
    for (size_t i = roll(dice, 3); i; i--) {
        struct snapshot_holder *holder =
            case_hold(snapshot, object,
                      roll(dice, 5) && snapshot->tasks.count
                          ? &snapshot->tasks.items[roll(dice, snapshot->tasks.count)]
                          : NULL,
                      roll_tid(dice));
        holder->confidence = (enum snapshot_confidence)roll(dice, SNAPSHOT_CONFIDENCE_COUNT);
    }
}

static void fill_loop(struct dice *dice, struct snapshot_loop *loop) {
    loop->state = (enum snapshot_loop_state)roll(dice, SNAPSHOT_LOOP_STATE_UNKNOWN + 1);
    loop->tid = roll_tid(dice);
    loop->iteration_age_s = roll_seconds(dice);
    loop->overdue_s = roll_seconds(dice);
    loop->idle_s = roll_seconds(dice);
    loop->callback_index = roll_number(dice);
    loop->callback_count = roll_number(dice);
    loop->ready = roll(dice, 3) ? 0 : roll_number(dice);
    loop->timers = roll(dice, 3) ? 0 : roll_number(dice);
    loop->moved = roll_tristate(dice);
}

static void fill_thread(struct dice *dice, struct snapshot *snapshot,
                        struct snapshot_thread *thread) {
    thread->event_loop = roll(dice, 2) ? 0 : roll(dice, 2) ? CASE_LOOP : 0x20;
    thread->current_task = roll_task(dice, snapshot);
    thread->waits_for_gil = roll_tristate(dice);
    thread->syscall = roll(dice, 2) ? "read" : NULL;
    thread->os_state = roll(dice, 2) ? "R" : NULL;
    thread->syscall_fd = roll_number(dice);
    if (roll(dice, 3) == 0)
        fill_wait(dice, snapshot, case_wait_thread(snapshot, thread, SNAPSHOT_WAIT_TASK));
}

static void fill_socket(struct dice *dice, struct snapshot_socket *socket) {
    static const char *const texts[] = {NULL, "", "10.0.0.1:80", "10.0.0.1:5000", "/run/x", "::"};
    socket->family = roll(dice, 3) ? "inet" : roll(dice, 2) ? "unix" : NULL;
    socket->local = texts[roll(dice, sizeof texts / sizeof *texts)];
    socket->peer = texts[roll(dice, sizeof texts / sizeof *texts)];
    socket->state = roll(dice, 3) ? "ESTABLISHED" : roll(dice, 2) ? "LISTEN" : NULL;
    socket->receive_queue = roll_number(dice);
    socket->send_queue = roll_number(dice);
    socket->retransmits = roll_number(dice);
    socket->last_received_s = roll(dice, 2) ? NAN : (double)roll(dice, 50) / 10;
    socket->last_sent_s = roll(dice, 3) ? (double)roll(dice, 50) / 10 : NAN;
    socket->registered = (enum snapshot_registered)roll(dice, SNAPSHOT_REGISTERED_BOTH + 1);
    socket->moved = roll_tristate(dice);
}

static struct snapshot *make(struct dice *dice) {
    struct snapshot *snapshot = case_create(64);
    for (size_t i = roll(dice, 20); i; i--)
        case_task(snapshot, i % 2 ? "job" : "main");
    for (size_t i = roll(dice, 6); i; i--)
        case_object(snapshot, SNAPSHOT_OBJECT_LOCK, roll(dice, 3) ? "Lock#1" : NULL);
    for (size_t i = roll(dice, 4); i; i--)
        case_thread(snapshot, CASE_TID + (int64_t)i, roll(dice, 2) ? "worker" : NULL);
    if (roll(dice, 2))
        case_loop(snapshot, 0x20, CASE_TID + 1);
    for (size_t i = 0; i < snapshot->objects.count; i++)
        fill_object(dice, snapshot, &snapshot->objects.items[i]);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        fill_task(dice, snapshot, &snapshot->tasks.items[i]);
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        if (roll(dice, 2))
            fill_loop(dice, &snapshot->event_loops.items[i]);
    for (size_t i = 0; i < snapshot->threads.count; i++)
        if (roll(dice, 2))
            fill_thread(dice, snapshot, &snapshot->threads.items[i]);
    for (size_t i = roll(dice, 6); i; i--)
        fill_socket(dice, case_socket(snapshot, (int64_t)i - 1, NULL, NULL));
    if (roll(dice, 5) == 0)
        SNAPSHOT_APPEND(snapshot, &snapshot->coroutines)->id = 5;
    return snapshot;
}

static bool has_object(const struct snapshot *snapshot, snapshot_id id) {
    for (size_t i = 0; i < snapshot->objects.count; i++)
        if (snapshot->objects.items[i].id == id)
            return true;
    return false;
}

static bool has_thread(const struct snapshot *snapshot, int64_t tid) {
    for (size_t i = 0; i < snapshot->threads.count; i++)
        if (snapshot->threads.items[i].tid == tid)
            return true;
    return false;
}

static void check_finding(const struct snapshot *snapshot, const struct task_index *index,
                          const struct snapshot_finding *finding) {
    assert_true(finding->code > SNAPSHOT_FINDING_OK && finding->code < SNAPSHOT_FINDING_CODE_COUNT);
    assert_true(finding->confidence < SNAPSHOT_CONFIDENCE_COUNT);
    assert_non_null(finding->summary);
    assert_non_null(finding->next);
    if (!finding->proof_count)
        fail_msg("no proof: %s", finding->summary);
    assert_true(finding->proof_count <= 4);
    assert_true(finding->cost_count <= 4);
    for (size_t i = 0; i < finding->task_count; i++)
        assert_true(task_index_find(index, finding->tasks[i]) != TASK_INDEX_NONE);
    for (size_t i = 0; i < finding->thread_count; i++)
        assert_true(has_thread(snapshot, finding->threads[i]));
    for (size_t i = 0; i < finding->object_count; i++)
        assert_true(has_object(snapshot, finding->objects[i]));
}

static void check(const struct snapshot *snapshot) {
    struct arena *arena = arena_create();
    const struct task_index *index = task_index_create(arena, snapshot);
    size_t grouped = 0;
    for (size_t i = 0; i < snapshot->findings.count; i++) {
        check_finding(snapshot, index, &snapshot->findings.items[i]);
        assert_true(!i || snapshot->findings.items[i - 1].confidence >=
                              snapshot->findings.items[i].confidence);
    }
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        assert_true(!task->awaiting || task->awaiting->text);
        for (size_t j = 0; j < task->awaited_by_count; j++)
            assert_true(task_index_find(index, task->awaited_by[j]) != TASK_INDEX_NONE);
    }
    for (size_t i = 0; i < snapshot->groups.count; i++)
        grouped += snapshot->groups.items[i].task_count;
    assert_int_equal(grouped, snapshot->tasks.count);
    assert_non_null(snapshot->verdict.text);
    arena_destroy(arena);
}

static void test_random(void **state) {
    (void)state;
    struct dice dice = {.state = 42};
    size_t found[SNAPSHOT_FINDING_CODE_COUNT] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct snapshot *snapshot = make(&dice);
        analyze(snapshot, NULL);
        check(snapshot);
        size_t findings = snapshot->findings.count;
        const char *text = snapshot->verdict.text;
        for (size_t i = 0; i < findings; i++)
            found[snapshot->findings.items[i].code]++;
        analyze(snapshot, NULL);
        check(snapshot);
        assert_int_equal(snapshot->findings.count, findings);
        assert_string_equal(snapshot->verdict.text, text);
        snapshot_destroy(snapshot);
    }
    size_t codes = 0;
    for (size_t i = 0; i < SNAPSHOT_FINDING_CODE_COUNT; i++)
        codes += found[i] > 0;
    assert_true(codes >= 12); /* the dice do reach them */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
