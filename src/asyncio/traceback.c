/*
 * _source_traceback: where a task was created (debug mode). A StackSummary, which is a list of
 * FrameSummary objects, outermost first (Lib/traceback.py). Their attributes are slots that move
 * between patch releases, so they are looked up by name.
 */
#include <string.h>

#include "aio.h"

static const char *const slot_names[AIO_SUMMARY_SLOT_COUNT] = {
    [AIO_SUMMARY_FILENAME] = "filename", [AIO_SUMMARY_LINENO] = "lineno",
    [AIO_SUMMARY_NAME] = "name",         [AIO_SUMMARY_END_LINENO] = "end_lineno",
    [AIO_SUMMARY_COLNO] = "colno",       [AIO_SUMMARY_END_COLNO] = "end_colno",
};

#define FRAMES_MAX 10000

static struct error *find_slots(struct aio *aio, const struct py_type *type) {
    for (int i = 0; i < AIO_SUMMARY_SLOT_COUNT; i++) {
        struct error *err = py_slot_find(aio->py, type, slot_names[i], &aio->summary.slots[i]);
        if (err)
            return err;
    }
    aio->summary.type = type->address;
    return NULL;
}

/* A number in a slot: -1 where there is none. */
static struct error *read_number(struct aio *aio, uint64_t summary, enum aio_summary_slot slot,
                                 int32_t *ret) {
    uint64_t object;
    int64_t value;
    struct py_type *type;
    *ret = -1;
    if (!aio->summary.slots[slot])
        return NULL;
    struct error *err = py_read_u64(aio->py, summary + aio->summary.slots[slot], &object);
    if (err || !object)
        return err;
    err = py_type_of(aio->py, object, &type);
    if (err || type->kind != PY_KIND_INTEGER)
        return err;
    err = py_integer_read(aio->py, object, &value);
    if (!err && value >= 0 && value <= INT32_MAX)
        *ret = (int32_t)value;
    return err;
}

static struct error *read_text(struct aio *aio, uint64_t summary, enum aio_summary_slot slot,
                               const char **ret) {
    uint64_t object = 0;
    struct error *err = NULL;
    if (aio->summary.slots[slot])
        err = py_read_u64(aio->py, summary + aio->summary.slots[slot], &object);
    if (!err && !object)
        err = error_create(ERROR_INVALID, "a frame summary without its %s", slot_names[slot]);
    return err ? err : py_string_read(aio->py, object, ret);
}

const struct snapshot_frame *aio_frame_intern(struct aio *aio, const struct aio_frame_key *key) {
    struct aio_plain_frame *entry = table_find(aio->plain_frames, key, sizeof *key);
    if (entry)
        return entry->frame;
    struct snapshot_frame *frame = arena_alloc(aio->snapshot->arena, sizeof *frame);
    frame->function = key->function;
    frame->qualified_name = key->qualified_name;
    frame->file = key->file;
    frame->line = key->line;
    frame->end_line = key->end_line;
    frame->column = key->column;
    frame->end_column = key->end_column;
    entry = arena_alloc(aio->arena, sizeof *entry);
    entry->key = *key;
    entry->frame = frame;
    table_add(aio->plain_frames, &entry->key, sizeof entry->key, entry);
    return frame;
}

static struct error *read_summary(struct aio *aio, uint64_t summary,
                                  const struct snapshot_frame **ret) {
    struct aio_frame_key key;
    struct py_type *type;
    memset(&key, 0, sizeof key);
    struct error *err = py_type_of(aio->py, summary, &type);
    if (!err && type->address != aio->summary.type)
        err = find_slots(aio, type);
    if (!err)
        err = read_text(aio, summary, AIO_SUMMARY_FILENAME, &key.file);
    if (!err)
        err = read_text(aio, summary, AIO_SUMMARY_NAME, &key.function);
    if (!err)
        err = read_number(aio, summary, AIO_SUMMARY_LINENO, &key.line);
    if (!err)
        err = read_number(aio, summary, AIO_SUMMARY_END_LINENO, &key.end_line);
    if (!err)
        err = read_number(aio, summary, AIO_SUMMARY_COLNO, &key.column);
    if (!err)
        err = read_number(aio, summary, AIO_SUMMARY_END_COLNO, &key.end_column);
    if (!err)
        *ret = aio_frame_intern(aio, &key);
    return err;
}

struct summary_list {
    struct aio *aio;
    const struct snapshot_frame **frames;
    size_t count, capacity;
};

static struct error *visit_summary(void *context, uint64_t item) {
    struct summary_list *list = context;
    if (list->count >= FRAMES_MAX)
        return error_create(ERROR_INVALID, "more than %d frames", FRAMES_MAX);
    const struct snapshot_frame *frame = NULL;
    struct error *err = read_summary(list->aio, item, &frame);
    if (err)
        return err;
    list->frames = snapshot_vector_grow(list->aio->arena, list->frames, &list->count,
                                        &list->capacity, sizeof *list->frames);
    list->frames[list->count - 1] = frame;
    return NULL;
}

struct error *aio_traceback_read(struct aio *aio, uint64_t address, struct snapshot_stack *ret) {
    struct summary_list list = {.aio = aio};
    struct py_type *type;
    struct error *err = py_type_of(aio->py, address, &type);
    if (err || type->kind != PY_KIND_LIST) /* None: not in debug mode */
        return err;
    err = py_list_visit(aio->py, address, visit_summary, &list);
    if (err)
        return err;
    ret->count = list.count;
    ret->frames = arena_alloc_array(aio->snapshot->arena, list.count, sizeof *ret->frames);
    for (size_t i = 0; i < list.count; i++)
        ret->frames[i] = list.frames[list.count - 1 - i];
    return NULL;
}
