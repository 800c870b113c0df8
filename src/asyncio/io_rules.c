/* What asyncio's own coroutines wait for outside the program, told by their frames: streams,
 * sockets, child processes, names (Lib/asyncio of 3.6 to 3.15). */
#include "wait.h"

static struct error *apply_stream(struct aio_waiting *waiting, const struct py_generator *link,
                                  enum snapshot_wait_kind kind) {
    uint64_t self, transport = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "self", &self);
    if (err || !self)
        return err;
    aio_waiting_decide(waiting, kind, 0);
    err = aio_attribute_read(waiting->aio, self, "_transport", &transport);
    return err || !transport ? err
                             : aio_transport_read(waiting->aio, transport, &waiting->wait->fd);
}

static struct error *apply_stream_read(struct aio_waiting *waiting,
                                       const struct py_generator *link) {
    return apply_stream(waiting, link, SNAPSHOT_WAIT_STREAM_READ);
}

/* The protocol knows that it is paused; which transport that is about, StreamWriter.drain() does,
 * one frame further out. */
static struct error *apply_stream_drain(struct aio_waiting *waiting,
                                        const struct py_generator *link) {
    return apply_stream(waiting, link, SNAPSHOT_WAIT_STREAM_DRAIN);
}

static struct error *apply_stream_close(struct aio_waiting *waiting,
                                        const struct py_generator *link) {
    waiting->wait->callee = "wait_closed";
    return apply_stream(waiting, link, SNAPSHOT_WAIT_STREAM_DRAIN);
}

static struct error *apply_subprocess(struct aio_waiting *waiting,
                                      const struct py_generator *link) {
    uint64_t self;
    struct error *err = aio_waiting_get_local(waiting, link, "self", &self);
    if (err || !self)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_SUBPROCESS, 0);
    return aio_attribute_read_integer(waiting->aio, self, "_pid", &waiting->wait->pid);
}

/* Process.wait() waits in the transport; that of uvloop has no frame to tell of it. */
static struct error *apply_process(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self;
    if (waiting->is_known)
        return NULL;
    struct error *err = aio_waiting_get_local(waiting, link, "self", &self);
    if (err || !self)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_SUBPROCESS, 0);
    return aio_attribute_read_integer(waiting->aio, self, "pid", &waiting->wait->pid);
}

/* loop.sock_*(): the file is in `fd` where the version has such a variable. */
static struct error *apply_socket(struct aio_waiting *waiting, const struct py_generator *link,
                                  enum snapshot_wait_kind kind) {
    struct py_type *type;
    uint64_t fd;
    struct error *err = aio_waiting_get_local(waiting, link, "fd", &fd);
    if (err)
        return err;
    aio_waiting_decide(waiting, kind, 0);
    if (fd)
        err = py_type_of(waiting->aio->py, fd, &type);
    if (!err && fd && type->kind == PY_KIND_INTEGER)
        err = py_integer_read(waiting->aio->py, fd, &waiting->wait->fd);
    return err;
}

static struct error *apply_receive(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_socket(waiting, link, SNAPSHOT_WAIT_SOCKET_READ);
}

static struct error *apply_send(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_socket(waiting, link, SNAPSHOT_WAIT_SOCKET_WRITE);
}

static struct error *apply_accept(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_socket(waiting, link, SNAPSHOT_WAIT_SOCKET_ACCEPT);
}

/* sock_connect() may wait for the DNS first; then its frame is not the innermost. */
static struct error *apply_connect(struct aio_waiting *waiting, const struct py_generator *link) {
    return waiting->host ? NULL : apply_socket(waiting, link, SNAPSHOT_WAIT_SOCKET_CONNECT);
}

static struct error *apply_getaddrinfo(struct aio_waiting *waiting,
                                       const struct py_generator *link) {
    struct py_type *type;
    uint64_t host;
    struct error *err = aio_waiting_get_local(waiting, link, "host", &host);
    waiting->host = "";
    if (!err && host)
        err = py_type_of(waiting->aio->py, host, &type);
    if (!err && host && type->kind == PY_KIND_STRING)
        err = py_string_read(waiting->aio->py, host, &waiting->host);
    return err;
}

static struct error *apply_serve_forever(struct aio_waiting *waiting,
                                         const struct py_generator *link) {
    (void)link;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_FUTURE, 0);
    waiting->wait->callee = "serve_forever";
    return NULL;
}

static const struct aio_rule rules[] = {
    {"streams.py", "_wait_for_data", apply_stream_read},
    {"streams.py", "drain", apply_stream_drain},
    {"streams.py", "wait_closed", apply_stream_close},
    {"base_subprocess.py", "_wait", apply_subprocess},
    {"subprocess.py", "wait", apply_process},
    {"selector_events.py", "sock_recv", apply_receive},
    {"selector_events.py", "sock_recv_into", apply_receive},
    {"selector_events.py", "sock_recvfrom", apply_receive},
    {"selector_events.py", "sock_recvfrom_into", apply_receive},
    {"selector_events.py", "sock_sendall", apply_send},
    {"selector_events.py", "sock_sendto", apply_send},
    {"selector_events.py", "sock_accept", apply_accept},
    {"selector_events.py", "sock_connect", apply_connect},
    {"base_events.py", "getaddrinfo", apply_getaddrinfo},
    {"base_events.py", "getnameinfo", apply_getaddrinfo},
    {"base_events.py", "serve_forever", apply_serve_forever},
};

const struct aio_rule *aio_io_rule_find(const char *file, const char *function) {
    return aio_rule_search(rules, sizeof rules / sizeof *rules, file, function);
}
