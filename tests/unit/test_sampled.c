/*
 * Samples of a fake program in the words of a recording: what is told to have changed is what has,
 * over all ways to look, and from epoch to epoch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_samples.h"
#include "../support/fake_waits.h"

#define TASKS_MAX 64
#define TEXT_MAX 512

struct fixture {
    struct fake_samples samples;
    struct fake_asyncio aio;
    struct fake_program program;
    struct fake_python *fake;
    /* What the changes so far make of nothing. */
    char texts[TASKS_MAX][TEXT_MAX];
    uint64_t numbers[TASKS_MAX];
    size_t count;
};

static void set_up(struct fixture *f, struct fake_target *target) {
    f->fake = target->fake;
    f->count = 0;
    fake_python_add_metatype(f->fake);
    fake_asyncio_create(&f->aio, f->fake);
    fake_program_create(&f->program, &f->aio);
    fake_samples_open(&f->samples, target, f->aio.runtime);
}

/* Fails where there is none. */
static const struct recording_task *find(const struct recording_sample *sample, uint64_t id) {
    static const struct recording_task none;
    for (size_t i = 0; i < sample->task_count; i++)
        if (sample->tasks[i]->id == id)
            return sample->tasks[i];
    fail_msg("no task 0x%llx", (unsigned long long)id);
    return &none;
}

static const struct recording_sample *take(struct fixture *f) {
    fake_samples_look(&f->samples);
    return fake_samples_add(&f->samples, false);
}

/* --- changes --- */

static const char *or_none(const char *text) {
    return text ? text : "-";
}

/* All that a recording shows of it. */
static void describe(const struct recording_task *task, char *ret) {
    const struct recording_wait *wait = task->wait;
    int size = snprintf(ret, TEXT_MAX, "%llx %s %s %d %lld %llu", (unsigned long long)task->id,
                        or_none(task->name), or_none(task->coroutine), (int)task->state,
                        (long long)task->tid, (unsigned long long)task->awaited_by);
    for (size_t i = 0; i < task->stack->count; i++)
        size += snprintf(ret + size, (size_t)(TEXT_MAX - size), " %s:%d",
                         task->stack->frames[i]->function, (int)task->stack->frames[i]->line);
    if (wait)
        snprintf(ret + size, (size_t)(TEXT_MAX - size), " %d %s %s %s %s", (int)wait->kind,
                 or_none(wait->object), or_none(wait->name), or_none(wait->type),
                 or_none(wait->task));
}

static size_t find_number(const struct fixture *f, uint64_t number) {
    size_t i = 0;
    while (i < f->count && f->numbers[i] != number)
        i++;
    return i;
}

static void replay_change(struct fixture *f, const struct recording_change *change) {
    char before[TEXT_MAX] = "", after[TEXT_MAX] = "";
    size_t at = find_number(f, (change->before ? change->before : change->after)->number);
    assert_int_equal(at < f->count, change->before != NULL);
    if (change->before) {
        describe(change->before, before);
        assert_string_equal(before, f->texts[at]);
    }
    if (!change->after) {
        f->count--;
        f->numbers[at] = f->numbers[f->count];
        memcpy(f->texts[at], f->texts[f->count], TEXT_MAX);
        return;
    }
    assert_true(!change->before || change->before->number == change->after->number);
    describe(change->after, after);
    assert_string_not_equal(before, after);
    memcpy(f->texts[at], after, TEXT_MAX);
    f->numbers[at] = change->after->number;
    f->count += !change->before;
    assert_true(f->count < TASKS_MAX);
}

static void check_once_each(const struct recording_sample *sample) {
    for (size_t i = 0; i < sample->change_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct recording_change *a = &sample->changes[i], *b = &sample->changes[j];
            assert_true((a->before ? a->before : a->after)->number !=
                        (b->before ? b->before : b->after)->number);
        }
}

/* The changes lead from the sample before to this one, and none tells nothing. */
static void replay(struct fixture *f, const struct recording_sample *sample) {
    char text[TEXT_MAX];
    check_once_each(sample);
    for (size_t i = 0; i < sample->change_count; i++)
        replay_change(f, &sample->changes[i]);
    assert_int_equal(sample->task_count, f->count);
    for (size_t i = 0; i < sample->task_count; i++) {
        size_t at = find_number(f, sample->tasks[i]->number);
        assert_true(at < f->count);
        describe(sample->tasks[i], text);
        assert_string_equal(text, f->texts[at]);
    }
}

