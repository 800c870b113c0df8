/* A program with a task in every state. */
#include "fake_asyncio.h"

static uint64_t add(struct fake_asyncio *aio, const char *name, struct fake_task task) {
    task.name = fake_str(aio->fake, name);
    return fake_task(aio, &task);
}

/* handle() -> read() -> the future */
static uint64_t waiting_coroutine(struct fake_asyncio *aio, uint64_t future) {
    uint64_t inner =
        fake_coroutine(aio, "read", 20, FAKE_SUSPENDED_AWAIT, fake_future_iter(aio, future));
    return fake_coroutine(aio, "handle", 10, FAKE_SUSPENDED_AWAIT, inner);
}

static void add_pending(struct fake_program *program, struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t future = fake_future(aio, FAKE_PENDING);
    program->not_started =
        add(aio, "new",
            (struct fake_task){.coroutine = fake_coroutine(aio, "fresh", 30, FAKE_CREATED, 0)});
    program->waiting =
        add(aio, "worker",
            (struct fake_task){.coroutine = waiting_coroutine(aio, future),
                               .fut_waiter = future,
                               .source_traceback = fake_source_traceback(aio, "main", 203)});
    program->ready = add(aio, "woken",
                         (struct fake_task){.coroutine = fake_coroutine(
                                                aio, "woken", 40, FAKE_SUSPENDED_AWAIT, fake->none),
                                            .cancel_requests = 1,
                                            .must_cancel = true});
    uint64_t coroutine = fake_coroutine(aio, "busy", 50, FAKE_EXECUTING, 0);
    program->running = add(aio, "runner", (struct fake_task){.coroutine = coroutine});
    fake_run_task(aio, program->running, coroutine);
    program->joining =
        add(aio, "joiner",
            (struct fake_task){.coroutine = fake_coroutine(aio, "join", 60, FAKE_SUSPENDED_AWAIT,
                                                           fake_future_iter(aio, program->waiting)),
                               .fut_waiter = program->waiting});
}

static void add_ended(struct fake_program *program, struct fake_asyncio *aio) {
    program->done =
        add(aio, "failed",
            (struct fake_task){.state = FAKE_FINISHED_STATE,
                               .coroutine = fake_coroutine(aio, "fail", 70, FAKE_FINISHED, 0),
                               .exception = fake_exception(aio, "ValueError", "no such host")});
    program->cancelled =
        add(aio, "stopped",
            (struct fake_task){.state = FAKE_CANCELLED,
                               .coroutine = fake_coroutine(aio, "stop", 80, FAKE_FINISHED, 0)});
}

/* asend of an async generator that awaits a coroutine through its wrapper. */
static uint64_t generators_coroutine(struct fake_asyncio *aio, uint64_t future) {
    struct fake_python *fake = aio->fake;
    uint64_t last =
        fake_coroutine(aio, "last", 90, FAKE_SUSPENDED_AWAIT, fake_future_iter(aio, future));
    uint64_t code = fake_code(fake, "items", "Source.items", "/srv/app.py", 100);
    uint64_t generator = fake_generator(fake, FAKE_ASYNC_GENERATOR, code, FAKE_SUSPENDED_AWAIT,
                                        fake_coroutine_wrapper(fake, last));
    return fake_coroutine(aio, "consume", 110, FAKE_SUSPENDED_AWAIT, fake_asend(fake, generator));
}

static void add_odd(struct fake_program *program, struct fake_asyncio *aio) {
    struct fake_python *fake = aio->fake;
    uint64_t future = fake_future(aio, FAKE_PENDING);
    uint64_t first = fake_coroutine(aio, "first", 120, FAKE_SUSPENDED_AWAIT, 0);
    uint64_t second = fake_coroutine(aio, "second", 130, FAKE_SUSPENDED_AWAIT, first);
    fake_generator_await(fake, first, second);
    program->cyclic = add(aio, "circle", (struct fake_task){.coroutine = first});
    program->no_coroutine = add(aio, "hollow", (struct fake_task){.fut_waiter = future});
    program->generators = add(
        aio, "consumer",
        (struct fake_task){.coroutine = generators_coroutine(aio, future), .fut_waiter = future});
    struct fake_task numbered = {
        .coroutine = fake_coroutine(aio, "tick", 140, FAKE_SUSPENDED_AWAIT, fake->none)};
    numbered.name = fake->layout.traits.integer_kind == PY_INTEGER_TAG ? fake_int(fake, 7)
                                                                       : fake_str(fake, "Task-7");
    program->numbered = fake_task(aio, &numbered);
    program->python = fake_python_task(
        aio, &(struct fake_task){
                 .name = fake_str(fake, "slow"),
                 .coroutine = fake_coroutine(aio, "old", 150, FAKE_SUSPENDED_AWAIT, fake->none),
                 .fut_waiter = future,
                 .cancel_requests = 2});
}

void fake_program_create(struct fake_program *program, struct fake_asyncio *aio) {
    add_pending(program, aio);
    add_ended(program, aio);
    add_odd(program, aio);
}
