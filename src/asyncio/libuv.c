/*
 * libuv's structures behind uvloop's objects. They are read only where they lead back: the loop and
 * each handle have uvloop's object as `data`, and the loop's table of watchers has at the number of
 * a file the watcher that has this number.
 */
#include <string.h>

#include "uvloop.h"

#define CLOCK_SLACK_S 0.01 /* libuv's clock may be a coarse one */

/* Whether the loop watches the file of that watcher. */
static struct error *is_watched(struct aio *aio, uint64_t uv, uint64_t watcher, int64_t *ret_fd,
                                bool *ret) {
    uint64_t watchers, entry = 0;
    uint32_t fd = 0, count = 0;
    *ret = false;
    struct error *err = py_read_u32(aio->py, watcher + UV_WATCHER_FD_AT, &fd);
    if (!err)
        err = py_read_u32(aio->py, uv + UV_LOOP_WATCHER_COUNT_AT, &count);
    if (!err)
        err = py_read_u64(aio->py, uv + UV_LOOP_WATCHERS_AT, &watchers);
    if (err || fd >= count)
        return err;
    err = py_read_u64(aio->py, watchers + 8 * (uint64_t)fd, &entry);
    *ret = !err && entry == watcher;
    *ret_fd = fd;
    return err;
}

/* A timer that runs has left libuv's heap, but is still in uvloop's set. */
static struct error *has_timers_of(struct aio *aio, const struct aio_uvloop *loop, uint64_t uv,
                                   bool *ret) {
    uint32_t count = 0;
    int64_t timers = 0;
    struct error *err = py_read_u32(aio->py, uv + UV_LOOP_TIMER_COUNT_AT, &count);
    if (!err)
        err = py_count_read(aio->py, loop->timers, &timers);
    *ret = !err && ((int64_t)count == timers || (int64_t)count + 1 == timers);
    return err;
}

static struct error *read_time(struct aio *aio, const struct aio_uvloop *loop, double *ret) {
    uint64_t time = 0;
    bool fits;
    struct error *err = has_timers_of(aio, loop, loop->uv, &fits);
    if (!err && fits)
        err = py_read_u64(aio->py, loop->uv + UV_LOOP_TIME_AT, &time);
    if (!err && fits && time && !((double)time / 1000 > aio->now + CLOCK_SLACK_S)) {
        *ret = (double)time / 1000;
        aio_note_clock(aio, *ret);
    }
    return err;
}

struct error *aio_libuv_loop_read(struct aio *aio, struct aio_uvloop *loop) {
    uint64_t uv, data = 0;
    int64_t fd;
    bool watched = false;
    struct error *err = py_read_u64(aio->py, loop->address + UVLOOP_UV_AT, &uv);
    if (err || !uv) /* a closed loop has none */
        return err;
    err = py_read_u64(aio->py, uv + UV_LOOP_DATA_AT, &data);
    if (!err && data == loop->address)
        err = is_watched(aio, uv, uv + UV_LOOP_ASYNC_WATCHER_AT, &fd, &watched);
    if (err || !watched)
        return err;
    loop->uv = uv;
    return read_time(aio, loop, &loop->time);
}

static struct error *visit_type(void *context, struct py_type *type, bool *stop) {
    bool *found = context;
    *stop = *found = strcmp(type->full_name, "uvloop.loop.UVHandle") == 0;
    return NULL;
}

/* The uv_handle_t of a UVHandle; 0: it is another object, or not as expected. */
static struct error *find_handle(struct aio *aio, uint64_t address, uint64_t uv, uint64_t *ret) {
    uint64_t handle, data = 0, loop = 0;
    *ret = 0;
    struct error *err = py_read_u64(aio->py, address + UVLOOP_UVHANDLE_UV_AT, &handle);
    if (!err && handle)
        err = py_read_u64(aio->py, handle + UV_HANDLE_DATA_AT, &data);
    if (!err && handle)
        err = py_read_u64(aio->py, handle + UV_HANDLE_LOOP_AT, &loop);
    if (!err && data == address && loop == uv)
        *ret = handle;
    return err;
}

static struct error *read_stream(struct aio *aio, uint64_t handle, uint64_t uv, int64_t *ret_fd) {
    uint32_t type = 0;
    int64_t fd;
    bool watched;
    struct error *err = py_read_u32(aio->py, handle + UV_HANDLE_TYPE_AT, &type);
    if (err || (type != UV_HANDLE_TYPE_PIPE && type != UV_HANDLE_TYPE_TCP))
        return err;
    err = is_watched(aio, uv, handle + UV_STREAM_WATCHER_AT, &fd, &watched);
    if (!err && watched)
        *ret_fd = fd;
    return err;
}

struct error *aio_libuv_transport_read(struct aio *aio, uint64_t transport, int64_t *ret_fd) {
    const struct aio_uvloop *loop = NULL;
    struct py_type *type;
    uint64_t address, handle = 0;
    bool is_handle = false;
    struct error *err = py_type_of(aio->py, transport, &type);
    if (!err)
        err = py_type_visit_mro(aio->py, type, visit_type, &is_handle);
    if (err || !is_handle || type->basicsize < UVLOOP_UVHANDLE_SIZE)
        return err;
    err = py_read_u64(aio->py, transport + UVLOOP_UVHANDLE_LOOP_AT, &address);
    if (!err)
        err = aio_uvloop_find(aio, address, &loop);
    if (!err && loop && loop->uv)
        err = find_handle(aio, transport, loop->uv, &handle);
    return err || !handle ? err : read_stream(aio, handle, loop->uv, ret_fd);
}