/* --- one thing each --- */

static void test_nothing_changes(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    const struct recording_sample *sample = take(&f);
    assert_int_equal(sample->task_count, 12);
    replay(&f, sample);
    for (int i = 0; i < 5; i++) {
        if (i % 2)
            fake_samples_begin_epoch(&f.samples);
        sample = take(&f);
        assert_int_equal(sample->change_count, 0);
        replay(&f, sample);
        assert_true(find(sample, f.program.waiting)->since_s == 1);
    }
    assert_int_equal(sampled_repeat(f.samples.sampled, 99)->change_count, 0);
    fake_samples_close(&f.samples);
}

static void test_whole_or_not(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    assert_true(take(&f)->is_whole);
    fake_samples_look_running(&f.samples);
    const struct recording_sample *sample = fake_samples_add_running(&f.samples, false);
    assert_false(sample->is_whole);
    assert_int_equal(sample->task_count, 12);
    assert_false(sampled_repeat(f.samples.sampled, 98)->is_whole);
    assert_true(take(&f)->is_whole);
    assert_true(sampled_repeat(f.samples.sampled, 99)->is_whole);
    fake_samples_close(&f.samples);
}

static void test_waits_for_a_task(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    const struct recording_sample *sample = take(&f);
    const struct recording_task *joining = find(sample, f.program.joining);
    assert_string_equal(joining->wait ? or_none(joining->wait->task) : "no wait",
                        or_none(find(sample, f.program.waiting)->name));
    assert_true(find(sample, f.program.waiting)->awaited_by == joining->number);
    fake_samples_close(&f.samples);
}

/* The one that came first counts, whoever comes then, and in each epoch. */
static void test_several_wait_for_a_task(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    replay(&f, take(&f));
    uint64_t coroutine = fake_coroutine(&f.aio, "join2", 400, FAKE_SUSPENDED_AWAIT,
                                        fake_future_iter(&f.aio, f.program.waiting));
    fake_task(&f.aio, &(struct fake_task){.name = fake_str(f.fake, "second joiner"),
                                          .coroutine = coroutine,
                                          .fut_waiter = f.program.waiting});
    const struct recording_sample *sample = take(&f);
    replay(&f, sample);
    assert_int_equal(sample->change_count, 1);
    for (int i = 0; i < 3; i++) {
        fake_samples_begin_epoch(&f.samples);
        sample = take(&f);
        assert_int_equal(sample->change_count, 0);
        assert_true(find(sample, f.program.waiting)->awaited_by ==
                    find(sample, f.program.joining)->number);
    }
    fake_samples_close(&f.samples);
}

static void test_another_task_at_the_address(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    const struct recording_sample *sample = take(&f);
    replay(&f, sample);
    uint64_t ready = f.program.ready, number = find(sample, ready)->number;
    FAKE_SET(f.fake, ready, task, coroutine, fake_coroutine(&f.aio, "other", 300, FAKE_CREATED, 0));
    sample = take(&f);
    replay(&f, sample);
    assert_int_equal(sample->change_count, 2);
    assert_true(find(sample, ready)->number > number);
    assert_string_equal(find(sample, ready)->coroutine, "other");
    fake_samples_close(&f.samples);
}

static size_t count_noted(struct fixture *f) {
    uint64_t failed;
    size_t noted = 0;
    const struct aio_sampled_tasks *tasks =
        aio_memo_get_tasks(f->samples.looks.items[0].memo, &failed);
    for (size_t i = 0; i < tasks->count; i++)
        noted += tasks->items[i]->is_valid && tasks->items[i]->task.note_count > 0;
    return noted;
}

static void test_needs_proof(struct fake_target *target) {
    struct fixture f;
    set_up(&f, target);
    replay(&f, take(&f));
    FAKE_SET(f.fake, f.program.not_started, task, state, FAKE_FINISHED_STATE);
    fake_samples_look(&f.samples);
    const struct recording_sample *sample = fake_samples_add(&f.samples, true);
    replay(&f, sample);
    /* The one that runs is not proven either, nor are those of which not all can be read. */
    assert_int_equal(sample->torn, 2 + count_noted(&f));
    assert_int_equal(find(sample, f.program.not_started)->state, SNAPSHOT_TASK_NOT_STARTED);
    fake_samples_begin_epoch(&f.samples);
    fake_samples_look(&f.samples);
    sample = fake_samples_add(&f.samples, true);
    replay(&f, sample);
    assert_int_equal(sample->change_count, 0);
    assert_int_equal(sample->torn, sample->task_count);
    fake_samples_look(&f.samples);
    sample = fake_samples_add(&f.samples, true);
    replay(&f, sample);
    assert_int_equal(find(sample, f.program.not_started)->state, SNAPSHOT_TASK_DONE);
    fake_samples_close(&f.samples);
}

