/* What an await is for, and the managers of statements, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_frames.h"
#include "../support/fake_functions.h"
#include "../support/fake_target.h"
#include "asyncspy/python/frame.h"

static const struct py_with_opcodes *opcodes(const struct fake_target *target) {
    return &target->fake->layout.traits.with_opcodes;
}

static uint64_t make_code(struct fake_target *target) {
    return fake_code(target->fake, "handle", "Server.handle", "server.py", 10);
}

/* Where GET_AWAITABLE stands before a suspended frame. */
static int get_awaitable_unit(const struct fake_target *target) {
    return FAKE_UNIT_AWAIT - opcodes(target)->get_awaitable_distance;
}

static uint64_t make_waiting(struct fake_target *target, uint64_t code, const uint64_t *stack,
                             size_t count) {
    uint64_t coroutine =
        fake_generator(target->fake, FAKE_COROUTINE, code, FAKE_SUSPENDED_AWAIT, 0);
    fake_generator_set_stack(target->fake, coroutine, stack, count, target->fake->true_);
    return coroutine;
}

static struct py_generator read_generator(struct fake_target *target, uint64_t address) {
    struct py_generator generator;
    fake_expect_success(py_generator_read(target->py, address, &generator));
    return generator;
}

/* --- what an await is for --- */

static enum py_await_use use_of(struct fake_target *target, uint64_t code) {
    return read_generator(target, make_waiting(target, code, NULL, 0)).use;
}

/* An await with `before` in front of it, or with that argument. */
static uint64_t make_await(struct fake_target *target, uint8_t argument, uint8_t before) {
    uint64_t code = make_code(target);
    bool has_argument = !opcodes(target)->before_async_with;
    int unit = get_awaitable_unit(target);
    fake_code_put(target->fake, code, unit, opcodes(target)->get_awaitable,
                  has_argument ? argument : 0);
    if (before)
        fake_code_put(target->fake, code, unit - 1, before, 0);
    return code;
}

static void test_uses(struct fake_target *target) {
    const struct py_with_opcodes *with = opcodes(target);
    assert_int_equal(use_of(target, make_code(target)), PY_AWAIT_UNKNOWN);
    assert_int_equal(use_of(target, make_await(target, 0, 0)), PY_AWAIT_EXPRESSION);
    assert_int_equal(use_of(target, make_await(target, 1, with->before_async_with)),
                     PY_AWAIT_ENTER);
    uint8_t exit = with->with_cleanup_start ? with->with_cleanup_start : with->with_except_start;
    assert_int_equal(use_of(target, make_await(target, 2, exit)), PY_AWAIT_EXIT);
    if (!with->before_async_with)
        assert_int_equal(use_of(target, make_await(target, 3, 0)), PY_AWAIT_UNKNOWN);
}

/* An `async for`, and up to 3.14 a `yield from`, has another instruction in its place. */
static void test_other_awaits(struct fake_target *target) {
    uint64_t code = make_code(target);
    fake_code_put(target->fake, code, get_awaitable_unit(target), opcodes(target)->get_anext, 0);
    assert_int_equal(use_of(target, code), PY_AWAIT_EXPRESSION);
}

/* From 3.11 on the argument of RESUME tells a `yield from`. */
static void test_yield_from(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    const struct py_traits *traits = &fake->layout.traits;
    uint64_t code = make_code(target);
    if (traits->await_kind == PY_AWAIT_YIELD_FROM)
        return;
    int unit = FAKE_UNIT_AWAIT + (traits->await_kind == PY_AWAIT_RESUME);
    fake_code_put(fake, code, unit, traits->await_opcodes[0], 2);
    assert_int_equal(use_of(target, code), PY_AWAIT_EXPRESSION);
}

/* An argument of LOAD_CONST above 255 puts an EXTENDED_ARG in between. */
static void test_extended_argument(struct fake_target *target) {
    const struct py_with_opcodes *with = opcodes(target);
    uint64_t code = make_code(target);
    int unit = get_awaitable_unit(target);
    fake_code_put(target->fake, code, unit, with->extended_arg, 1);
    fake_code_put(target->fake, code, unit - 1, with->get_awaitable, 1);
    fake_code_put(target->fake, code, unit - 2, with->before_async_with, 0);
    assert_int_equal(use_of(target, code), PY_AWAIT_ENTER);
}

/* 3.9 and 3.10 leave with a call of the exit with None three times. */
static void test_exit_by_a_call(struct fake_target *target) {
    const struct py_with_opcodes *with = opcodes(target);
    uint64_t code = make_await(target, 2, 0);
    int unit = get_awaitable_unit(target);
    if (!with->dup_top)
        return;
    fake_code_put(target->fake, code, unit - 1, with->call_function, 3);
    fake_code_put(target->fake, code, unit - 2, with->dup_top, 0);
    fake_code_put(target->fake, code, unit - 3, with->dup_top, 0);
    assert_int_equal(use_of(target, code), PY_AWAIT_EXIT);
    code = make_await(target, 0, 0);
    fake_code_put(target->fake, code, unit - 1, with->call_function, 3);
    fake_code_put(target->fake, code, unit - 2, with->dup_top, 0);
    assert_int_equal(use_of(target, code), PY_AWAIT_EXPRESSION);
}

