/*
 * uvloop's event loop: a Cython class (uvloop/loop.pxd), whose members no attribute tells. Their
 * places are no contract; they were the same in 0.17 and 0.23. What stands there is believed only
 * if all of it makes sense together.
 */
#include <string.h>

#include "aio.h"

#define SLOW_CALLBACK_AT 40 /* slow_callback_duration, a float object */
#define CLOSED_AT 48        /* four times an int that is 0 or 1; the last: it is stopping */
#define DEBUG_AT 52
#define RUNNING_AT 56
#define THREAD_AT 64 /* ident of the thread it runs in, or 0 */

static struct error *visit_type(void *context, struct py_type *type, bool *stop) {
    bool *found = context;
    *stop = *found = strcmp(type->full_name, "uvloop.loop.Loop") == 0;
    return NULL;
}

static enum snapshot_tristate get_flag(const uint32_t *flags, int at) {
    return flags[(at - CLOSED_AT) / 4] ? SNAPSHOT_YES : SNAPSHOT_NO;
}

static struct error *read_flags(struct aio *aio, uint64_t address, struct aio_loop_flags *ret) {
    uint32_t flags[4] = {0};
    uint64_t thread = 0, duration = 0;
    struct py_type *type = NULL;
    struct error *err = py_read_u64(aio->py, address + SLOW_CALLBACK_AT, &duration);
    if (!err)
        err = py_type_of(aio->py, duration, &type);
    for (uint64_t i = 0; !err && i < 4; i++)
        err = py_read_u32(aio->py, address + CLOSED_AT + 4 * i, &flags[i]);
    if (!err)
        err = py_read_u64(aio->py, address + THREAD_AT, &thread);
    if (err)
        return err;
    bool running = get_flag(flags, RUNNING_AT) == SNAPSHOT_YES;
    bool plausible = strcmp(type->tp_name, "float") == 0 && running == (thread != 0) &&
                     (flags[0] | flags[1] | flags[2] | flags[3]) <= 1 && !(flags[0] && running);
    if (plausible)
        *ret = (struct aio_loop_flags){get_flag(flags, CLOSED_AT), get_flag(flags, DEBUG_AT)};
    return NULL;
}

struct error *aio_uvloop_read(struct aio *aio, const struct py_type *type, uint64_t address,
                              struct aio_loop_flags *ret) {
    bool is_uvloop = false;
    struct error *err = py_type_visit_mro(aio->py, type, visit_type, &is_uvloop);
    return err || !is_uvloop ? err : read_flags(aio, address, ret);
}
