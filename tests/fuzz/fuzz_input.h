/* The bytes of one fuzzer input, taken from the front. Where they end, zeros follow. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *bytes;
    size_t left;
};

static inline void fuzz_take_bytes(struct fuzz_input *input, void *to, size_t size) {
    size_t piece = size < input->left ? size : input->left;
    memset(to, 0, size);
    if (piece)
        memcpy(to, input->bytes, piece);
    input->bytes += piece;
    input->left -= piece;
}

static inline uint64_t fuzz_take(struct fuzz_input *input, size_t width) {
    uint64_t value = 0;
    fuzz_take_bytes(input, &value, width);
    return value;
}

/* Up to the next 0xff, which is dropped. */
static inline struct fuzz_input fuzz_take_part(struct fuzz_input *input) {
    const uint8_t *end = input->left ? memchr(input->bytes, 0xff, input->left) : NULL;
    size_t size = end ? (size_t)(end - input->bytes) : input->left;
    struct fuzz_input part = {input->bytes, size};
    size += end != NULL;
    input->bytes += size;
    input->left -= size;
    return part;
}