static void test_stack_slots(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    const uint64_t words[] = {fake->none, fake->true_, fake->false_};
    for (size_t count = 0; count <= 3; count++) {
        struct py_generator generator =
            read_generator(target, make_waiting(target, make_code(target), words, count));
        assert_int_equal(generator.stack_slots, count);
        assert_int_equal(generator.awaited, fake->true_);
        uint64_t yielding =
            fake_generator(fake, FAKE_ASYNC_GENERATOR, make_code(target), FAKE_SUSPENDED_YIELD, 0);
        fake_generator_set_stack(fake, yielding, words, count, 0);
        generator = read_generator(target, yielding);
        assert_int_equal(generator.stack_slots, count);
        assert_int_equal(generator.awaited, 0);
    }
}

/* --- managers --- */

/* What a statement leaves on the stack for `exit` of `manager`. */
struct stack {
    uint64_t words[8];
    size_t count;
};

static void push_function(struct fake_target *target, struct stack *stack, const char *code_name,
                          const char *name, uint64_t manager) {
    struct fake_python *fake = target->fake;
    uint64_t code = fake_code(fake, code_name, code_name, "pool.py", 5);
    uint64_t function = fake_function(fake, code, name, name, 0);
    if (fake->layout.traits.with_keeps_manager) {
        stack->words[stack->count++] = function;
        stack->words[stack->count++] = manager;
    } else {
        stack->words[stack->count++] = fake_method(fake, function, manager);
    }
}

static void push_builtin(struct fake_target *target, struct stack *stack, const char *name,
                         uint64_t manager) {
    struct fake_python *fake = target->fake;
    if (fake->layout.traits.with_keeps_manager) {
        stack->words[stack->count++] = fake_method_descriptor(fake, name);
        stack->words[stack->count++] = manager;
    } else {
        stack->words[stack->count++] = fake_builtin(fake, name, manager);
    }
}

struct seen {
    uint64_t managers[8];
    enum py_open_kind kinds[8];
    size_t count;
};

static struct error *see(void *context, uint64_t object, enum py_open_kind kind) {
    struct seen *seen = context;
    seen->managers[seen->count] = object;
    seen->kinds[seen->count++] = kind;
    return NULL;
}

static struct seen managers_of(struct fake_target *target, uint64_t coroutine) {
    struct seen seen = {.count = 0};
    struct py_generator generator = read_generator(target, coroutine);
    fake_expect_success(py_managers_visit(target->py, &generator, see, &seen));
    return seen;
}

static void test_managers(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct stack stack = {.count = 0};
    uint64_t lock = fake_str(fake, "lock"), file = fake_str(fake, "file");
    push_function(target, &stack, "__aexit__", "__aexit__", lock);
    stack.words[stack.count++] = fake->none; /* the iterator of a loop */
    push_builtin(target, &stack, "__exit__", file);
    push_function(target, &stack, "close", "close", fake->none);
    struct seen seen =
        managers_of(target, make_waiting(target, make_code(target), stack.words, stack.count));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.managers[0], lock);
    assert_int_equal(seen.kinds[0], PY_OPEN_ASYNC_WITH);
    assert_int_equal(seen.managers[1], file);
    assert_int_equal(seen.kinds[1], PY_OPEN_WITH);
}

/* A decorator's function has another name than its code, in one way or the other. */
static void test_decorated_exits(struct fake_target *target) {
    static const char *const names[][2] = {
        {"wrapper", "__exit__"}, {"wrapper", "__aexit__"}, {"__aexit__", "renamed"}};
    for (size_t i = 0; i < 3; i++) {
        struct stack stack = {.count = 0};
        push_function(target, &stack, names[i][0], names[i][1], target->fake->none);
        struct seen seen =
            managers_of(target, make_waiting(target, make_code(target), stack.words, stack.count));
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.kinds[0], i > 0 ? PY_OPEN_ASYNC_WITH : PY_OPEN_WITH);
    }
}

/* From 3.14 on something that is bound already has NULL behind it. */
static void test_bound_exits(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t words[] = {fake_builtin(fake, "__exit__", fake->true_), 0, fake->none};
    struct seen seen = managers_of(target, make_waiting(target, make_code(target), words, 3));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.managers[0], fake->true_);
}

