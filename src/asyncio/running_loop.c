/*
 * Which loop runs in a thread: Modules/_asynciomodule.c, and asyncio/events.py where the program
 * runs without it.
 */
#include "aio.h"

#define RUNNING_LOOP_KEY "__asyncio_running_event_loop__"

/* asyncio compares the process that set the running loop with its own: a child of fork() has its
 * parent's loop in memory, but it does not run there. */
static bool is_of_this_process(const struct aio *aio, int64_t pid) {
    int64_t own = py_get_roots(aio->py)->pid;
    return !own || pid == own;
}

static struct error *read_holder(struct aio *aio, uint64_t holder, uint64_t *ret) {
    struct py_record record;
    struct error *err = py_record_read(aio->py, PY_STRUCT_running_loop_holder, holder, &record);
    if (!err && is_of_this_process(aio, PY_I32(&record, running_loop_holder, pid)))
        *ret = PY_U64(&record, running_loop_holder, loop);
    return err;
}

/* The value that the thread-state dict has under asyncio's key. */
static struct error *read_from_dict(struct aio *aio, const struct py_thread *thread,
                                    uint64_t *ret) {
    const struct py_layout *layout = py_get_layout(aio->py);
    uint64_t value = 0;
    if (!thread->dict)
        return NULL;
    struct error *err = py_dict_find(aio->py, thread->dict, RUNNING_LOOP_KEY, &value);
    if (err || !value)
        return err;
    if (layout->traits.running_loop_kind == PY_RUNNING_LOOP_HOLDER)
        return read_holder(aio, value, ret);
    *ret = value;
    return NULL;
}

/* The pair (loop, pid) that a thread has put into _running_loop. */
struct loop_pid {
    struct aio *aio;
    uint64_t items[2];
    size_t count;
};

static struct error *visit_pair(void *context, uint64_t item) {
    struct loop_pid *pair = context;
    if (pair->count >= 2)
        return error_create(ERROR_INVALID, "loop_pid has more than two items");
    pair->items[pair->count++] = item;
    return NULL;
}

static struct error *read_pair(struct aio *aio, uint64_t address, uint64_t *ret) {
    struct loop_pid pair = {.aio = aio};
    struct py_type *type;
    int64_t pid;
    struct error *err = py_type_of(aio->py, address, &type);
    if (err || type->kind != PY_KIND_TUPLE)
        return err;
    err = py_tuple_visit(aio->py, address, visit_pair, &pair);
    if (!err && pair.count == 2)
        err = py_type_of(aio->py, pair.items[1], &type);
    if (err || pair.count != 2 || type->kind != PY_KIND_INTEGER)
        return err;
    err = py_integer_read(aio->py, pair.items[1], &pid);
    if (!err && is_of_this_process(aio, pid))
        *ret = pair.items[0];
    return err;
}

/* A threading.local keeps the values of a thread in a dict behind an object in the thread-state
 * dict, under a key made of its address (Modules/_threadmodule.c). */
static struct error *find_local_dict(struct aio *aio, const struct py_thread *thread,
                                     uint64_t local, uint64_t *ret) {
    char *key = arena_format(aio->arena, "thread.local.0x%llx", (unsigned long long)local);
    uint64_t dummy = 0;
    *ret = 0;
    struct error *err = py_dict_find(aio->py, thread->dict, key, &dummy);
    if (err || !dummy)
        return err;
    uint64_t at = dummy + (uint64_t)PY_OFFSET(py_get_layout(aio->py), local_dummy, dict);
    return py_read_u64(aio->py, at, ret);
}

/* asyncio.events._running_loop, a threading.local: 3.6, and later versions without _asyncio. */
static struct error *read_from_local(struct aio *aio, const struct py_thread *thread,
                                     uint64_t *ret) {
    uint64_t local = 0, dict = 0, pair = 0;
    if (!thread->dict || !aio->modules.events || !PY_HAS(py_get_layout(aio->py), local_dummy, dict))
        return NULL;
    struct error *err = py_dict_find(aio->py, aio->modules.events, "_running_loop", &local);
    if (!err && local)
        err = find_local_dict(aio, thread, local, &dict);
    if (!err && dict)
        err = py_dict_find(aio->py, dict, "loop_pid", &pair);
    return err || !pair ? err : read_pair(aio, pair, ret);
}

/* The loop that runs in `thread`. */
static struct error *read_running_loop(struct aio *aio, struct aio_thread *thread) {
    uint64_t loop = 0;
    struct error *err = NULL;
    switch (py_get_layout(aio->py)->traits.running_loop_kind) {
    case PY_RUNNING_LOOP_FIELD:
        loop = thread->thread->asyncio_running_loop;
        break;
    case PY_RUNNING_LOOP_HOLDER:
    case PY_RUNNING_LOOP_DICT:
        err = read_from_dict(aio, thread->thread, &loop);
        break;
    case PY_RUNNING_LOOP_LOCAL:
        break;
    }
    if (!err && !loop)
        err = read_from_local(aio, thread->thread, &loop);
    if (!err)
        err = aio_drop_none(aio, &loop);
    thread->event_loop = err ? 0 : loop;
    return err;
}

struct error *aio_running_loops_read(struct aio *aio) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < aio->thread_count; i++)
        err = aio_note_missing(aio, "running loop of a thread",
                               read_running_loop(aio, &aio->threads[i]));
    return err;
}
