/* Interpreters, threads and the GIL. Include/internal/pycore_interp.h, Python/ceval_gil.c. */
#include "py.h"

static void add_missing(struct py *py, const char *what, struct error *err) {
    snapshot_add_missing(py->snapshot, what, error_get_message(err));
    error_destroy(err);
}

/* 3.6: the thread state that holds the GIL is a variable's value. */
static struct error *read_current_thread(struct py *py, struct py_interpreter *interpreter) {
    interpreter->gil_known = py->roots.current_thread != 0;
    return interpreter->gil_known
               ? py_read_u64(py, py->roots.current_thread, &interpreter->gil_holder)
               : NULL;
}

/* The thread state that holds the GIL of `interpreter`. */
static struct error *read_gil(struct py *py, struct py_interpreter *interpreter) {
    const struct py_layout *layout = &py->layout;
    uint64_t gil = 0;
    struct py_record record;
    struct error *err = NULL;
    switch (layout->traits.gil_kind) {
    case PY_GIL_CURRENT_THREAD:
        return read_current_thread(py, interpreter);
    case PY_GIL_RUNTIME:
        gil = py->roots.runtime + (uint64_t)PY_OFFSET(layout, runtime, gil);
        break;
    case PY_GIL_INTERPRETER:
        err = py_read_u64(py, interpreter->address + (uint64_t)PY_OFFSET(layout, interpreter, gil),
                          &gil);
        break;
    }
    if (!err && gil)
        err = py_record_read(py, PY_STRUCT_gil, gil, &record);
    if (err || !gil)
        return err;
    interpreter->gil_known = true;
    interpreter->gil = gil;
    interpreter->gil_size = (uint64_t)PY_OFFSET(layout, gil, size);
    if (PY_I32(&record, gil, locked) == 1)
        interpreter->gil_holder = PY_U64(&record, gil, last_holder);
    return NULL;
}

static struct error *read_interpreter_word(struct py *py, uint64_t interpreter, int32_t offset,
                                           uint64_t *ret) {
    return py_read_u64(py, interpreter + (uint64_t)offset, ret);
}

/* Whether the garbage collector runs; its state is the interpreter's, before 3.9 the runtime's. */
static struct error *read_collecting(struct py *py, struct py_interpreter *interpreter) {
    const struct py_layout *layout = &py->layout;
    uint64_t gc;
    uint32_t collecting;
    if (PY_HAS(layout, interpreter, gc))
        gc = interpreter->address + (uint64_t)PY_OFFSET(layout, interpreter, gc);
    else if (PY_HAS(layout, runtime, gc))
        gc = py->roots.runtime + (uint64_t)PY_OFFSET(layout, runtime, gc);
    else
        return NULL;
    struct error *err =
        py_read_u32(py, gc + (uint64_t)PY_OFFSET(layout, gc, collecting), &collecting);
    if (!err)
        interpreter->gc_collecting = collecting != 0;
    return err;
}

static struct error *read_interpreter(struct py *py, uint64_t address, struct py_interpreter *ret,
                                      uint64_t *ret_next) {
    const struct py_layout *layout = &py->layout;
    uint64_t id = 0;
    *ret = (struct py_interpreter){.address = address, .gc_collecting = -1};
    struct error *err =
        read_interpreter_word(py, address, PY_OFFSET(layout, interpreter, next), ret_next);
    if (!err && PY_HAS(layout, interpreter, id))
        err = read_interpreter_word(py, address, PY_OFFSET(layout, interpreter, id), &id);
    if (!err)
        err = read_interpreter_word(py, address, PY_OFFSET(layout, interpreter, modules),
                                    &ret->modules);
    if (!err)
        err = read_collecting(py, ret);
    if (err)
        return err;
    ret->id = (int64_t)id;
    return read_gil(py, ret);
}

/* 3.6 does not number its interpreters: they are counted from the oldest, which is the last. */
static void number_interpreters(const struct py *py, struct py_interpreter *items, size_t count) {
    for (size_t i = 0; i < count && !PY_HAS(&py->layout, interpreter, id); i++)
        items[i].id = (int64_t)(count - 1 - i);
}

struct error *py_interpreters_read(struct py *py, struct py_interpreter **ret, size_t *ret_count) {
    uint64_t address;
    struct py_cycle_check cycle = {0};
    size_t capacity = 0;
    *ret = NULL;
    *ret_count = 0;
    struct error *err = py_read_u64(
        py, py->roots.runtime + (uint64_t)PY_OFFSET(&py->layout, runtime, interpreters_head),
        &address);
    while (!err && address && *ret_count < PY_INTERPRETERS_MAX &&
           !py_cycle_found(&cycle, address)) {
        struct py_interpreter interpreter;
        err = read_interpreter(py, address, &interpreter, &address);
        if (err)
            break;
        *ret = snapshot_vector_grow(py->snapshot->arena, *ret, ret_count, &capacity, sizeof **ret);
        (*ret)[*ret_count - 1] = interpreter;
    }
    if (err && !error_is_fatal(err)) {
        add_missing(py, "interpreters", err);
        err = NULL;
    }
    number_interpreters(py, *ret, *ret_count);
    return err;
}

/* Whether `frame` is where the evaluation loop was entered from C. */
static bool is_entry(const struct py *py, const struct py_record *frame) {
    if (PY_HAS(&py->layout, frame, is_entry))
        return PY_U8(frame, frame, is_entry) != 0;
    return PY_U8(frame, frame, owner) >= py->layout.traits.shim_owner_from;
}