/* --- at random --- */

static uint64_t pick(uint64_t *seed, uint64_t count) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % count;
}

static void change_name(struct fixture *f, uint64_t task, uint64_t *seed) {
    char name[16];
    snprintf(name, sizeof name, "name %llu", (unsigned long long)pick(seed, 4));
    FAKE_SET(f->fake, task, task, name, fake_str(f->fake, name));
}

static void change_wait(struct fixture *f, uint64_t task, uint64_t other, uint64_t *seed) {
    uint64_t future = pick(seed, 2) ? fake_future(&f->aio, FAKE_PENDING) : other;
    uint64_t coroutine =
        fake_coroutine(&f->aio, pick(seed, 2) ? "wait" : "join", 500 + (int)pick(seed, 3),
                       FAKE_SUSPENDED_AWAIT, fake_future_iter(&f->aio, future));
    FAKE_SET(f->fake, task, task, coroutine, coroutine);
    FAKE_SET(f->fake, task, task, fut_waiter, future);
}

static void change_something(struct fixture *f, uint64_t *seed) {
    const struct fake_program *p = &f->program;
    const uint64_t tasks[] = {p->not_started, p->waiting, p->ready,     p->joining,
                              p->running,     p->done,    p->cancelled, p->no_coroutine};
    uint64_t task = tasks[pick(seed, 8)], other = tasks[pick(seed, 8)];
    switch (pick(seed, 5)) {
    case 0:
        change_name(f, task, seed);
        break;
    case 1:
        FAKE_SET(f->fake, task, task, state, pick(seed, 3));
        break;
    case 2: /* its memory, that is: it is no task any more, or one again */
        FAKE_SET(f->fake, task, object, type, pick(seed, 2) ? f->aio.task_type : f->fake->none);
        break;
    default:
        change_wait(f, task, other, seed);
    }
}

/* One sample in one of the ways that a sampler has. */
static const struct recording_sample *take_somehow(struct fixture *f, uint64_t *seed) {
    struct fake_samples *samples = &f->samples;
    bool needs_proof = pick(seed, 3) == 0;
    uint64_t way = pick(seed, 4);
    if (way == 0) {
        fake_samples_look_running(samples);
        if (pick(seed, 2))
            change_something(f, seed);
        fake_samples_look_running(samples);
        return fake_samples_add_running(samples, needs_proof);
    }
    if (way == 1)
        fake_samples_begin_epoch(samples);
    fake_samples_look(samples);
    if (pick(seed, 2))
        change_something(f, seed);
    if (way == 2)
        fake_samples_look_again(samples);
    return fake_samples_add(samples, needs_proof);
}

static void test_changes_are_the_differences(struct fake_target *target) {
    struct fixture f;
    uint64_t seed = 7 + target->fake->table->minor;
    set_up(&f, target);
    replay(&f, take(&f));
    for (int i = 0; i < 400; i++) {
        for (uint64_t n = pick(&seed, 3); n > 0; n--)
            change_something(&f, &seed);
        replay(&f, take_somehow(&f, &seed));
    }
    fake_samples_close(&f.samples);
}

FAKE_EACH_VERSION(test_nothing_changes)
FAKE_EACH_VERSION(test_whole_or_not)
FAKE_EACH_VERSION(test_waits_for_a_task)
FAKE_EACH_VERSION(test_several_wait_for_a_task)
FAKE_EACH_VERSION(test_another_task_at_the_address)
FAKE_EACH_VERSION(test_needs_proof)
FAKE_EACH_VERSION(test_changes_are_the_differences)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_nothing_changes),
        FAKE_TEST(test_whole_or_not),
        FAKE_TEST(test_waits_for_a_task),
        FAKE_TEST(test_several_wait_for_a_task),
        FAKE_TEST(test_another_task_at_the_address),
        FAKE_TEST(test_needs_proof),
        FAKE_TEST(test_changes_are_the_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
