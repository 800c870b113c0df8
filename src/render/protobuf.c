#include "protobuf.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"

#define VARINT_MAX 10 /* bytes */

enum wire_type { WIRE_VARINT = 0, WIRE_BYTES = 2 };

void protobuf_clear(struct protobuf *message) {
    message->size = 0;
}

void protobuf_destroy(struct protobuf *message) {
    free(message->bytes);
    *message = (struct protobuf){0};
}

/* Room for `more` bytes. */
static unsigned char *reserve(struct protobuf *message, size_t more) {
    if (message->size + more > message->capacity) {
        message->capacity = 2 * message->capacity + more;
        message->bytes = memory_realloc(message->bytes, message->capacity);
    }
    return message->bytes + message->size;
}

/* Seven bits a byte, the lowest first; the eighth says that more follow. */
static void add_varint(struct protobuf *message, uint64_t value) {
    unsigned char *at = reserve(message, VARINT_MAX);
    for (; value >= 0x80; value >>= 7)
        *at++ = (unsigned char)(value | 0x80);
    *at++ = (unsigned char)value;
    message->size = (size_t)(at - message->bytes);
}

static void add_tag(struct protobuf *message, unsigned field, enum wire_type type) {
    add_varint(message, (uint64_t)field << 3 | (uint64_t)type);
}

void protobuf_add_packed(struct protobuf *numbers, int64_t value) {
    add_varint(numbers, (uint64_t)value);
}

void protobuf_add_number(struct protobuf *message, unsigned field, int64_t value) {
    if (!value)
        return;
    add_tag(message, field, WIRE_VARINT);
    add_varint(message, (uint64_t)value);
}

void protobuf_add_bytes(struct protobuf *message, unsigned field, const void *bytes, size_t size) {
    add_tag(message, field, WIRE_BYTES);
    add_varint(message, size);
    unsigned char *at = reserve(message, size);
    if (size)
        memcpy(at, bytes, size);
    message->size += size;
}
