/*
 * Numbers for texts, by which what one picture shows is found in the next, when the texts are gone.
 * Two texts of one number are taken for one: whoever makes such texts spoils his own screen.
 * Private to analysis.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#define LIVE_HASH UINT64_C(0x9e3779b97f4a7c15)

/* Both halves of the product: each bit depends on all bits of both factors. */
static inline uint64_t live_hash_number(uint64_t hash, uint64_t number) {
    unsigned __int128 product = (unsigned __int128)(hash ^ number) * UINT64_C(0xd6e8feb86659fd93);
    return ((uint64_t)product ^ (uint64_t)(product >> 64)) + LIVE_HASH;
}

static inline uint64_t live_hash_bytes(uint64_t hash, const char *bytes, size_t length) {
    uint64_t word;
    hash = live_hash_number(hash, length);
    for (; length >= sizeof word; length -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = live_hash_number(hash, word);
    }
    word = 0;
    memcpy(&word, bytes, length);
    return live_hash_number(hash, word);
}

/* NULL is a text of its own. */
static inline uint64_t live_hash_text(uint64_t hash, const char *text) {
    return text ? live_hash_bytes(hash, text, strlen(text)) : live_hash_number(hash, UINT64_MAX);
}

/* An id may be used again: what tells a task from the next one at its address. */
static inline uint64_t live_hash_task(const char *name, const char *coroutine) {
    return live_hash_text(live_hash_text(LIVE_HASH, name), coroutine);
}
