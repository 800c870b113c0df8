/*
 * Who will complete a future, seen from the loop: its timers (asyncio/base_events.py) and the files
 * that its selector watches (asyncio/selector_events.py), or those of uvloop. Looked through once
 * each loop, and only when a future is met of which nothing else tells.
 */
#include <string.h>

#include "asyncspy/base/text.h"
#include "uvloop.h"

/* The first of a handle's arguments, or what its callback is a method of: one of the two is the
 * future that it completes. */
static struct error *find_futures(struct aio *aio, const struct aio_handle *handle,
                                  struct aio_callable *callable, uint64_t ret[2]) {
    struct py_type *type;
    *callable = (struct aio_callable){.name = handle->method ? handle->method : ""};
    ret[0] = handle->argument;
    ret[1] = 0;
    if (!handle->callback)
        return NULL;
    struct error *err = aio_callable_read(aio, handle->callback, callable);
    if (!err && handle->arguments)
        err = py_type_of(aio->py, handle->arguments, &type);
    if (!err && handle->arguments && type->kind == PY_KIND_TUPLE)
        err = py_tuple_get(aio->py, handle->arguments, 0, &ret[0]);
    ret[1] = callable->self;
    return err;
}

/* sleep() is woken by such a timer; what another does with its future (cancel it, tell an
 * exception) ends a wait that is for something else. */
static bool gives_result(const char *callback) {
    return text_ends_with(callback, "_set_result_unless_cancelled") ||
           strcmp(callback, "set_result") == 0 || text_ends_with(callback, "Future.set_result");
}

/* Of the timers of a future the earliest counts. */
static void add_timer(struct aio *aio, uint64_t future, double when, bool is_sleep) {
    struct aio_timer *timer = future ? id_table_find(aio->timers, future) : NULL;
    if (!future || (timer && timer->when <= when))
        return;
    if (!timer) {
        timer = arena_alloc(aio->arena, sizeof *timer);
        id_table_add(aio->timers, future, timer);
    }
    *timer = (struct aio_timer){future, when, is_sleep};
}

/* A loop whose timers and files are gone through. */
struct loop_map {
    struct aio *aio;
    struct error *first_error; /* of one that cannot be read, or that is none of asyncio's */
};

static struct error *read_timer(struct aio *aio, uint64_t item, struct aio_timer_memo *ret) {
    struct aio_handle handle;
    struct aio_callable callable;
    struct error *err = aio_handle_read(aio, item, &handle);
    ret->futures[0] = ret->futures[1] = 0;
    if (err || handle.cancelled)
        return err;
    err = find_futures(aio, &handle, &callable, ret->futures);
    ret->when = handle.when;
    ret->is_sleep = gives_result(callable.name);
    return err;
}

/* From sample to sample few timers change. */
static struct error *read_timer_again(struct aio *aio, uint64_t item, struct aio_timer_memo **ret) {
    struct aio_timer_memo *memo = *ret = aio_memo_get_timer(aio->memo, item);
    if (memo->is_valid && !py_has_changed(aio->py, &memo->footprint))
        return NULL;
    memo->footprint.count = 0;
    struct memory_footprint *tracked = py_track(aio->py, &memo->footprint);
    struct error *err = read_timer(aio, item, memo);
    py_track(aio->py, tracked);
    memo->is_valid = !err;
    return err;
}

static struct error *map_timer(struct aio *aio, uint64_t item) {
    struct aio_timer_memo own = {.is_valid = false}, *timer = &own;
    struct error *err =
        aio->memo ? read_timer_again(aio, item, &timer) : read_timer(aio, item, timer);
    for (int i = 0; !err && i < 2; i++)
        add_timer(aio, timer->futures[i], timer->when, timer->is_sleep);
    return err;
}

static struct error *visit_timer(void *context, uint64_t item) {
    struct loop_map *map = context;
    return item ? error_keep_first(&map->first_error, map_timer(map->aio, item)) : NULL;
}

/* What a callback of the selector waits for; sock_*() have theirs, others may be anything. */
static enum snapshot_wait_kind get_watch_kind(const char *callback, bool is_writer) {
    if (strstr(callback, "_accept"))
        return SNAPSHOT_WAIT_SOCKET_ACCEPT;
    if (strstr(callback, "_connect"))
        return SNAPSHOT_WAIT_SOCKET_CONNECT;
    return is_writer ? SNAPSHOT_WAIT_SOCKET_WRITE : SNAPSHOT_WAIT_SOCKET_READ;
}

static void add_watch(struct aio *aio, uint64_t future, int64_t fd, enum snapshot_wait_kind kind) {
    if (!future || id_table_find(aio->watches, future))
        return;
    struct aio_watch *watch = arena_alloc(aio->arena, sizeof *watch);
    *watch = (struct aio_watch){future, fd, kind};
    id_table_add(aio->watches, watch->future, watch);
}

