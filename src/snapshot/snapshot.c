#include "asyncspy/snapshot/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define MISSING_MAX 1000 /* rows; each new one is compared with all of them */
#define NOTES_MAX 50     /* of one task */
#define CAPACITY_FIRST 8

static void clear(struct snapshot *snapshot) {
    *snapshot = (struct snapshot){
        .arena = snapshot->arena,
        .strings = snapshot->strings,
        .target = {.pid = SNAPSHOT_UNKNOWN,
                   .debug_build = SNAPSHOT_MAYBE,
                   .free_threaded = SNAPSHOT_MAYBE},
        .capture = {.pause_s = NAN,
                    .duration_s = NAN,
                    .reads = SNAPSHOT_UNKNOWN,
                    .bytes_read = SNAPSHOT_UNKNOWN,
                    .second_look_s = NAN},
    };
}

struct snapshot *snapshot_create(void) {
    struct snapshot *snapshot = memory_alloc(sizeof *snapshot);
    snapshot->arena = arena_create();
    snapshot->strings = string_pool_create(snapshot->arena);
    clear(snapshot);
    return snapshot;
}

void snapshot_destroy(struct snapshot *snapshot) {
    if (!snapshot)
        return;
    string_pool_destroy(snapshot->strings);
    arena_destroy(snapshot->arena);
    free(snapshot);
}

void snapshot_reset(struct snapshot *snapshot) {
    string_pool_reset(snapshot->strings);
    arena_reset(snapshot->arena);
    clear(snapshot);
}

void *snapshot_vector_grow(struct arena *arena, void *items, size_t *count, size_t *capacity,
                           size_t size) {
    if (*count == *capacity) {
        size_t wanted = *capacity ? *capacity * 2 : CAPACITY_FIRST;
        char *grown = arena_alloc_array(arena, wanted, size);
        if (*count)
            memcpy(grown, items, *count * size);
        items = grown;
        *capacity = wanted;
    }
    ++*count;
    return items;
}

static const char *intern(struct snapshot *snapshot, const char *text) {
    return string_pool_add(snapshot->strings, text, strlen(text));
}

void snapshot_add_missing_always(struct snapshot *snapshot, const char *what, const char *why) {
    what = intern(snapshot, what);
    why = intern(snapshot, why);
    for (size_t i = 0; i < snapshot->missing.count; i++)
        if (snapshot->missing.items[i].what == what && snapshot->missing.items[i].why == why)
            return;
    *SNAPSHOT_APPEND(snapshot, &snapshot->missing) =
        (struct snapshot_missing){.what = what, .why = why};
}

void snapshot_add_missing(struct snapshot *snapshot, const char *what, const char *why) {
    if (snapshot->missing.count > MISSING_MAX)
        return;
    if (snapshot->missing.count == MISSING_MAX) {
        what = "more";
        why = "only the first 1,000 of these are listed";
    }
    snapshot_add_missing_always(snapshot, what, why);
}

void snapshot_add_note(struct snapshot *snapshot, struct snapshot_task *task, const char *note) {
    note = intern(snapshot, note);
    for (size_t i = 0; i < task->note_count; i++)
        if (task->notes[i] == note || strcmp(task->notes[i], note) == 0)
            return;
    if (task->note_count == NOTES_MAX)
        return;
    /* Notes are rare: the array is copied for each. */
    const char **notes = arena_alloc_array(snapshot->arena, task->note_count + 1, sizeof *notes);
    for (size_t i = 0; i < task->note_count; i++)
        notes[i] = task->notes[i];
    notes[task->note_count++] = note;
    task->notes = notes;
}

const char *snapshot_task_state_name(enum snapshot_task_state state) {
    static const char *const names[SNAPSHOT_TASK_STATE_COUNT] = {
        [SNAPSHOT_TASK_RUNNING] = "running",
        [SNAPSHOT_TASK_READY] = "ready",
        [SNAPSHOT_TASK_NOT_STARTED] = "not_started",
        [SNAPSHOT_TASK_WAITING] = "waiting",
        [SNAPSHOT_TASK_DONE] = "done",
        [SNAPSHOT_TASK_CANCELLED] = "cancelled",
    };
    return names[state];
}

const char *snapshot_loop_state_name(enum snapshot_loop_state state) {
    static const char *const names[SNAPSHOT_LOOP_STATE_UNKNOWN + 1] = {
        [SNAPSHOT_LOOP_IDLE] = "idle",       [SNAPSHOT_LOOP_RUNNING] = "running",
        [SNAPSHOT_LOOP_BLOCKED] = "blocked", [SNAPSHOT_LOOP_STOPPED] = "stopped",
        [SNAPSHOT_LOOP_CLOSED] = "closed",   [SNAPSHOT_LOOP_STATE_UNKNOWN] = NULL,
    };
    return names[state];
}

const char *snapshot_wait_kind_name(enum snapshot_wait_kind kind) {
    static const char *const names[SNAPSHOT_WAIT_KIND_COUNT] = {
        [SNAPSHOT_WAIT_TASK] = "task",
        [SNAPSHOT_WAIT_FUTURE] = "future",
        [SNAPSHOT_WAIT_UNKNOWN] = "unknown",
    };
    return names[kind];
}
