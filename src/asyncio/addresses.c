/*
 * What a transport knows of the ends of its socket: asked for where the kernel cannot be, as of a
 * core (asyncio/selector_events.py: _extra, _server).
 */
#include <inttypes.h>
#include <string.h>

#include "wait.h"

#define PORT_MAX 65535
#define PATH_MOST 108 /* characters: sun_path of unix(7) */

/* "10.0.0.5:80" of ('10.0.0.5', 80), "[::1]:80" of ('::1', 80, 0, 0). */
static struct error *read_internet_address(struct aio *aio, uint64_t tuple, const char **ret) {
    struct py_type *host_type, *port_type;
    uint64_t host, port = 0;
    const char *text;
    int64_t number;
    struct error *err = py_tuple_get(aio->py, tuple, 0, &host);
    if (!err)
        err = py_tuple_get(aio->py, tuple, 1, &port);
    if (err || !host || !port)
        return err;
    err = py_type_of(aio->py, host, &host_type);
    if (!err)
        err = py_type_of(aio->py, port, &port_type);
    if (err || host_type->kind != PY_KIND_STRING || port_type->kind != PY_KIND_INTEGER)
        return err;
    err = py_integer_read(aio->py, port, &number);
    if (!err)
        err = py_string_read_start(aio->py, host, PATH_MOST, &text);
    if (!err && number >= 0 && number <= PORT_MAX)
        *ret = arena_format(aio->snapshot->arena,
                            strchr(text, ':') ? "[%s]:%" PRId64 : "%s:%" PRId64, text, number);
    return err;
}

static struct error *read_address(struct aio *aio, uint64_t extra, const char *name,
                                  const char **ret) {
    struct py_type *type;
    uint64_t value;
    struct error *err = py_dict_find(aio->py, extra, name, &value);
    if (!err)
        err = aio_drop_none(aio, &value);
    if (err || !value)
        return err;
    err = py_type_of(aio->py, value, &type);
    if (!err && type->kind == PY_KIND_TUPLE)
        return read_internet_address(aio, value, ret);
    const char *path = "";
    if (!err && type->kind == PY_KIND_STRING)
        err = py_string_read_start(aio->py, value, PATH_MOST, &path);
    *ret = *path ? path : NULL; /* most unix sockets have none */
    return err;
}

static struct error *read_ends(struct aio *aio, uint64_t transport,
                               struct snapshot_protocol *protocol) {
    struct py_type *type;
    uint64_t extra;
    struct error *err = aio_attribute_read(aio, transport, "_extra", &extra);
    if (!err && extra)
        err = py_type_of(aio->py, extra, &type);
    if (err || !extra || type->kind != PY_KIND_DICT)
        return err;
    err = read_address(aio, extra, "sockname", &protocol->local);
    return err ? err : read_address(aio, extra, "peername", &protocol->peer);
}

/* Without a server it need not be this side that began: connect_accepted_socket() has none. */
struct error *aio_addresses_read(struct aio *aio, uint64_t transport,
                                 struct snapshot_protocol *protocol) {
    uint64_t server = 0;
    struct error *err = read_ends(aio, transport, protocol);
    if (!err && protocol->peer)
        err = aio_attribute_read(aio, transport, "_server", &server);
    if (!err && server)
        protocol->accepted = SNAPSHOT_YES;
    return err;
}
