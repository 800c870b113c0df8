/*
 * The formats that a core may be compressed in, each through its library, all in the same way.
 * Private to target.
 */
#pragma once

#include <stddef.h>

/* Bytes to take and room to fill; the decoder moves both on. */
struct decoder_io {
    const unsigned char *in;
    size_t in_size;
    unsigned char *out;
    size_t out_size;
};

enum decoder_result {
    DECODER_MORE,  /* more bytes or more room */
    DECODER_ENDED, /* a frame is complete; another may follow */
    DECODER_BAD,   /* the bytes are damaged */
};

struct decoder_format {
    const char *name;
    unsigned char magic[6];
    size_t magic_size;
    void *(*create)(void); /* NULL: no memory */
    enum decoder_result (*step)(void *state, struct decoder_io *io);
    void (*destroy)(void *state);
};

/* The format whose files start with these bytes, NULL none. */
const struct decoder_format *decoder_find(const unsigned char *start, size_t size);
