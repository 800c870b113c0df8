/*
 * Messages in the wire format of Protocol Buffers
 * (protobuf.dev/programming-guides/encoding): what pprof needs of it. Private to render.
 *
 * That is less than what a generated encoder would cost: a compiler for the build, a library at run
 * time, and the whole profile a second time in memory, where here it is written row by row.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A message, or packed numbers. {0} is the empty one. */
struct protobuf {
    unsigned char *bytes;
    size_t size, capacity;
};

void protobuf_clear(struct protobuf *message);   /* keeps the memory */
void protobuf_destroy(struct protobuf *message); /* of what is inside */

/* A field that is a number; 0 is the same as no field, and is left out. */
void protobuf_add_number(struct protobuf *message, unsigned field, int64_t value);

/* A field that is a text, a message or packed numbers. */
void protobuf_add_bytes(struct protobuf *message, unsigned field, const void *bytes, size_t size);

/* One more of packed numbers. */
void protobuf_add_packed(struct protobuf *numbers, int64_t value);
