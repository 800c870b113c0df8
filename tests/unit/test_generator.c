/* Generators, coroutines and what they await, of every version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_frames.h"
#include "../support/fake_target.h"
#include "asyncspy/python/frame.h"

#define FIRST_LINE 40

static uint64_t make(struct fake_target *target, enum fake_type type, enum fake_state state,
                     uint64_t awaited) {
    uint64_t code = fake_code(target->fake, "fetch", "Client.fetch", "/srv/client.py", FIRST_LINE);
    return fake_generator(target->fake, type, code, state, awaited);
}

static struct py_generator read_generator(struct fake_target *target, uint64_t address) {
    struct py_generator generator;
    fake_expect_success(py_generator_read(target->py, address, &generator));
    assert_int_equal(generator.address, address);
    return generator;
}

static void set_state(struct fake_target *target, uint64_t generator, int8_t state) {
    uint64_t frame = fake_generator_get_frame(target->fake, generator);
    FAKE_SET(target->fake, generator, generator, frame_state, (uint8_t)state);
    FAKE_SET(target->fake, frame, frame, state, (uint8_t)state);
    fake_target_open(target, 0);
}

static void test_states(struct fake_target *target) {
    static const struct {
        enum fake_state state;
        enum py_generator_state expected;
        int line;
    } cases[] = {
        {FAKE_CREATED, PY_GENERATOR_CREATED, FIRST_LINE},
        {FAKE_SUSPENDED_YIELD, PY_GENERATOR_SUSPENDED, FIRST_LINE + 3},
        {FAKE_SUSPENDED_AWAIT, PY_GENERATOR_SUSPENDED, FIRST_LINE + 3},
        {FAKE_EXECUTING, PY_GENERATOR_EXECUTING, FIRST_LINE + 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t address = make(target, FAKE_COROUTINE, cases[i].state, target->fake->none);
        struct py_generator generator = read_generator(target, address);
        assert_int_equal(generator.state, cases[i].expected);
        assert_string_equal(generator.decoded->function, "fetch");
        assert_string_equal(generator.decoded->qualified_name, "Client.fetch");
        assert_string_equal(generator.decoded->file, "/srv/client.py");
        assert_int_equal(generator.decoded->line, cases[i].line);
    }
    struct py_generator finished =
        read_generator(target, make(target, FAKE_COROUTINE, FAKE_FINISHED, 0));
    assert_int_equal(finished.state, PY_GENERATOR_FINISHED);
    assert_null(finished.decoded);
}

/* Of instructions that stand in the same place; stacks are compared by their addresses. */
static void test_shared_frame(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t code = fake_code(fake, "fetch", "Client.fetch", "/srv/client.py", FIRST_LINE);
    const enum fake_state states[] = {FAKE_SUSPENDED_YIELD, FAKE_SUSPENDED_AWAIT, FAKE_EXECUTING};
    const struct snapshot_frame *frames[3];
    for (size_t i = 0; i < 3; i++)
        frames[i] = read_generator(
                        target, fake_generator(fake, FAKE_COROUTINE, code, states[i], fake->none))
                        .decoded;
    assert_ptr_equal(frames[0], frames[1]);
    assert_ptr_not_equal(frames[0], frames[2]);
}

/* Every byte that is none of the version's states is a finished generator. */
static void test_every_state_byte(struct fake_target *target) {
    const struct py_generator_states *states = &target->fake->layout.traits.generator_states;
    uint64_t address = make(target, FAKE_COROUTINE, FAKE_SUSPENDED_AWAIT, target->fake->none);
    if (target->fake->layout.traits.state_kind == PY_STATE_LAST_INSTRUCTION)
        return; /* no such byte */
    for (int state = -127; state <= 127; state++) {
        set_state(target, address, (int8_t)state);
        bool known = state == states->created || state == states->suspended ||
                     state == states->executing || state == states->suspended_await ||
                     state == states->suspended_await_locked;
        assert_int_equal(read_generator(target, address).state != PY_GENERATOR_FINISHED, known);
    }
    if (states->suspended_await_locked != PY_NO_STATE) {
        set_state(target, address, states->suspended_await_locked);
        assert_int_equal(read_generator(target, address).awaited, target->fake->none);
    }
}

static void test_what_is_awaited(struct fake_target *target) {
    uint64_t awaited = fake_object(target->fake, target->fake->types[FAKE_OBJECT], 16);
    struct py_generator generator =
        read_generator(target, make(target, FAKE_COROUTINE, FAKE_SUSPENDED_AWAIT, awaited));
    assert_int_equal(generator.awaited, awaited);
    /* At a yield the same slot holds something that is not awaited. */
    generator =
        read_generator(target, make(target, FAKE_ASYNC_GENERATOR, FAKE_SUSPENDED_YIELD, awaited));
    assert_int_equal(generator.awaited, 0);
    generator = read_generator(target, make(target, FAKE_COROUTINE, FAKE_EXECUTING, awaited));
    assert_int_equal(generator.awaited, 0);
}

