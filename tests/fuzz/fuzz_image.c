#include "fuzz_image.h"

#include <stdlib.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/snapshot/snapshot.h"

#define TABLES_MAX 64
#define CHANGES_MAX 512 /* of one input */
#define OBJECT_AT 64    /* in its block: fake_alloc() */
#define CHOICES 32      /* of a version; more are the same with another program */
#define DESERT UINT64_C(0x600000000000)
#define DESERT_SIZE (UINT64_C(1) << 30)
/* A walk over the program takes less than half of it; the others were led astray. */
#define WALK_UNITS 600000

struct change {
    unsigned char *at, old[8];
};

#define PROGRAMS (FAKE_SERVER_PART_COUNT + 1)

static struct fuzz_image *images[TABLES_MAX][PROGRAMS];
static struct change changes[CHANGES_MAX];
static size_t change_count;

size_t fuzz_count_tables(void) {
    size_t count = 0;
    while (py_table_get(count))
        count++;
    return count < TABLES_MAX ? count : TABLES_MAX;
}

/* --- memory --- */

static bool is_desert(uint64_t address) {
    return address >= DESERT && address < DESERT + DESERT_SIZE;
}

static void fill_desert(const struct fuzz_image *image, const struct memory_range *range) {
    for (size_t i = 0; i < range->size; i++) {
        uint64_t at = range->address + i, number = (at >> 3) * UINT64_C(0x9e3779b97f4a7c15);
        uint64_t word = fuzz_image_address(image, number >> 40);
        ((unsigned char *)range->buffer)[i] = (unsigned char)(word >> 8 * (at & 7));
    }
}

static struct error *read_ranges(void *context, const struct memory_range *ranges, size_t count,
                                 size_t *done) {
    struct fuzz_image *image = context;
    for (size_t i = 0; i < count; i++) {
        done[i] = ranges[i].size;
        if (is_desert(ranges[i].address))
            fill_desert(image, &ranges[i]);
        else
            error_destroy(image->inner.read(image->inner.context, &ranges[i], 1, &done[i]));
    }
    return NULL;
}

static bool clamp(void *context, uint64_t address, uint64_t *start, uint64_t *end) {
    struct fuzz_image *image = context;
    return is_desert(address) || image->inner.clamp(image->inner.context, address, start, end);
}

/* --- the image of a version --- */

static void find_words(struct fuzz_image *image) {
    size_t capacity = 0;
    for (size_t i = 0; i < image->fake->block_count; i++) {
        const struct fake_block *block = &image->fake->blocks[i];
        for (uint64_t at = block->start; at + 8 <= block->end; at += 8) {
            if (!fake_get(image->fake, at, 8))
                continue;
            image->words = snapshot_vector_grow(image->snapshot->arena, image->words,
                                                &image->word_count, &capacity, 8);
            image->words[image->word_count - 1] = at;
        }
    }
    uint64_t *words = memory_alloc(image->word_count * sizeof *words);
    memcpy(words, image->words, image->word_count * sizeof *words);
    image->words = words; /* the snapshot is reset for each input */
}

static struct fuzz_image *create(const struct py_table *table, size_t number) {
    struct fuzz_image *image = memory_alloc(sizeof *image);
    struct fake_program program;
    *image = (struct fuzz_image){.fake = fake_python_create(table), .snapshot = snapshot_create()};
    fake_asyncio_create(&image->aio, image->fake);
    if (number == 0)
        fake_program_create(&program, &image->aio);
    else
        image->futex = fake_server_create(&image->aio, (enum fake_server_part)(number - 1));
    image->inner = fake_memory_source(image->fake->memory);
    image->memory = memory_create(
        &(struct memory_source){.context = image, .read = read_ranges, .clamp = clamp});
    image->py = fake_python_open(image->fake, image->memory, image->aio.runtime);
    py_set_walk_units(image->py, WALK_UNITS);
    find_words(image);
    return image;
}

uint64_t fuzz_image_address(const struct fuzz_image *image, uint64_t choice) {
    const struct fake_python *fake = image->fake;
    uint64_t start = fake->blocks[(choice & 0xffff) % fake->block_count].start;
    if ((choice >> 16 & 0xff) == 0xff)
        return DESERT + (choice & 0xffff) * 8;
    return start + OBJECT_AT;
}

/* --- changes --- */

static uint64_t new_word(const struct fuzz_image *image, unsigned kind, uint64_t old,
                         uint64_t value) {
    switch (kind) {
    case 0:
        return value; /* 7 bytes of it */
    case 1:
        return fuzz_image_address(image, value);
    case 2:
        return fuzz_image_address(image, value) + (value >> 24 & 0xff);
    case 3:
        return fake_get(image->fake, image->words[value % image->word_count], 8);
    case 4:
        return old + (uint64_t)(int64_t)(int8_t)value;
    case 5:
        return old ^ UINT64_C(1) << (value & 63);
    case 6:
        return (old & ~UINT64_C(0xffffffff)) | (value & 0xffffffff);
    default:
        return 0 - (value & 0xffff);
    }
}

static void overwrite(struct fuzz_image *image, uint64_t address, unsigned kind, uint64_t value) {
    unsigned char *at = fake_memory_at(image->fake->memory, address);
    uint64_t word;
    if (change_count == CHANGES_MAX || !at ||
        fake_memory_at(image->fake->memory, address + 7) != at + 7)
        return;
    memcpy(changes[change_count].old, at, 8);
    changes[change_count++].at = at;
    memcpy(&word, at, 8);
    word = new_word(image, kind, word, value);
    memcpy(at, &word, 8);
}

/* u16 which word, i8 how far from it, u8 what to do, 8 bytes with what. */
static void change(struct fuzz_image *image, struct fuzz_input *input) {
    uint64_t address = image->words[fuzz_take(input, 2) % image->word_count];
    int8_t distance = (int8_t)fuzz_take(input, 1);
    uint8_t kind = (uint8_t)fuzz_take(input, 1);
    uint64_t value = fuzz_take(input, 8);
    if (kind == 0xff) /* the page is gone */
        fake_memory_set_bad_page(image->fake->memory, address);
    else
        overwrite(image, address + (uint64_t)(int64_t)distance, kind % 8, value);
}

void fuzz_image_change(struct fuzz_image *image, struct fuzz_input *input) {
    for (uint64_t left = fuzz_take(input, 1); left && input->left; left--)
        change(image, input);
}

struct fuzz_image *fuzz_image_begin(struct fuzz_input *input) {
    size_t choice = fuzz_take(input, 1);
    size_t index = choice % CHOICES % fuzz_count_tables(), number = choice / CHOICES % PROGRAMS;
    if (!images[index][number])
        images[index][number] = create(py_table_get(index), number);
    struct fuzz_image *image = images[index][number];
    fuzz_image_change(image, input);
    memory_freeze(image->memory, false);
    memory_forget(image->memory);
    snapshot_reset(image->snapshot);
    *py_get_layout(image->py) = image->fake->layout;
    py_begin_walk(image->py, image->snapshot);
    return image;
}

void fuzz_image_end(struct fuzz_image *image) {
    while (change_count) {
        const struct change *last = &changes[--change_count];
        memcpy(last->at, last->old, 8);
    }
    fake_memory_set_bad_page(image->fake->memory, UINT64_MAX);
}
