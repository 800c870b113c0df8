#include "fake_server.h"

#include <string.h>

#include "../../src/capture/walk.h"

static uint64_t add_waiting(struct fake_interpreter *fake, uint64_t code) {
    int8_t suspended = fake_interpreter_suspended(fake);
    uint64_t future = fake_interpreter_future(fake, 0);
    uint64_t inner = fake_interpreter_coroutine(fake, fake_interpreter_code(fake, "inner", 20),
                                                suspended, future);
    uint64_t outer = fake_interpreter_coroutine(fake, code, suspended, inner);
    return fake_interpreter_task(fake, outer, fake_interpreter_string(fake, "worker"), future, 0);
}

static void add_cycle(struct fake_interpreter *fake, uint64_t code) {
    int8_t suspended = fake_interpreter_suspended(fake);
    uint64_t future = fake_interpreter_future(fake, 0);
    uint64_t first = fake_interpreter_coroutine(fake, code, suspended, future);
    uint64_t second = fake_interpreter_coroutine(fake, code, suspended, first);
    /* The first coroutine is made to await the second: the only word that holds the future. */
    for (uint64_t at = first, word = 0; at < first + 512; at += sizeof word) {
        memcpy(&word, fake_memory_at(fake->memory, at), sizeof word);
        if ((word & ~UINT64_C(3)) == future)
            fake_interpreter_write(fake, at, &second, sizeof second);
    }
    fake_interpreter_task(fake, first, fake_interpreter_string(fake, "cycle"), future, 0);
}

static uint64_t add_running(struct fake_interpreter *fake, uint64_t code) {
    int8_t executing = fake->layout.traits.generator_states.executing;
    uint64_t coroutine = fake_interpreter_coroutine(fake, code, executing, 0);
    fake_interpreter_task(fake, coroutine, fake_interpreter_string(fake, "busy"), 0, 0);
    return coroutine + (uint64_t)PY_OFFSET(&fake->layout, generator, frame);
}

struct fake_interpreter *fake_server_create(const struct py_table *table) {
    struct fake_interpreter *fake = fake_interpreter_create(table);
    uint64_t code = fake_interpreter_code(fake, "outer", 10);
    const struct py_generator_states *states = &fake->layout.traits.generator_states;
    int8_t suspended = fake_interpreter_suspended(fake);
    fake->loop = fake_interpreter_instance(fake, fake_interpreter_dict(fake, NULL, 0));
    uint64_t worker = add_waiting(fake, code), done = fake_interpreter_future(fake, 2);
    fake_interpreter_task(fake, fake_interpreter_coroutine(fake, code, states->created, 0),
                          fake_interpreter_integer(fake, 7), 0, 0);
    fake_interpreter_task(fake, fake_interpreter_coroutine(fake, code, suspended, worker),
                          fake_interpreter_string(fake, "waiter"), worker, 0);
    fake_interpreter_task(fake, fake_interpreter_coroutine(fake, code, suspended, done),
                          fake_interpreter_string(fake, "ready"), done, 0);
    uint64_t frame = add_running(fake, code);
    fake_interpreter_task(fake, fake_interpreter_coroutine(fake, code, 99, 0),
                          fake_interpreter_string(fake, "done"), 0, 2);
    fake_interpreter_task(fake, fake_interpreter_coroutine(fake, code, 99, 0),
                          fake_interpreter_string(fake, "cancelled"), 0, 1);
    add_cycle(fake, code);
    fake_interpreter_task(fake, 0, fake_interpreter_string(fake, "no coroutine"), 0, 0);
    uint64_t impostor = fake_interpreter_object(fake, FAKE_IMPOSTOR, 64),
             pending = fake_interpreter_future(fake, 0);
    fake_interpreter_write(fake, impostor + 16, &worker, sizeof worker);
    fake_interpreter_task(fake, fake_interpreter_coroutine(fake, code, suspended, impostor),
                          fake_interpreter_string(fake, "impostor"), pending, 0);
    fake_interpreter_finish(fake, frame);
    return fake;
}

struct error *fake_server_walk(struct fake_interpreter *fake, struct snapshot *snapshot) {
    struct memory_source source = fake_memory_source(fake->memory);
    struct target_memory *memory = memory_create(&source);
    struct py *py = py_create(memory, &fake->layout, fake->runtime);
    struct target_thread kernel = {.tid = 4242,
                                   .namespace_tid = 4242,
                                   .name = "python3",
                                   .state = 'S',
                                   .syscall = 232,
                                   .cpu_s = 1.5};
    struct error *err = walk_interpreters(py, snapshot, &kernel, 1);
    py_destroy(py);
    memory_destroy(memory);
    return err;
}

const struct snapshot_task *fake_server_find(const struct fake_interpreter *fake,
                                             const struct snapshot *snapshot,
                                             enum fake_server_task which) {
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        if (snapshot->tasks.items[i].id == fake->tasks[which])
            return &snapshot->tasks.items[i];
    return NULL;
}