/* The instruction after the last one decides in 3.11 and 3.12. */
static void test_resume_instruction(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    const struct py_traits *traits = &fake->layout.traits;
    if (traits->await_kind != PY_AWAIT_RESUME)
        return;
    for (unsigned argument = 0; argument < 8; argument++) {
        for (size_t i = 0; i < 2; i++) {
            uint64_t address = make(target, FAKE_COROUTINE, FAKE_SUSPENDED_AWAIT, fake->none);
            uint64_t frame = fake_generator_get_frame(fake, address);
            uint64_t next = fake_frame_get_instruction(fake, frame) + 2;
            fake_put(fake, next, traits->await_opcodes[i] | argument << 8, 2);
            assert_int_equal(read_generator(target, address).awaited != 0, (argument & 3) >= 2);
        }
    }
    uint64_t address = make(target, FAKE_COROUTINE, FAKE_SUSPENDED_AWAIT, fake->none);
    uint64_t frame = fake_generator_get_frame(fake, address);
    fake_put(fake, fake_frame_get_instruction(fake, frame) + 2, 3 << 8, 2); /* no RESUME */
    assert_int_equal(read_generator(target, address).awaited, 0);
}

static void test_tagged_references(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t address = make(target, FAKE_COROUTINE, FAKE_SUSPENDED_AWAIT, fake->none);
    uint64_t frame = fake_generator_get_frame(fake, address);
    uint64_t slot = frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus) + 8;
    bool tagged = fake->layout.traits.stackref_tagged;
    for (uint64_t tag = 0; tag < 4; tag++) {
        fake_put(fake, slot, fake->none | tag, 8);
        fake_target_open(target, 0);
        uint64_t expected = fake->none | (tagged ? 0 : tag);
        if (tagged && tag == 3) /* an integer, not an object */
            expected = 0;
        assert_int_equal(read_generator(target, address).awaited, expected);
    }
}

static void test_impossible_value_stack(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    static const uint64_t ends[] = {0, 0xffffffff, 0x7fffffff, UINT64_MAX};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct py_generator generator;
        uint64_t address = make(target, FAKE_COROUTINE, FAKE_SUSPENDED_AWAIT, fake->none);
        uint64_t frame = fake_generator_get_frame(fake, address);
        FAKE_SET(fake, frame, frame, stacktop, ends[i] & 0xffffffff);
        FAKE_SET(fake, frame, frame, stackpointer, ends[i]);
        FAKE_SET(fake, frame, frame, stackdepth, ends[i] & 0xffffffff);
        fake_expect_error(py_generator_read(target->py, address, &generator), ERROR_INVALID);
    }
}

static void test_frame_of_no_code(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    struct py_generator generator;
    uint64_t address = make(target, FAKE_GENERATOR, FAKE_SUSPENDED_AWAIT, fake->none);
    uint64_t frame = fake_generator_get_frame(fake, address);
    FAKE_SET(fake, frame, frame, code, fake->none);
    fake_expect_error(py_generator_read(target->py, address, &generator), ERROR_INVALID);
    fake_expect_error(py_generator_read(target->py, 0x1000, &generator), ERROR_FAULT);
}

static uint64_t unwrap(struct fake_target *target, uint64_t object) {
    struct py_type *type;
    uint64_t next;
    fake_expect_success(py_type_of(target->py, object, &type));
    fake_expect_success(py_awaitable_unwrap(target->py, type, object, &next));
    return next;
}

static void test_unwrap(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t coroutine = make(target, FAKE_COROUTINE, FAKE_CREATED, 0);
    assert_int_equal(unwrap(target, fake_coroutine_wrapper(fake, coroutine)), coroutine);
    assert_int_equal(unwrap(target, fake_asend(fake, coroutine)), coroutine);
    assert_int_equal(unwrap(target, fake_athrow(fake, coroutine)), coroutine);
    if (PY_HAS(&fake->layout, anext_awaitable, wrapped))
        assert_int_equal(unwrap(target, fake_anext_awaitable(fake, coroutine)), coroutine);
    assert_int_equal(unwrap(target, fake_str(fake, "nothing")), 0);
}

/* A class of the program that is only called like the builtin type. */
static void test_impostor(struct fake_target *target) {
    struct fake_python *fake = target->fake;
    uint64_t class =
        fake_class(fake, &(struct fake_class){.module = "app", .name = "async_generator_asend"});
    uint64_t object = fake_asend(fake, fake->none);
    FAKE_SET(fake, object, object, type, class);
    assert_int_equal(unwrap(target, object), 0);
}

FAKE_EACH_VERSION(test_states)
FAKE_EACH_VERSION(test_shared_frame)
FAKE_EACH_VERSION(test_every_state_byte)
FAKE_EACH_VERSION(test_what_is_awaited)
FAKE_EACH_VERSION(test_resume_instruction)
FAKE_EACH_VERSION(test_tagged_references)
FAKE_EACH_VERSION(test_impossible_value_stack)
FAKE_EACH_VERSION(test_frame_of_no_code)
FAKE_EACH_VERSION(test_unwrap)
FAKE_EACH_VERSION(test_impostor)

int main(void) {
    const struct CMUnitTest tests[] = {
        FAKE_TEST(test_states),
        FAKE_TEST(test_shared_frame),
        FAKE_TEST(test_every_state_byte),
        FAKE_TEST(test_what_is_awaited),
        FAKE_TEST(test_resume_instruction),
        FAKE_TEST(test_tagged_references),
        FAKE_TEST(test_impossible_value_stack),
        FAKE_TEST(test_frame_of_no_code),
        FAKE_TEST(test_unwrap),
        FAKE_TEST(test_impostor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