/* The exit that is called because of an exception is still there; it is left. */
static void test_manager_that_is_left(struct fake_target *target) {
    const struct py_with_opcodes *with = opcodes(target);
    struct stack stack = {.count = 0};
    push_function(target, &stack, "__exit__", "__exit__", target->fake->none);
    push_function(target, &stack, "__aexit__", "__aexit__", target->fake->true_);
    uint64_t code = make_await(target, 2, with->with_except_start);
    struct seen seen = managers_of(target, make_waiting(target, code, stack.words, stack.count));
    assert_int_equal(seen.count, with->with_except_start ? 1 : 2);
    assert_int_equal(seen.managers[0], target->fake->none);
}

static void test_other_states(struct fake_target *target) {
    static const enum fake_state states[] = {FAKE_CREATED, FAKE_EXECUTING, FAKE_FINISHED};
    struct stack stack = {.count = 0};
    push_function(target, &stack, "__exit__", "__exit__", target->fake->none);
    for (size_t i = 0; i < 3; i++) {
        uint64_t generator =
            fake_generator(target->fake, FAKE_GENERATOR, make_code(target), states[i], 0);
        if (states[i] != FAKE_FINISHED)
            fake_generator_set_stack(target->fake, generator, stack.words, stack.count, 0);
        /* up to 3.9 one that executes and has a stack passes an exception on */
        bool passes = states[i] == FAKE_EXECUTING &&
                      target->fake->layout.traits.state_kind == PY_STATE_LAST_INSTRUCTION;
        assert_int_equal(managers_of(target, generator).count, passes);
    }
}

/* A word that is no object costs itself, and is told in the end. */
static void test_bad_word(struct fake_target *target) {
    struct stack stack = {.words = {0x1000}, .count = 1};
    struct seen seen = {.count = 0};
    push_function(target, &stack, "__exit__", "__exit__", target->fake->none);
    stack.words[stack.count++] = 0x2000;
    struct py_generator generator =
        read_generator(target, make_waiting(target, make_code(target), stack.words, stack.count));
    fake_expect_error(py_managers_visit(target->py, &generator, see, &seen), ERROR_FAULT);
    assert_int_equal(seen.count, 1);
}

/* --- of a frame that runs --- */

/* A frame with two managers on its stack and as much in use as `depth` words. */
static uint64_t make_running(struct fake_target *target, uint64_t code, size_t depth) {
    struct fake_python *fake = target->fake;
    struct stack stack = {.count = 0};
    push_function(target, &stack, "__exit__", "__exit__", fake->none);
    push_function(target, &stack, "__aexit__", "__aexit__", fake->true_);
    uint64_t frame = fake_frame(fake, code, FAKE_UNIT_CALL, 0, true);
    for (size_t i = 0; i < stack.count; i++)
        fake_frame_put(fake, frame, 1 + i, stack.words[i]);
    FAKE_SET(fake, frame, frame, valuestack,
             frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus) + 8);
    fake_frame_set_block(fake, frame, (int)depth);
    fake_code_set_handler(fake, code, FAKE_UNIT_CALL, 2, (uint8_t)depth);
    return frame;
}

static struct seen running_managers_of(struct fake_target *target, uint64_t frame) {
    struct seen seen = {.count = 0};
    fake_expect_success(py_running_managers_visit(target->py, frame, see, &seen));
    return seen;
}

static void test_running_frames(struct fake_target *target) {
    size_t each = target->fake->layout.traits.with_keeps_manager ? 2 : 1;
    for (size_t count = 0; count <= 2; count++) {
        struct seen seen =
            running_managers_of(target, make_running(target, make_code(target), count * each));
        assert_int_equal(seen.count, count);
        if (count == 2)
            assert_int_equal(seen.managers[1], target->fake->true_);
    }
}

/* Outside of what the handler covers nothing is certain. */
static void test_running_elsewhere(struct fake_target *target) {
    uint64_t code = make_code(target);
    uint64_t frame = make_running(target, code, 2);
    if (!PY_HAS(&target->fake->layout, code, exception_table))
        return;
    fake_code_set_handler(target->fake, code, FAKE_UNIT_CALL + 1, 5, 2);
    assert_int_equal(running_managers_of(target, frame).count, 0);
    fake_code_set_handler(target->fake, code, 0, FAKE_UNIT_CALL, 2);
    fake_target_open(target, 0);
    assert_int_equal(running_managers_of(target, frame).count, 0);
}

static void test_running_exit(struct fake_target *target) {
    const struct py_with_opcodes *with = opcodes(target);
    size_t each = target->fake->layout.traits.with_keeps_manager ? 2 : 1;
    uint64_t code = make_code(target);
    if (!with->with_except_start)
        return;
    fake_code_put(target->fake, code, FAKE_UNIT_CALL, with->with_except_start, 0);
    fake_code_put(target->fake, code, FAKE_UNIT_CALL - 1, with->push_exc_info, 0);
    assert_int_equal(running_managers_of(target, make_running(target, code, 2 * each)).count, 1);
    code = make_code(target); /* it awaits what __aexit__() gave */
    fake_code_put(target->fake, code, FAKE_UNIT_CALL - 2, with->with_except_start, 0);
    fake_code_put(target->fake, code, FAKE_UNIT_CALL - 1, with->get_awaitable,
                  with->before_async_with ? 0 : 2);
    assert_int_equal(running_managers_of(target, make_running(target, code, 2 * each)).count, 1);
}

