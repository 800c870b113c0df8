/*
 * The cores of tests/cores/ with words changed: what is read of a real Python that is not quite as
 * it should be, and notes that say something else. Input: which core, then changes.
 */
#include <fcntl.h>
#include <glob.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "fuzz_input.h"
#include "fuzz_show.h"

#define CORES_MAX 64
#define CORE_BYTES_MAX ((size_t)32 << 20)
#define CHANGES_MAX 64
#define WORD sizeof(uint64_t)

/* A core, unpacked: a file that is changed and changed back. */
struct core_file {
    int file;
    uint64_t *bytes;
    uint32_t *words; /* places of those that are not 0 */
    size_t count;
};

static struct core_file cores[CORES_MAX];
static size_t core_count;

struct change {
    uint32_t at;
    uint8_t kind;
    uint8_t value[3];
};

static unsigned char *read_packed(const char *path, size_t *ret_size) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        abort();
    unsigned char *bytes = memory_alloc((size_t)status.st_size);
    if (read(file, bytes, (size_t)status.st_size) != status.st_size)
        abort();
    close(file);
    *ret_size = (size_t)status.st_size;
    return bytes;
}

static void list_words(struct core_file *core, size_t size) {
    core->words = memory_alloc(size / WORD * sizeof *core->words);
    for (size_t i = 0; i < size / WORD; i++)
        if (core->bytes[i])
            core->words[core->count++] = (uint32_t)i;
}

static void add_core(const char *path) {
    struct core_file *core = &cores[core_count++];
    size_t packed_size, in = 0, out = 0;
    uint64_t limit = UINT64_MAX;
    unsigned char *packed = read_packed(path, &packed_size);
    core->bytes = memory_alloc(CORE_BYTES_MAX);
    if (lzma_stream_buffer_decode(&limit, 0, NULL, packed, &in, packed_size,
                                  (unsigned char *)core->bytes, &out, CORE_BYTES_MAX) != LZMA_OK)
        abort();
    free(packed);
    core->bytes = memory_realloc(core->bytes, out);
    core->file = memfd_create("core", MFD_CLOEXEC);
    if (core->file < 0 || write(core->file, core->bytes, out) != (ssize_t)out)
        abort();
    list_words(core, out);
}

static void load(void) {
    glob_t found;
    if (core_count || glob("tests/cores/*.core.xz", 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc && core_count < CORES_MAX; i++)
        add_core(found.gl_pathv[i]);
    globfree(&found);
}

static uint64_t make_word(const struct core_file *core, const struct change *change, uint64_t old) {
    uint64_t value = change->value[0] | (uint64_t)change->value[1] << 8;
    unsigned shift = change->value[2] % 64;
    switch (change->kind % 6) {
    case 0:
        return 0;
    case 1:
        return value << shift;
    case 2:
        return old + (uint64_t)(int16_t)value;
    case 3:
        return old ^ (uint64_t)1 << shift;
    case 4:
        return core->bytes[core->words[(value * 257 + shift) % core->count]]; /* another pointer */
    default:
        return (old & ~((uint64_t)0xff << shift)) | (value & 0xff) << shift;
    }
}

static void put(const struct core_file *core, uint32_t word, uint64_t value) {
    if (pwrite(core->file, &value, WORD, (off_t)(word * WORD)) != (ssize_t)WORD)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct change change;
    char path[64];
    load();
    if (!core_count || size == 0)
        return 0;
    const struct core_file *core = &cores[data[0] % core_count];
    size_t count = (size - 1) / sizeof change;
    count = count < CHANGES_MAX ? count : CHANGES_MAX;
    for (size_t i = 0; i < count; i++) {
        memcpy(&change, data + 1 + i * sizeof change, sizeof change);
        uint32_t word = core->words[change.at % core->count];
        put(core, word, make_word(core, &change, core->bytes[word]));
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", core->file);
    fuzz_show_core(path);
    for (size_t i = 0; i < count; i++) {
        memcpy(&change, data + 1 + i * sizeof change, sizeof change);
        uint32_t word = core->words[change.at % core->count];
        put(core, word, core->bytes[word]);
    }
    return 0;
}