#define INLINED_CALLS_MAX 100000

/* The evaluation loop links its _PyCFrame into the thread before it fills it (Python/ceval.c), so
 * for a moment current_frame is rubbish. It is right if the frames under it lead to an entry frame
 * that was called by the current frame of the loop below. */
static bool is_filled(struct py *py, const struct py_record *cframe, uint64_t below) {
    struct py_record frame;
    struct py_cycle_check cycle = {0};
    uint64_t address = PY_U64(cframe, cframe, current_frame);
    while (address && !py_cycle_found(&cycle, address) && cycle.steps < INLINED_CALLS_MAX) {
        struct error *err = py_record_read(py, PY_STRUCT_frame, address, &frame);
        if (err) {
            error_destroy(err);
            return false;
        }
        address = PY_U64(&frame, frame, previous);
        if (is_entry(py, &frame))
            return address == below;
    }
    return false;
}

static struct error *read_cframe(struct py *py, uint64_t address, uint64_t *ret) {
    struct py_record cframe;
    uint64_t below = 0;
    *ret = 0;
    struct error *err = address ? py_record_read(py, PY_STRUCT_cframe, address, &cframe) : NULL;
    if (err || !address)
        return err;
    uint64_t previous = PY_U64(&cframe, cframe, previous);
    *ret = PY_U64(&cframe, cframe, current_frame);
    if (!previous) /* the one inside the thread state: no Python code runs */
        return NULL;
    err =
        py_read_u64(py, previous + (uint64_t)PY_OFFSET(&py->layout, cframe, current_frame), &below);
    if (!err && !is_filled(py, &cframe, below))
        *ret = below;
    return err;
}

static struct error *read_top_frame(struct py *py, const struct py_record *thread, uint64_t *ret) {
    switch (py->layout.traits.frame_kind) {
    case PY_FRAME_OBJECT:
        *ret = PY_U64(thread, thread, frame);
        return NULL;
    case PY_FRAME_CFRAME:
        return read_cframe(py, PY_U64(thread, thread, cframe), ret);
    case PY_FRAME_CURRENT:
        break;
    }
    *ret = PY_U64(thread, thread, current_frame);
    return NULL;
}

/* Where glibc keeps gettid() in the structure that pthread_self() points to (struct pthread.tid,
 * nptl/descr.h): the same place in every glibc on x86-64. */
#define PTHREAD_TID_AT 720

/* Before 3.11 a thread state does not tell gettid(), but pthread_self(). */
static struct error *read_native_id(struct py *py, const struct py_record *thread, int64_t *ret) {
    uint64_t ident = PY_U64(thread, thread, thread_id);
    uint32_t tid = 0;
    *ret = (int64_t)PY_U64(thread, thread, native_thread_id);
    if (PY_HAS(&py->layout, thread, native_thread_id) || !ident)
        return NULL;
    struct error *err = py_read_u32(py, ident + PTHREAD_TID_AT, &tid);
    *ret = tid;
    if (err && !error_is_fatal(err)) { /* no glibc, or the thread has ended */
        error_destroy(err);
        err = NULL;
    }
    return err;
}

static struct error *read_thread(struct py *py, uint64_t address, struct py_thread *ret,
                                 uint64_t *ret_next) {
    const struct py_layout *layout = &py->layout;
    struct py_record record;
    struct error *err = py_record_read(py, PY_STRUCT_thread, address, &record);
    if (err)
        return err;
    *ret = (struct py_thread){
        .address = address,
        .interpreter = PY_U64(&record, thread, interpreter),
        .ident = PY_U64(&record, thread, thread_id),
        .dict = PY_U64(&record, thread, dict),
        .asyncio_running_loop = PY_U64(&record, thread, asyncio_running_loop),
        .asyncio_running_task = PY_U64(&record, thread, asyncio_running_task),
    };
    if (PY_HAS(layout, thread, asyncio_tasks_head))
        ret->asyncio_tasks_head = address + (uint64_t)PY_OFFSET(layout, thread, asyncio_tasks_head);
    *ret_next = PY_U64(&record, thread, next);
    err = read_native_id(py, &record, &ret->native_thread_id);
    return err ? err : read_top_frame(py, &record, &ret->top_frame);
}

struct error *py_threads_read(struct py *py, const struct py_interpreter *interpreter,
                              struct py_thread **ret, size_t *ret_count) {
    uint64_t address;
    struct py_cycle_check cycle = {0};
    size_t capacity = 0;
    *ret = NULL;
    *ret_count = 0;
    struct error *err = read_interpreter_word(
        py, interpreter->address, PY_OFFSET(&py->layout, interpreter, threads_head), &address);
    while (!err && address && *ret_count < PY_THREADS_MAX && !py_cycle_found(&cycle, address)) {
        struct py_thread thread;
        err = read_thread(py, address, &thread, &address);
        if (!err && thread.interpreter != interpreter->address)
            err = error_create(ERROR_INVALID, "a thread state that belongs to nobody");
        if (err)
            break;
        *ret = snapshot_vector_grow(py->snapshot->arena, *ret, ret_count, &capacity, sizeof **ret);
        (*ret)[*ret_count - 1] = thread;
    }
    if (err && !error_is_fatal(err)) {
        add_missing(py, "threads of an interpreter", err);
        err = NULL;
    }
    return err;
}