static void test_impossible_depths(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct seen seen = {.count = 0};
    uint64_t code = make_code(target), frame = make_running(target, code, 1);
    if (PY_HAS(&fake->layout, frame, blocks)) {
        fake_frame_set_block(fake, frame, 100000);
        fake_expect_error(py_running_managers_visit(target->py, frame, see, &seen), ERROR_INVALID);
        FAKE_SET(fake, frame, frame, block_count, 21);
        fake_target_open(target, 0);
        fake_expect_success(py_running_managers_visit(target->py, frame, see, &seen));
        return;
    }
    static const unsigned char deep[] = {0x80, 60, 0, 0x7f, 0x7f, 0x3f};
    FAKE_SET(fake, code, code, exception_table, fake_bytes(fake, deep, sizeof deep));
    fake_expect_error(py_running_managers_visit(target->py, frame, see, &seen), ERROR_INVALID);
    uint64_t table = FAKE_GET(fake, code, code, exception_table);
    FAKE_SET(fake, table, bytes, count, UINT64_MAX);
    fake_target_open(target, 0);
    fake_expect_error(py_running_managers_visit(target->py, frame, see, &seen), ERROR_INVALID);
}

/* --- faults --- */

static struct error *read_both(struct fake_target *target, uint64_t coroutine, uint64_t frame) {
    struct seen seen = {.count = 0};
    struct py_generator generator;
    struct error *err = py_generator_read(target->py, coroutine, &generator);
    if (!err)
        err = py_managers_visit(target->py, &generator, see, &seen);
    return err ? err : py_running_managers_visit(target->py, frame, see, &seen);
}

static void test_fault_at_every_page(struct fake_target *target) {
    struct fake_memory *memory = target->fake->memory;
    struct stack stack = {.count = 0};
    push_builtin(target, &stack, "__exit__", target->fake->none);
    push_function(target, &stack, "wrapper", "__aexit__", target->fake->true_);
    uint64_t coroutine = make_waiting(target, make_await(target, 1, 0), stack.words, stack.count);
    uint64_t frame = make_running(target, make_code(target), 2), n = 1;
    for (;; n++) {
        fake_target_open(target, 0);
        uint64_t before = fake_memory_get_page_reads(memory);
        fake_memory_fail_at(memory, n);
        struct error *err = read_both(target, coroutine, frame);
        if (fake_memory_get_page_reads(memory) - before < n) {
            fake_expect_success(err);
            break;
        }
        error_destroy(err);
    }
    fake_memory_fail_at(memory, 0);
    assert_true(n > 20);
}

FAKE_EACH_VERSION(test_uses)
FAKE_EACH_VERSION(test_other_awaits)
FAKE_EACH_VERSION(test_yield_from)
FAKE_EACH_VERSION(test_extended_argument)
FAKE_EACH_VERSION(test_exit_by_a_call)
FAKE_EACH_VERSION(test_stack_slots)
FAKE_EACH_VERSION(test_managers)
FAKE_EACH_VERSION(test_decorated_exits)
FAKE_EACH_VERSION(test_bound_exits)
FAKE_EACH_VERSION(test_manager_that_is_left)
FAKE_EACH_VERSION(test_other_states)
FAKE_EACH_VERSION(test_bad_word)
FAKE_EACH_VERSION(test_running_frames)
FAKE_EACH_VERSION(test_running_elsewhere)
FAKE_EACH_VERSION(test_running_exit)
FAKE_EACH_VERSION(test_impossible_depths)
FAKE_EACH_VERSION(test_fault_at_every_page)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_uses),
        FAKE_TEST(test_other_awaits),
        FAKE_TEST(test_yield_from),
        FAKE_TEST(test_extended_argument),
        FAKE_TEST(test_exit_by_a_call),
        FAKE_TEST(test_stack_slots),
        FAKE_TEST(test_managers),
        FAKE_TEST(test_decorated_exits),
        FAKE_TEST(test_bound_exits),
        FAKE_TEST(test_manager_that_is_left),
        FAKE_TEST(test_other_states),
        FAKE_TEST(test_bad_word),
        FAKE_TEST(test_running_frames),
        FAKE_TEST(test_running_elsewhere),
        FAKE_TEST(test_running_exit),
        FAKE_TEST(test_impossible_depths),
        FAKE_TEST(test_fault_at_every_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
