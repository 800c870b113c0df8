#include "pack.h"

#include <string.h>
#include <zlib.h>

#include "asyncspy/base/text.h"
#include "recording_format.h"

#define NUMBER_SIZE_MAX 10
#define CAPACITY_FIRST 64

void *pack_reserve(void *items, size_t *capacity, size_t count, size_t size) {
    size_t bytes, wanted = *capacity ? *capacity : CAPACITY_FIRST;
    if (count <= *capacity)
        return items;
    while (wanted < count)
        if (__builtin_mul_overflow(wanted, (size_t)2, &wanted))
            memory_exhausted();
    if (__builtin_mul_overflow(wanted, size, &bytes))
        memory_exhausted();
    *capacity = wanted;
    return memory_realloc(items, bytes);
}

/* ---- writing ---- */

static unsigned char *make_room(struct pack *pack, size_t size) {
    pack->bytes = pack_reserve(pack->bytes, &pack->capacity, pack->size + size, 1);
    return pack->bytes + pack->size;
}

void pack_bytes(struct pack *pack, const void *bytes, size_t size) {
    if (size == 0)
        return;
    memcpy(make_room(pack, size), bytes, size);
    pack->size += size;
}

void pack_number(struct pack *pack, uint64_t value) {
    unsigned char *to = make_room(pack, NUMBER_SIZE_MAX), *at = to;
    for (; value >= 0x80; value >>= 7)
        *at++ = (unsigned char)(value | 0x80);
    *at++ = (unsigned char)value;
    pack->size += (size_t)(at - to);
}

static uint64_t fold_sign(int64_t value) {
    return (uint64_t)value << 1 ^ -(uint64_t)(value < 0);
}

static int64_t unfold_sign(uint64_t value) {
    return (int64_t)(value >> 1 ^ -(value & 1));
}

void pack_signed(struct pack *pack, int64_t value) {
    pack_number(pack, fold_sign(value));
}

void pack_optional(struct pack *pack, int64_t value) {
    pack_number(pack, value == SNAPSHOT_UNKNOWN ? 0 : fold_sign(value) + 1);
}

void pack_text(struct pack *pack, const char *text) {
    size_t length = text ? strlen(text) : 0;
    pack_number(pack, text ? length + 1 : 0);
    pack_bytes(pack, text, length);
}

void pack_tristate(struct pack *pack, enum snapshot_tristate value) {
    pack_number(pack, value == SNAPSHOT_MAYBE ? 2 : (uint64_t)value);
}

static void put_check(unsigned char *to, const unsigned char *bytes, size_t size) {
    uint32_t check = (uint32_t)crc32_z(0, bytes, size);
    for (unsigned i = 0; i < RECORDING_CHECK_SIZE; i++)
        to[i] = (unsigned char)(check >> 8 * i);
}

void pack_chunk(struct pack *pack, int type, const struct pack *payload) {
    size_t start = pack->size;
    pack_bytes(pack, &(unsigned char){(unsigned char)type}, 1);
    pack_number(pack, payload->size);
    pack_bytes(pack, payload->bytes, payload->size);
    unsigned char *check = make_room(pack, RECORDING_CHECK_SIZE);
    put_check(check, pack->bytes + start, pack->size - start);
    pack->size += RECORDING_CHECK_SIZE;
}

int64_t pack_to_us(double seconds) {
    double us = round(seconds * 1e6);
    if (isnan(us))
        return SNAPSHOT_UNKNOWN;
    return (int64_t)fmax(fmin(us, (double)RECORDING_US_MAX), -(double)RECORDING_US_MAX);
}

uint64_t pack_to_duration(double seconds) {
    int64_t us = pack_to_us(seconds);
    return us > 0 ? (uint64_t)us : 0;
}

double pack_from_us(int64_t us) {
    return us == SNAPSHOT_UNKNOWN ? NAN : (double)us / 1e6;
}

/* ---- reading ---- */

bool unpack_is_intact(const unsigned char *bytes, size_t size) {
    unsigned char check[RECORDING_CHECK_SIZE];
    put_check(check, bytes, size);
    return memcmp(check, bytes + size, sizeof check) == 0;
}

void unpack_fail(struct unpack *unpack, const char *wrong) {
    if (!unpack->wrong)
        unpack->wrong = wrong;
    unpack->at = unpack->end;
}

uint64_t unpack_number(struct unpack *unpack) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && unpack->at < unpack->end; shift += 7) {
        uint64_t byte = *unpack->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    unpack_fail(unpack, "a number that has no end");
    return 0;
}

uint64_t unpack_below(struct unpack *unpack, uint64_t limit, const char *wrong) {
    uint64_t value = unpack_number(unpack);
    if (value < limit)
        return value;
    unpack_fail(unpack, wrong);
    return 0;
}

size_t unpack_count(struct unpack *unpack) {
    uint64_t count = unpack_number(unpack);
    if (count <= (size_t)(unpack->end - unpack->at))
        return (size_t)count;
    unpack_fail(unpack, "more of something than there are bytes");
    return 0;
}

int64_t unpack_signed(struct unpack *unpack) {
    return unfold_sign(unpack_number(unpack));
}

int64_t unpack_optional(struct unpack *unpack) {
    uint64_t value = unpack_number(unpack);
    return value ? unfold_sign(value - 1) : SNAPSHOT_UNKNOWN;
}

int64_t unpack_us(struct unpack *unpack) {
    return (int64_t)unpack_below(unpack, RECORDING_US_MAX + 1, "a time that cannot be");
}

enum snapshot_tristate unpack_tristate(struct unpack *unpack) {
    uint64_t value = unpack_below(unpack, 3, "what is neither yes nor no");
    return value == 2 ? SNAPSHOT_MAYBE : (enum snapshot_tristate)value;
}

const unsigned char *unpack_bytes(struct unpack *unpack, uint64_t size) {
    const unsigned char *bytes = unpack->at;
    if (size > (size_t)(unpack->end - bytes)) {
        unpack_fail(unpack, "a text that has no end");
        return NULL;
    }
    unpack->at += size;
    return bytes;
}

const char *unpack_text(struct unpack *unpack, struct arena *arena) {
    uint64_t length = unpack_number(unpack);
    const unsigned char *bytes = length ? unpack_bytes(unpack, length - 1) : NULL;
    return bytes ? text_from_bytes(arena, (const char *)bytes, (size_t)length - 1) : NULL;
}
