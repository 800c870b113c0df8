/*
 * Protocols: who gets the bytes of a connection (asyncio/selector_events.py, sslproto.py).
 * Libraries that have their own, in C or Cython often, keep futures in them that nothing else tells
 * of.
 */
#include "asyncspy/base/text.h"
#include "wait.h"

#define READ_READY "._read_ready"

void aio_transport_note(struct aio *aio, const char *callback, uint64_t self, int64_t fd) {
    if (self && text_ends_with(callback, READ_READY))
        aio_transport_add(aio, self, fd);
}

void aio_transport_add(struct aio *aio, uint64_t transport, int64_t fd) {
    aio->transports = snapshot_vector_grow(aio->arena, aio->transports, &aio->transport_count,
                                           &aio->transport_capacity, sizeof *aio->transports);
    aio->transports[aio->transport_count - 1] = (struct aio_transport){transport, fd};
}

static struct error *add(struct aio *aio, const struct aio_transport *transport) {
    struct snapshot_protocol row = {.fd = transport->fd, .accepted = SNAPSHOT_MAYBE};
    uint64_t protocol = 0, behind_tls = 0;
    struct py_type *type;
    struct error *err = aio_attribute_read(aio, transport->address, "_protocol", &protocol);
    if (!err && protocol)
        err = aio_attribute_read(aio, protocol, "_app_protocol", &behind_tls);
    if (behind_tls)
        protocol = behind_tls;
    if (!err && protocol)
        err = py_type_of(aio->py, protocol, &type);
    if (!err && aio->want_addresses)
        err = aio_addresses_read(aio, transport->address, &row);
    if (err || !protocol)
        return err;
    row.id = protocol;
    row.type = type->full_name;
    *SNAPSHOT_APPEND(aio->snapshot, &aio->snapshot->protocols) = row;
    return NULL;
}

static bool is_wanted(const struct aio *aio) {
    const struct snapshot *snapshot = aio->snapshot;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        if (wait && wait->kind == SNAPSHOT_WAIT_FUTURE)
            return true;
    }
    return false;
}

struct error *aio_protocols_add(struct aio *aio) {
    struct error *err = NULL;
    if (!aio->transport_count || !(aio->want_addresses || is_wanted(aio)))
        return NULL;
    for (size_t i = 0; !err && i < aio->transport_count; i++)
        err = aio_note_missing(aio, "the protocol of a connection", add(aio, &aio->transports[i]));
    return err;
}
