/* gzip, lz4, xz and zstd. */
#include "decoder.h"

#include <limits.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "asyncspy/base/arena.h"

#define XZ_MEMORY_MAX ((uint64_t)512 << 20)
#define GZIP_WINDOW (15 + 16) /* the largest, and the header of gzip: zlib.h, inflateInit2 */

static void advance(struct decoder_io *io, size_t in, size_t out) {
    io->in += in;
    io->in_size -= in;
    io->out += out;
    io->out_size -= out;
}

/* ---- gzip ---- */

static void *create_gzip(void) {
    z_stream *stream = memory_alloc(sizeof *stream);
    memset(stream, 0, sizeof *stream);
    if (inflateInit2(stream, GZIP_WINDOW) == Z_OK)
        return stream;
    free(stream);
    return NULL;
}

static unsigned at_most_int(size_t size) {
    return size < INT_MAX ? (unsigned)size : INT_MAX;
}

static enum decoder_result step_gzip(void *state, struct decoder_io *io) {
    z_stream *stream = state;
    unsigned in = at_most_int(io->in_size), out = at_most_int(io->out_size);
    stream->next_in = (unsigned char *)(uintptr_t)io->in; /* zlib only reads it */
    stream->avail_in = in;
    stream->next_out = io->out;
    stream->avail_out = out;
    int status = inflate(stream, Z_NO_FLUSH);
    advance(io, in - stream->avail_in, out - stream->avail_out);
    if (status == Z_STREAM_END)
        return inflateReset(stream) == Z_OK ? DECODER_ENDED : DECODER_BAD;
    return status == Z_OK || status == Z_BUF_ERROR ? DECODER_MORE : DECODER_BAD;
}

static void destroy_gzip(void *state) {
    inflateEnd(state);
    free(state);
}

/* ---- lz4 ---- */

static void *create_lz4(void) {
    LZ4F_dctx *context;
    return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL : context;
}

static enum decoder_result step_lz4(void *state, struct decoder_io *io) {
    size_t in = io->in_size, out = io->out_size;
    size_t status = LZ4F_decompress(state, io->out, &out, io->in, &in, NULL);
    if (LZ4F_isError(status))
        return DECODER_BAD;
    advance(io, in, out);
    return status == 0 ? DECODER_ENDED : DECODER_MORE;
}

static void destroy_lz4(void *state) {
    LZ4F_freeDecompressionContext(state);
}

/* ---- xz ---- */

static void *create_xz(void) {
    lzma_stream *stream = memory_alloc(sizeof *stream);
    *stream = (lzma_stream)LZMA_STREAM_INIT;
    if (lzma_stream_decoder(stream, XZ_MEMORY_MAX, 0) == LZMA_OK)
        return stream;
    free(stream);
    return NULL;
}

static enum decoder_result step_xz(void *state, struct decoder_io *io) {
    lzma_stream *stream = state;
    stream->next_in = io->in;
    stream->avail_in = io->in_size;
    stream->next_out = io->out;
    stream->avail_out = io->out_size;
    lzma_ret status = lzma_code(stream, LZMA_RUN);
    advance(io, io->in_size - stream->avail_in, io->out_size - stream->avail_out);
    if (status == LZMA_STREAM_END)
        return lzma_stream_decoder(stream, XZ_MEMORY_MAX, 0) == LZMA_OK ? DECODER_ENDED
                                                                        : DECODER_BAD;
    return status == LZMA_OK || status == LZMA_BUF_ERROR ? DECODER_MORE : DECODER_BAD;
}

static void destroy_xz(void *state) {
    lzma_end(state);
    free(state);
}

/* ---- zstd ---- */

static void *create_zstd(void) {
    return ZSTD_createDStream();
}

static enum decoder_result step_zstd(void *state, struct decoder_io *io) {
    ZSTD_inBuffer in = {io->in, io->in_size, 0};
    ZSTD_outBuffer out = {io->out, io->out_size, 0};
    size_t status = ZSTD_decompressStream(state, &out, &in);
    if (ZSTD_isError(status))
        return DECODER_BAD;
    advance(io, in.pos, out.pos);
    return status == 0 ? DECODER_ENDED : DECODER_MORE;
}

static void destroy_zstd(void *state) {
    ZSTD_freeDStream(state);
}

static const struct decoder_format formats[] = {
    {"gzip", {0x1f, 0x8b}, 2, create_gzip, step_gzip, destroy_gzip},
    {"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, create_lz4, step_lz4, destroy_lz4},
    {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, create_xz, step_xz, destroy_xz},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, create_zstd, step_zstd, destroy_zstd},
};

const struct decoder_format *decoder_find(const unsigned char *start, size_t size) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (size >= formats[i].magic_size &&
            memcmp(start, formats[i].magic, formats[i].magic_size) == 0)
            return &formats[i];
    return NULL;
}
