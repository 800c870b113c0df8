#include "trace_tracks.h"

#include <stdlib.h>

#include "asyncspy/base/arena.h"

#define uthash_fatal(message) memory_exhausted()
#define HASH_FUNCTION(key, length, hash) ((hash) = hash_key(key))
#include <uthash.h>

struct key {
    uint64_t kind, number;
};

/* Numbers and addresses: one multiplication mixes them well. */
static unsigned hash_key(const struct key *key) {
    return (unsigned)((key->number ^ key->kind) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

struct entry {
    struct trace_track track; /* first: a track is its entry */
    struct key key;
    UT_hash_handle hh;
};

struct trace_tracks {
    struct entry *entries;
};

struct trace_tracks *trace_tracks_create(void) {
    struct trace_tracks *tracks = memory_alloc(sizeof *tracks);
    *tracks = (struct trace_tracks){0};
    return tracks;
}

void trace_tracks_destroy(struct trace_tracks *tracks) {
    if (!tracks)
        return;
    struct entry *entry = tracks->entries, *next;
    HASH_CLEAR(hh, tracks->entries);
    for (; entry; entry = next) {
        next = entry->hh.next;
        trace_free_slices(&entry->track.slices);
        free(entry);
    }
    free(tracks);
}

struct trace_track *trace_tracks_find(const struct trace_tracks *tracks, enum trace_kind kind,
                                      uint64_t number) {
    struct key key = {kind, number};
    struct entry *entry;
    HASH_FIND(hh, tracks->entries, &key, sizeof key, entry);
    return entry ? &entry->track : NULL;
}

struct trace_track *trace_tracks_get(struct trace_tracks *tracks, enum trace_kind kind,
                                     uint64_t number) {
    struct trace_track *track = trace_tracks_find(tracks, kind, number);
    if (track)
        return track;
    struct entry *entry = memory_alloc(sizeof *entry);
    *entry = (struct entry){.key = {kind, number}};
    HASH_ADD(hh, tracks->entries, key, sizeof entry->key, entry);
    return &entry->track;
}

void trace_tracks_remove(struct trace_tracks *tracks, struct trace_track *track) {
    struct entry *entry = (struct entry *)track;
    HASH_DEL(tracks->entries, entry);
    trace_free_slices(&track->slices);
    free(entry);
}

struct trace_track *trace_tracks_next(const struct trace_tracks *tracks,
                                      const struct trace_track *track) {
    struct entry *next = track ? ((const struct entry *)track)->hh.next : tracks->entries;
    return next ? &next->track : NULL;
}
