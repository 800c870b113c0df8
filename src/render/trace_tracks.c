#include "trace_tracks.h"

#include <stdlib.h>

#include "asyncspy/base/arena.h"

#define uthash_fatal(message) memory_exhausted()
#include <uthash.h>

struct key {
    uint64_t kind, number;
};

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
    struct trace_track *next;
    for (struct trace_track *track = trace_tracks_next(tracks, NULL); track; track = next) {
        next = trace_tracks_next(tracks, track);
        trace_tracks_remove(tracks, track);
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
    free(entry);
}

struct trace_track *trace_tracks_next(const struct trace_tracks *tracks,
                                      const struct trace_track *track) {
    struct entry *next = track ? ((const struct entry *)track)->hh.next : tracks->entries;
    return next ? &next->track : NULL;
}
