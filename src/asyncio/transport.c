/* Transports: which file a stream is about (asyncio/selector_events.py, unix_events.py,
 * sslproto.py). */
#include "uvloop.h"

#define LAYERS_MAX 4

/* A transport of TLS stands on its protocol, and that on the transport of the socket. */
static struct error *find_below(struct aio *aio, uint64_t transport, uint64_t *ret) {
    uint64_t protocol;
    *ret = 0;
    struct error *err = aio_attribute_read(aio, transport, "_ssl_protocol", &protocol);
    return err || !protocol ? err : aio_attribute_read(aio, protocol, "_transport", ret);
}

struct error *aio_transport_read(struct aio *aio, uint64_t transport, int64_t *ret_fd) {
    static const char *const attributes[] = {"_sock_fd", "_fileno"}; /* sockets, pipes */
    struct error *err = NULL;
    int64_t fd = SNAPSHOT_UNKNOWN;
    uint64_t below = transport;
    for (int layer = 0; !err && below && layer < LAYERS_MAX; layer++) {
        for (int i = 0; !err && fd == SNAPSHOT_UNKNOWN && i < 2; i++)
            err = aio_attribute_read_integer(aio, below, attributes[i], &fd);
        if (!err && fd != SNAPSHOT_UNKNOWN)
            break;
        transport = below;
        if (!err)
            err = find_below(aio, transport, &below);
    }
    if (!err && fd >= 0)
        *ret_fd = fd;
    if (!err && fd >= 0 && aio->want_addresses)
        aio_transport_add(aio, below, fd);
    return err || fd != SNAPSHOT_UNKNOWN || !transport
               ? err
               : aio_libuv_transport_read(aio, transport, ret_fd);
}