static struct error *read_watcher(struct aio *aio, uint64_t address, int64_t fd, bool is_writer) {
    struct aio_handle handle;
    struct aio_callable callable;
    uint64_t futures[2];
    struct error *err = aio_drop_none(aio, &address);
    if (err || !address)
        return err;
    err = aio_handle_read(aio, address, &handle);
    if (!err)
        err = find_futures(aio, &handle, &callable, futures);
    if (err)
        return err;
    for (int i = 0; i < 2; i++)
        add_watch(aio, futures[i], fd, get_watch_kind(callable.name, is_writer));
    aio_transport_note(aio, callable.name, callable.self, fd);
    return NULL;
}

/* selectors.SelectorKey is a tuple (fileobj, fd, events, data), data here (reader, writer). */
static struct error *read_key(struct aio *aio, uint64_t value) {
    uint64_t fd = 0, data = 0, watcher = 0;
    int64_t number = 0;
    struct py_type *type;
    struct error *err = py_tuple_get(aio->py, value, 1, &fd);
    if (!err && fd)
        err = py_integer_read(aio->py, fd, &number);
    if (!err)
        err = py_tuple_get(aio->py, value, 3, &data);
    if (!err && data)
        err = py_type_of(aio->py, data, &type);
    for (size_t i = 0; !err && data && type->kind == PY_KIND_TUPLE && i < 2; i++) {
        err = py_tuple_get(aio->py, data, i, &watcher);
        if (!err && watcher)
            err = read_watcher(aio, watcher, number, i == 1);
    }
    return err;
}

static struct error *visit_key(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct loop_map *map = context;
    (void)key;
    (void)stop;
    return error_keep_first(&map->first_error, read_key(map->aio, value));
}

/* What uvloop watches for somebody else than its own transports. */
static struct error *read_poll(struct aio *aio, uint64_t key, uint64_t value) {
    int64_t fd;
    uint64_t watchers[2] = {0};
    struct error *err = py_integer_read(aio->py, key, &fd);
    if (!err)
        err = aio_uvloop_poll_read(aio, value, fd, &watchers[0], &watchers[1]);
    for (size_t i = 0; !err && i < 2; i++)
        if (watchers[i])
            err = read_watcher(aio, watchers[i], fd, i == 1);
    return err;
}

static struct error *visit_poll(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct loop_map *map = context;
    (void)stop;
    return error_keep_first(&map->first_error, read_poll(map->aio, key, value));
}

static struct error *map_uvloop(struct loop_map *map, const struct aio_uvloop *loop) {
    struct error *err = py_set_visit(map->aio->py, loop->timers, visit_timer, map);
    return err ? err : py_dict_visit(map->aio->py, loop->polls, visit_poll, map);
}

static struct error *map_loop(struct loop_map *map, uint64_t loop) {
    struct aio *aio = map->aio;
    uint64_t scheduled = 0, selector = 0, keys = 0;
    const struct aio_uvloop *uvloop;
    struct py_type *type;
    struct error *err = aio_uvloop_find(aio, loop, &uvloop);
    if (err || uvloop)
        return err ? err : map_uvloop(map, uvloop);
    err = aio_attribute_read(aio, loop, "_scheduled", &scheduled);
    if (!err && scheduled)
        err = py_type_of(aio->py, scheduled, &type);
    if (!err && scheduled && type->kind == PY_KIND_LIST)
        err = py_list_visit(aio->py, scheduled, visit_timer, map);
    if (!err)
        err = aio_attribute_read(aio, loop, "_selector", &selector);
    if (!err && selector)
        err = aio_attribute_read(aio, selector, "_fd_to_key", &keys);
    if (!err && keys)
        err = py_type_of(aio->py, keys, &type);
    return err || !keys || type->kind != PY_KIND_DICT
               ? err
               : py_dict_visit(aio->py, keys, visit_key, map);
}

static struct error *map_loop_once(struct aio *aio, uint64_t loop) {
    if (!loop || !aio_seen_add(aio, aio->mapped_loops, loop))
        return NULL;
    struct loop_map map = {aio, NULL};
    struct memory_footprint *tracked = py_track(aio->py, NULL); /* of all tasks alike */
    struct error *err = map_loop(&map, loop);
    py_track(aio->py, tracked);
    return aio_note_missing(aio, "timers and files of an event loop",
                            error_or_first(err, map.first_error));
}

struct error *aio_timer_find(struct aio *aio, uint64_t loop, uint64_t future,
                             const struct aio_timer **ret) {
    struct error *err = map_loop_once(aio, loop);
    *ret = err ? NULL : id_table_find(aio->timers, future);
    return err;
}

struct error *aio_watch_find(struct aio *aio, uint64_t loop, uint64_t future,
                             const struct aio_watch **ret) {
    struct error *err = map_loop_once(aio, loop);
    *ret = err ? NULL : id_table_find(aio->watches, future);
    return err;
}
