#include "spoiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t next_random(struct spoiler *spoiler) {
    spoiler->seed = spoiler->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return spoiler->seed >> 16 ^ spoiler->seed << 40;
}

/* A word that could hurt: a small number, a huge one, another object, anything. */
static uint64_t bad_word(struct spoiler *spoiler, uint64_t old) {
    uint64_t random = next_random(spoiler);
    switch (random % 7) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return old + 8;
    case 3:
        return UINT64_C(1) << (random >> 8) % 64;
    case 4:
        return old ^ (UINT64_C(1) << (random >> 8) % 64);
    case 5:
        return (UINT64_C(0x7f1000000000) + (random >> 8) % 600 * 16384) + 64;
    default:
        return random;
    }
}

static void spoil_word(struct spoiler *spoiler, unsigned char *bytes, size_t size) {
    uint64_t words = size / 8, first = next_random(spoiler) % (words ? words : 1), word = 0;
    for (uint64_t i = 0; i < words; i++) {
        unsigned char *at = bytes + 8 * ((first + i) % words);
        memcpy(&word, at, sizeof word);
        if (!word)
            continue;
        word = bad_word(spoiler, word);
        memcpy(at, &word, sizeof word);
        return;
    }
}

static struct error *read_spoilt(void *context, const struct memory_range *ranges, size_t count,
                                 size_t *done) {
    struct spoiler *spoiler = context;
    struct error *err = spoiler->inner.read(spoiler->inner.context, ranges, count, done);
    if (err || ++spoiler->reads != spoiler->spoil_at)
        return err;
    for (size_t i = 0; i < count; i++) {
        unsigned char *bytes = ranges[i].buffer;
        for (size_t at = 0; spoiler->damage == SPOILER_ALL_BYTES && at < done[i]; at++)
            bytes[at] = (unsigned char)next_random(spoiler);
        if (spoiler->damage == SPOILER_ONE_WORD)
            spoil_word(spoiler, bytes, done[i]);
        if (spoiler->damage == SPOILER_SHORT)
            done[i] = next_random(spoiler) % (done[i] + 1);
    }
    return spoiler->damage == SPOILER_GONE ? error_create(ERROR_GONE, "it ended") : NULL;
}

static bool clamp(void *context, uint64_t address, uint64_t *start, uint64_t *end) {
    struct spoiler *spoiler = context;
    return spoiler->inner.clamp(spoiler->inner.context, address, start, end);
}

/* --- walks --- */

void spoiler_open(struct spoiler *ret, struct fake_target *target,
                  const struct whole_program *program) {
    *ret = (struct spoiler){.program = program,
                            .fake = target->fake,
                            .inner = fake_memory_source(target->fake->memory)};
    ret->memory =
        memory_create(&(struct memory_source){.context = ret, .read = read_spoilt, .clamp = clamp});
    ret->snapshot = snapshot_create();
    ret->py = fake_python_open(target->fake, ret->memory, program->runtime);
}

void spoiler_close(struct spoiler *spoiler) {
    py_destroy(spoiler->py);
    snapshot_destroy(spoiler->snapshot);
    memory_destroy(spoiler->memory);
}

struct spoiler_result spoiler_walk(struct spoiler *spoiler, enum spoiler_damage damage, uint64_t at,
                                   uint64_t seed) {
    struct spoiler_result result;
    uint64_t before = fake_memory_get_page_reads(spoiler->fake->memory);
    memory_forget(spoiler->memory);
    *py_get_layout(spoiler->py) = spoiler->fake->layout;
    spoiler->damage = damage;
    spoiler->spoil_at = at;
    spoiler->seed = seed;
    spoiler->reads = 0;
    result.walk = whole_walk_take(spoiler->py, spoiler->snapshot, spoiler->program);
    result.page_reads = fake_memory_get_page_reads(spoiler->fake->memory) - before;
    result.reads = spoiler->reads;
    return result;
}

void spoiler_spoil_every_read(struct fake_target *target, const struct whole_program *program,
                              enum spoiler_damage damage, uint64_t seeds) {
    struct spoiler spoiler;
    spoiler_open(&spoiler, target, program);
    for (uint64_t seed = 1; seed <= (program->is_part ? 1 : seeds); seed++) {
        for (uint64_t n = 1;; n++) {
            struct spoiler_result result = spoiler_walk(&spoiler, damage, n, seed * 7919 + n);
            assert_true(result.reads < SPOILER_READS_MAX);
            if (!result.walk.json)
                assert_int_equal(result.walk.error, damage == SPOILER_GONE ? ERROR_GONE : -1);
            free(result.walk.json);
            if (result.reads < n)
                break;
        }
    }
    spoiler_close(&spoiler);
}
