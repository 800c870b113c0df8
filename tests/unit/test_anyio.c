/* anyio's cancel scopes, makers of tasks, names behind its wrappers, owners of its locks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"

#define NOW 1000.0
#define BACKEND "/usr/lib/python3/dist-packages/anyio/_backends/_asyncio.py"
#define TASKS "/usr/lib/python3/dist-packages/anyio/_core/_tasks.py"
#define FROM_THREAD "/usr/lib/python3/dist-packages/anyio/from_thread.py"

static const struct target_thread kernel_thread = {
    .tid = 4712, .namespace_tid = 4711, .name = "python3", .state = 'R', .syscall = -1};

enum { DEADLINE, SHIELD, PARENT_SCOPE, CANCEL_CALLED, HOST_TASK, SCOPE_KEYS };
static const char *const scope_keys[] = {"_deadline",      "_shield",    "_parent_scope",
                                         "_cancel_called", "_host_task", NULL};
static const char *const state_slots[] = {"parent_id", "cancel_scope"};

struct fake_anyio {
    struct fake_asyncio aio;
    uint64_t states; /* the dict of task states */
    uint64_t scope_type, state_type;
};

static uint64_t make_class(struct fake_python *fake, const char *module, const char *name,
                           const char *const *keys) {
    return fake_class(fake, &(struct fake_class){.module = module, .name = name, .keys = keys});
}

static void create(struct fake_target *target, struct fake_anyio *anyio) {
    static const char *const keys[] = {"data", NULL};
    struct fake_python *fake = target->fake;
    fake_asyncio_create(&anyio->aio, fake);
    anyio->states = fake_dict(fake, true);
    uint64_t dictionary =
        fake_instance(fake, make_class(fake, "weakref", "WeakKeyDictionary", keys), &anyio->states);
    uint64_t module = fake_dict(fake, false);
    fake_dict_set(fake, module, "_task_states", dictionary);
    fake_dict_set(fake, anyio->aio.modules, "anyio._backends._asyncio", fake_module(fake, module));
    anyio->scope_type = make_class(fake, "anyio._backends._asyncio", "CancelScope", scope_keys);
    anyio->state_type = fake_class(fake, &(struct fake_class){.module = "anyio._backends._asyncio",
                                                              .name = "TaskState",
                                                              .size = 32});
    for (size_t i = 0; i < 2; i++)
        fake_class_add_slot(fake, anyio->state_type, state_slots[i], 16 + 8 * i);
}

static uint64_t make_scope(struct fake_anyio *anyio, double deadline, bool shield, bool cancelled,
                           uint64_t parent) {
    struct fake_python *fake = anyio->aio.fake;
    uint64_t values[SCOPE_KEYS] = {fake_float(fake, deadline), shield ? fake->true_ : fake->false_,
                                   parent ? parent : fake->none,
                                   cancelled ? fake->true_ : fake->false_, fake->none};
    return fake_instance(fake, anyio->scope_type, values);
}

static void set_state(struct fake_anyio *anyio, uint64_t task, uint64_t parent_id, uint64_t scope) {
    struct fake_python *fake = anyio->aio.fake;
    uint64_t state = fake_object(fake, anyio->state_type, 32);
    fake_put(fake, state + 16, parent_id, 8);
    fake_put(fake, state + 24, scope, 8);
    fake_dict_add(fake, anyio->states, fake_weakref(fake, task), state);
}

/* A coroutine of a function in `file` whose `self` is that. */
static uint64_t make_coroutine(struct fake_anyio *anyio, const char *file, const char *function,
                               uint64_t self, uint64_t awaited) {
    struct fake_python *fake = anyio->aio.fake;
    uint64_t coroutine =
        fake_generator(fake, FAKE_COROUTINE, fake_code(fake, function, function, file, 100),
                       FAKE_SUSPENDED_AWAIT, awaited);
    if (self)
        fake_frame_put(fake, fake_generator_get_frame(fake, coroutine), 0, self);
    return coroutine;
}

static uint64_t make_task(struct fake_anyio *anyio, const char *file, const char *function,
                          uint64_t self) {
    uint64_t future = fake_future(&anyio->aio, FAKE_PENDING);
    uint64_t coroutine =
        make_coroutine(anyio, file, function, self, fake_future_iter(&anyio->aio, future));
    return fake_task(&anyio->aio,
                     &(struct fake_task){.coroutine = coroutine, .fut_waiter = future});
}

