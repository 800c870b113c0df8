#include "profile_frames.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"

struct profile_frames {
    struct arena *arena, *keys, *scratch;
    struct table *table;   /* by content */
    struct id_table *code; /* by the address of a frame of the recording */
    struct profile_frame **all;
    size_t count, capacity;
};

struct profile_frames *profile_frames_create(struct arena *arena) {
    struct profile_frames *frames = memory_alloc(sizeof *frames);
    *frames = (struct profile_frames){
        .arena = arena, .keys = arena_create(), .scratch = arena_create(), .table = table_create()};
    frames->code = id_table_create(frames->keys, 0);
    return frames;
}

void profile_frames_destroy(struct profile_frames *frames) {
    if (!frames)
        return;
    table_destroy(frames->table);
    arena_destroy(frames->keys);
    arena_destroy(frames->scratch);
    free(frames->all);
    free(frames);
}

static struct profile_frame *get(struct profile_frames *frames, enum profile_frame_kind kind,
                                 const char *name, const char *file, int32_t line,
                                 enum frame_origin origin) {
    arena_reset(frames->scratch);
    const char *key = arena_format(frames->scratch, "%d %d %d %zu %s%s", (int)kind, (int)origin,
                                   (int)line, strlen(name), name, file ? file : "");
    size_t length = strlen(key);
    struct profile_frame *frame = table_find(frames->table, key, length);
    if (frame)
        return frame;
    if (frames->count == frames->capacity) {
        frames->capacity = 2 * frames->capacity + 64;
        frames->all = memory_realloc(frames->all, frames->capacity * sizeof *frames->all);
    }
    frame = arena_alloc(frames->arena, sizeof *frame);
    *frame = (struct profile_frame){frames->count, kind, name, file, line, origin};
    table_add(frames->table, arena_copy_string(frames->keys, key, length), length, frame);
    return frames->all[frames->count++] = frame;
}

const struct profile_frame *profile_frames_get(struct profile_frames *frames,
                                               enum profile_frame_kind kind, const char *name,
                                               const char *file, int32_t line) {
    return get(frames, kind, name, file, line, FRAME_USER);
}

const struct profile_frame *profile_frames_get_code(struct profile_frames *frames,
                                                    const struct snapshot_frame *frame) {
    struct profile_frame *known = id_table_find(frames->code, (uintptr_t)frame);
    if (known)
        return known;
    const char *file = frame->file ? frame_get_short_file(frame) : NULL;
    known = get(frames, PROFILE_FRAME_CODE, frame_get_name(frame), file, frame->line,
                frame_get_origin(frame));
    id_table_add(frames->code, (uintptr_t)frame, known);
    return known;
}

const struct profile_frame *const *profile_frames_list(const struct profile_frames *frames,
                                                       size_t *ret_count) {
    const struct profile_frame **list =
        arena_alloc_array(frames->arena, frames->count, sizeof *list);
    for (size_t i = 0; i < frames->count; i++)
        list[i] = frames->all[i];
    *ret_count = frames->count;
    return list;
}
