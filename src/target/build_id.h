/* The build id of an ELF file, found by its program headers. Private to target. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_MAX 64

struct build_id {
    unsigned char bytes[BUILD_ID_MAX];
    size_t size; /* 0: it has none */
};

/* Copies bytes of the file; false: they are not there. */
typedef bool build_id_read_bytes(void *context, uint64_t offset, void *buffer, size_t size);

/* False: what can be read of the file is no ELF file of this machine, or not enough of one: where a
 * tool has moved its notes (patchelf, BOLT), they do not stand in the page of the header. */
bool build_id_find(build_id_read_bytes *read, void *context, struct build_id *ret);