static uint64_t make_plain_task(struct fake_anyio *anyio) {
    return make_task(anyio, "/srv/app.py", "worker", 0);
}

static const struct snapshot_task *walk(struct fake_target *target, struct fake_anyio *anyio,
                                        uint64_t task) {
    struct walk_search search = {0};
    fake_target_open(target, anyio->aio.runtime);
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel_thread, 1, NOW}, &search));
    for (size_t i = 0; i < target->snapshot->tasks.count; i++)
        if (target->snapshot->tasks.items[i].id == task)
            return &target->snapshot->tasks.items[i];
    fail_msg("the task is not there");
    return NULL;
}

/* --- cancel scopes --- */

/* NaN: no timeout. */
static void expect_deadline(struct fake_target *target, uint64_t (*make)(struct fake_anyio *anyio),
                            double seconds) {
    struct fake_anyio anyio;
    create(target, &anyio);
    uint64_t task = make_plain_task(&anyio);
    set_state(&anyio, task, target->fake->none, make(&anyio));
    const struct snapshot_task *found = walk(target, &anyio, task);
    assert_int_equal(found->note_count, 0);
    assert_int_equal(found->awaiting->has_timeout, isnan(seconds) ? SNAPSHOT_NO : SNAPSHOT_YES);
    if (isnan(seconds))
        assert_true(isnan(found->awaiting->deadline_s));
    else
        assert_true(fabs(found->awaiting->deadline_s - seconds) < 1e-6);
}

static uint64_t make_nested(struct fake_anyio *anyio) {
    uint64_t outer = make_scope(anyio, NOW + 5, false, false, 0);
    uint64_t middle = make_scope(anyio, NOW + 3, false, false, outer);
    return make_scope(anyio, NOW + 9, false, false, middle);
}

static uint64_t make_shielded(struct fake_anyio *anyio) {
    uint64_t outer = make_scope(anyio, NOW + 5, false, false, 0);
    return make_scope(anyio, NOW + 9, true, false, outer);
}

static uint64_t make_cancelled(struct fake_anyio *anyio) {
    uint64_t outer = make_scope(anyio, NOW + 5, false, false, 0);
    return make_scope(anyio, NOW - 2, false, true, outer);
}

static uint64_t make_infinite(struct fake_anyio *anyio) {
    uint64_t outer = make_scope(anyio, NAN, false, false, 0);
    return make_scope(anyio, INFINITY, false, false, outer);
}

static uint64_t make_cycle(struct fake_anyio *anyio) {
    struct fake_python *fake = anyio->aio.fake;
    uint64_t dict = fake_dict(fake, false), parent = fake_dict(fake, false);
    uint64_t inner = fake_instance_with_dict(fake, anyio->scope_type, dict);
    uint64_t outer = fake_instance_with_dict(fake, anyio->scope_type, parent);
    fake_dict_set(fake, dict, "_deadline", fake_float(fake, NOW + 4));
    fake_dict_set(fake, dict, "_parent_scope", outer);
    fake_dict_set(fake, parent, "_parent_scope", inner);
    return inner;
}

static void test_scopes(struct fake_target *target) {
    expect_deadline(target, make_nested, 3);
    expect_deadline(target, make_shielded, 9);
    expect_deadline(target, make_cancelled, 5);
    expect_deadline(target, make_infinite, NAN);
    expect_deadline(target, make_cycle, 4);
}

static void test_odd_states(struct fake_target *target) {
    struct fake_anyio anyio;
    create(target, &anyio);
    uint64_t odd = make_plain_task(&anyio), none = make_plain_task(&anyio);
    set_state(&anyio, odd, fake_str(target->fake, "text"), fake_int(target->fake, 3));
    set_state(&anyio, none, target->fake->none, target->fake->none);
    const struct snapshot_task *task = walk(target, &anyio, odd);
    assert_int_equal(task->note_count, 1);
    assert_non_null(strstr(task->notes[0], "no cancel scope"));
    assert_int_equal(task->awaiting->has_timeout, SNAPSHOT_NO);
    task = walk(target, &anyio, none);
    assert_int_equal(task->note_count, 0);
    assert_int_equal(task->creator, 0);
}

/* --- who made a task --- */

static void test_creator(struct fake_target *target) {
    struct fake_anyio anyio;
    create(target, &anyio);
    uint64_t maker = make_plain_task(&anyio), task = make_plain_task(&anyio);
    uint64_t orphan = make_plain_task(&anyio);
    set_state(&anyio, task, fake_int(target->fake, (int64_t)maker), target->fake->none);
    set_state(&anyio, orphan, fake_int(target->fake, 0x5550), target->fake->none);
    assert_int_equal(walk(target, &anyio, task)->creator, maker);
    assert_int_equal(walk(target, &anyio, orphan)->creator, 0);
    assert_int_equal(walk(target, &anyio, maker)->creator, 0);
}

