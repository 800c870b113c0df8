/* uvloop's handles: callbacks, timers, files that are watched (uvloop/cbhandles.pyx,
 * handles/poll.pyx). */
#include "uvloop.h"

/* A handle as it is expected to be. */
static struct error *check(struct aio *aio, uint64_t address, uint64_t size, uint64_t loop_at,
                           bool *ret) {
    struct py_type *type;
    uint64_t loop;
    *ret = false;
    struct error *err = py_type_of(aio->py, address, &type);
    if (err || type->basicsize != size)
        return err;
    err = py_read_u64(aio->py, address + loop_at, &loop);
    return err ? err : aio_uvloop_is_loop(aio, loop, ret);
}

/* The object at `at`, 0 for None; *ret_kind is that of its type. */
static struct error *read_object(struct aio *aio, uint64_t at, uint64_t *ret,
                                 enum py_kind *ret_kind) {
    struct py_type *type;
    *ret_kind = PY_KIND_NONE;
    struct error *err = py_read_u64(aio->py, at, ret);
    if (!err && *ret)
        err = py_type_of(aio->py, *ret, &type);
    if (err || !*ret)
        return err;
    *ret_kind = type->kind;
    if (type->kind == PY_KIND_NONE)
        *ret = 0;
    return NULL;
}

/* *ret_is_flag: it is 0 or 1. */
static struct error *read_flag(struct aio *aio, uint64_t at, bool *ret, bool *ret_is_flag) {
    uint32_t flag = 0;
    struct error *err = py_read_u32(aio->py, at, &flag);
    *ret = flag != 0;
    *ret_is_flag = flag <= 1;
    return err;
}

static struct error *read_timer(struct aio *aio, uint64_t address, struct aio_handle *ret) {
    struct aio_handle handle = {.when = NAN};
    enum py_kind callback, arguments, when = PY_KIND_OTHER;
    uint64_t number;
    bool is_flag;
    struct error *err =
        read_object(aio, address + UVLOOP_TIMER_CALLBACK_AT, &handle.callback, &callback);
    if (!err)
        err = read_object(aio, address + UVLOOP_TIMER_ARGUMENTS_AT, &handle.arguments, &arguments);
    if (!err)
        err = read_flag(aio, address + UVLOOP_TIMER_CANCELLED_AT, &handle.cancelled, &is_flag);
    if (!err)
        err = read_object(aio, address + UVLOOP_TIMER_WHEN_AT, &number, &when);
    if (err || when != PY_KIND_FLOAT || !is_flag ||
        (arguments != PY_KIND_TUPLE && arguments != PY_KIND_NONE))
        return err;
    err = py_float_read(aio->py, number, &handle.when);
    if (!err)
        *ret = handle;
    return err;
}

enum { FORM_CALLABLE = 1, FORM_METHOD = 2, FORM_METHOD_1 = 3, FORM_METHOD_3 = 5 };

static struct error *read_callable(struct aio *aio, uint64_t arguments, struct aio_handle *handle) {
    enum py_kind kind;
    struct error *err = read_object(aio, arguments, &handle->callback, &kind);
    if (!err)
        err = read_object(aio, arguments + 8, &handle->arguments, &kind);
    if (!err && kind != PY_KIND_TUPLE)
        handle->arguments = 0;
    return err;
}

/* A method written in C has its name and arguments, but is no object. */
static struct error *read_method(struct aio *aio, uint64_t address, uint32_t form,
                                 struct aio_handle *handle) {
    enum py_kind kind;
    uint64_t name;
    struct error *err = read_object(aio, address + UVLOOP_HANDLE_NAME_AT, &name, &kind);
    if (!err && kind == PY_KIND_STRING)
        err = py_string_read(aio->py, name, &handle->method);
    return err || form < FORM_METHOD_1 ? err
                                       : read_object(aio, address + UVLOOP_HANDLE_ARGUMENTS_AT + 8,
                                                     &handle->argument, &kind);
}

static struct error *read_handle(struct aio *aio, uint64_t address, struct aio_handle *ret) {
    struct aio_handle handle = {.when = NAN};
    uint32_t form = 0;
    bool is_flag;
    struct error *err =
        read_flag(aio, address + UVLOOP_HANDLE_CANCELLED_AT, &handle.cancelled, &is_flag);
    if (!err)
        err = py_read_u32(aio->py, address + UVLOOP_HANDLE_FORM_AT, &form);
    if (err || !is_flag || form < FORM_CALLABLE || form > FORM_METHOD_3)
        return err;
    err = form == FORM_CALLABLE ? read_callable(aio, address + UVLOOP_HANDLE_ARGUMENTS_AT, &handle)
                                : read_method(aio, address, form, &handle);
    if (!err)
        *ret = handle;
    return err;
}

struct error *aio_uvloop_handle_read(struct aio *aio, enum aio_kind kind, uint64_t address,
                                     struct aio_handle *ret) {
    bool is_timer = kind == AIO_KIND_UVLOOP_TIMER, fits;
    *ret = (struct aio_handle){.when = NAN};
    struct error *err = check(aio, address, is_timer ? UVLOOP_TIMER_SIZE : UVLOOP_HANDLE_SIZE,
                              is_timer ? UVLOOP_TIMER_LOOP_AT : UVLOOP_HANDLE_LOOP_AT, &fits);
    if (err || !fits)
        return err;
    return is_timer ? read_timer(aio, address, ret) : read_handle(aio, address, ret);
}

struct error *aio_uvloop_poll_read(struct aio *aio, uint64_t poll, int64_t fd, uint64_t *ret_reader,
                                   uint64_t *ret_writer) {
    uint32_t number = 0;
    enum py_kind kind;
    bool fits;
    *ret_reader = *ret_writer = 0;
    struct error *err = check(aio, poll, UVLOOP_POLL_SIZE, UVLOOP_UVHANDLE_LOOP_AT, &fits);
    if (!err && fits)
        err = py_read_u32(aio->py, poll + UVLOOP_POLL_FD_AT, &number);
    if (err || !fits || number != (uint64_t)fd)
        return err;
    err = read_object(aio, poll + UVLOOP_POLL_READER_AT, ret_reader, &kind);
    return err ? err : read_object(aio, poll + UVLOOP_POLL_WRITER_AT, ret_writer, &kind);
}
