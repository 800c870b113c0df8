#include "gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST /* what is compressed is not changed */
#include <zlib.h>

#include "asyncspy/base/arena.h"

#define WINDOW_GZIP (15 + 16) /* deflateInit2: the largest window, with gzip's frame */
#define MEMORY_LEVEL 8        /* its default */

struct gzip {
    z_stream stream;
    FILE *out;
    int error_number; /* of the first write that failed, or 0 */
    unsigned char buffer[1 << 16];
};

struct gzip *gzip_create(FILE *out) {
    struct gzip *gzip = memory_alloc(sizeof *gzip);
    *gzip = (struct gzip){.out = out};
    if (deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        memory_exhausted(); /* nothing else can be wrong with these */
    return gzip;
}

/* Compresses what is at hand until there is room to spare: then it is done. */
static void compress_all(struct gzip *gzip, int flush) {
    do {
        gzip->stream.next_out = gzip->buffer;
        gzip->stream.avail_out = sizeof gzip->buffer;
        deflate(&gzip->stream, flush);
        size_t size = sizeof gzip->buffer - gzip->stream.avail_out;
        if (fwrite(gzip->buffer, 1, size, gzip->out) != size && !gzip->error_number)
            gzip->error_number = errno;
    } while (!gzip->stream.avail_out);
}

void gzip_write(struct gzip *gzip, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    while (size) {
        uInt part = size < INT_MAX ? (uInt)size : INT_MAX;
        gzip->stream.next_in = at;
        gzip->stream.avail_in = part;
        compress_all(gzip, Z_NO_FLUSH);
        at += part;
        size -= part;
    }
}

struct error *gzip_finish(struct gzip *gzip) {
    compress_all(gzip, Z_FINISH);
    if (fflush(gzip->out) != 0 && !gzip->error_number)
        gzip->error_number = errno;
    int error_number = gzip->error_number;
    deflateEnd(&gzip->stream);
    free(gzip);
    return error_number ? error_create_os(error_number, "writing the file") : NULL;
}