/* --- names --- */

/* A task of a TaskHandle that is around `inner`; 0: around itself. */
static uint64_t make_handled(struct fake_anyio *anyio, uint64_t inner) {
    static const char *const keys[] = {"_coro", NULL};
    struct fake_python *fake = anyio->aio.fake;
    uint64_t type = make_class(fake, "anyio._core._tasks", "TaskHandle", keys);
    uint64_t dict = fake_dict(fake, false);
    uint64_t handle = fake_instance_with_dict(fake, type, dict);
    uint64_t future = fake_future_iter(&anyio->aio, fake_future(&anyio->aio, FAKE_PENDING));
    uint64_t coroutine = make_coroutine(anyio, TASKS, "_run_coro", handle, future);
    fake_dict_set(fake, dict, "_coro", inner ? inner : coroutine);
    return fake_task(&anyio->aio, &(struct fake_task){.coroutine = coroutine});
}

static void test_names(struct fake_target *target) {
    struct fake_anyio anyio;
    create(target, &anyio);
    struct fake_python *fake = target->fake;
    uint64_t future = fake_future_iter(&anyio.aio, fake_future(&anyio.aio, FAKE_PENDING));
    uint64_t worker = make_coroutine(&anyio, "/srv/app.py", "worker", 0, future);
    uint64_t call = make_coroutine(&anyio, FROM_THREAD, "_call_func", 0, future);
    const uint64_t tasks[] = {make_handled(&anyio, worker), make_handled(&anyio, 0),
                              make_handled(&anyio, fake->none), make_handled(&anyio, call)};
    assert_string_equal(walk(target, &anyio, tasks[0])->coroutine, "worker");
    assert_string_equal(walk(target, &anyio, tasks[1])->coroutine, "_run_coro");
    assert_string_equal(walk(target, &anyio, tasks[2])->coroutine, "_run_coro");
    assert_string_equal(walk(target, &anyio, tasks[3])->coroutine, "_call_func");
}

/* --- locks --- */

static const char *const lock_keys[] = {"_owner_task", "_waiters", NULL};

static void expect_owner(struct fake_target *target, struct fake_anyio *anyio, uint64_t owner,
                         uint64_t expected) {
    struct fake_python *fake = target->fake;
    uint64_t values[] = {owner, fake_deque(fake, fake->none, 0, 0)};
    uint64_t lock = fake_instance(
        fake, make_class(fake, "anyio._backends._asyncio", "Lock", lock_keys), values);
    uint64_t task = make_task(anyio, BACKEND, "acquire", lock);
    const struct snapshot_task *found = walk(target, anyio, task);
    assert_int_equal(found->awaiting->kind, SNAPSHOT_WAIT_LOCK);
    assert_int_equal(found->awaiting->object, lock);
    const struct snapshot_object *object = &target->snapshot->objects.items[0];
    while (object->id != lock)
        object++;
    assert_int_equal(object->kind, SNAPSHOT_OBJECT_LOCK);
    assert_int_equal(object->holder_count, expected ? 1 : 0);
    if (expected)
        assert_int_equal(object->holders[0].task, expected);
}

static void test_owner(struct fake_target *target) {
    static const char *const info_keys[] = {"id", NULL};
    struct fake_anyio anyio;
    create(target, &anyio);
    struct fake_python *fake = target->fake;
    uint64_t task = make_plain_task(&anyio), id = fake_int(fake, (int64_t)task);
    expect_owner(target, &anyio, task, task);
    expect_owner(target, &anyio,
                 fake_instance(fake, make_class(fake, "anyio", "TaskInfo", info_keys), &id), task);
    expect_owner(target, &anyio, fake->none, 0);
    expect_owner(target, &anyio, fake_str(fake, "text"), 0);
}

FAKE_EACH_VERSION(test_scopes)
FAKE_EACH_VERSION(test_odd_states)
FAKE_EACH_VERSION(test_creator)
FAKE_EACH_VERSION(test_names)
FAKE_EACH_VERSION(test_owner)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_scopes), FAKE_TEST(test_odd_states), FAKE_TEST(test_creator),
        FAKE_TEST(test_names),  FAKE_TEST(test_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
