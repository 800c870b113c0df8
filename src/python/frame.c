/* Frames of threads. Include/internal/pycore_frame.h; Include/frameobject.h up to 3.10. */
#include <stdlib.h>

#include "py.h"

#define OWNED_BY_GENERATOR 1 /* enum _frameowner */

/* Whether Python itself would not show this frame: a shim of the interpreter. */
static bool is_shim(const struct py *py, const struct py_record *frame) {
    uint8_t from = py->layout.traits.shim_owner_from;
    return from && PY_U8(frame, frame, owner) >= from;
}

/* A frame whose first instructions are not done yet is not visible to Python; frame objects are
 * always. */
static bool is_incomplete(const struct py *py, const struct py_record *frame,
                          const struct py_code *code) {
    return PY_HAS(&py->layout, frame, owner) && PY_U8(frame, frame, owner) != OWNED_BY_GENERATOR &&
           PY_U64(frame, frame, instruction) <
               code->first_instruction + 2 * (uint64_t)(uint32_t)code->first_traceable;
}

/* From 3.14 on the code is a tagged stack reference. */
static uint64_t get_code_address(const struct py *py, const struct py_record *frame) {
    return py_untag(py, PY_U64(frame, frame, code));
}

uint64_t py_untag(const struct py *py, uint64_t word) {
    if (!py->layout.traits.stackref_tagged)
        return word;
    return (word & 3) == 3 ? 0 : word & ~3ull;
}

struct error *py_frame_get_code(struct py *py, uint64_t frame, struct py_code **ret) {
    uint64_t word;
    struct error *err =
        py_read_u64(py, frame + (uint64_t)PY_OFFSET(&py->layout, frame, code), &word);
    return err ? err : py_code_read(py, py_untag(py, word), ret);
}

/* f_lasti counts bytes, from 3.10 on code units; -1 is before the first in either. */
static uint64_t get_instruction(const struct py *py, const struct py_record *frame) {
    if (py->layout.traits.frame_kind != PY_FRAME_OBJECT)
        return PY_U64(frame, frame, instruction);
    return (uint64_t)((int64_t)PY_I32(frame, frame, lasti) * py->layout.traits.lasti_scale);
}

static struct py_position **find_memo(struct py *py, uint64_t code, uint64_t instruction) {
    return &py->position_memo[((code >> 4) ^ (instruction >> 1)) & (PY_MEMO_SIZE - 1)];
}

struct error *py_frame_get_position(struct py *py, const struct py_record *frame,
                                    struct py_position **ret) {
    uint64_t address = get_code_address(py, frame);
    uint64_t instruction = get_instruction(py, frame);
    struct py_position **memo = find_memo(py, address, instruction);
    if (!*memo || (*memo)->key.code != address || (*memo)->key.instruction != instruction) {
        struct py_code *code;
        struct error *err = py_code_read(py, address, &code);
        if (err)
            return err;
        *memo = py_position_get(py, code, instruction);
    }
    *ret = *memo;
    return py_code_check(py, (*memo)->code);
}

struct frame_list {
    struct py_frame *items;
    size_t count, capacity;
};

static void append_frame(struct frame_list *list, uint64_t address,
                         const struct snapshot_frame *decoded) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = memory_realloc(list->items, list->capacity * sizeof *list->items);
    }
    list->items[list->count++] = (struct py_frame){address, decoded};
}

/* Reads one frame of a stack into `list` and steps to the frame that called it. */
static struct error *read_frame(struct py *py, uint64_t *address, struct frame_list *list) {
    struct py_record frame;
    struct py_position *position;
    struct error *err = py_record_read(py, PY_STRUCT_frame, *address, &frame);
    if (err)
        return err;
    uint64_t current = *address;
    *address = PY_U64(&frame, frame, previous);
    if (is_shim(py, &frame))
        return NULL;
    err = py_frame_get_position(py, &frame, &position);
    if (!err && !is_incomplete(py, &frame, position->code))
        append_frame(list, current, position->frame);
    return err;
}

struct error *py_frames_read(struct py *py, uint64_t top_frame, struct py_frame **ret,
                             size_t *ret_count, const char **ret_why) {
    struct frame_list list = {0};
    struct py_cycle_check cycle = {0};
    struct error *err = NULL;
    uint64_t address = top_frame;
    *ret_why = NULL;
    while (address && !err && !*ret_why) {
        if (py_cycle_found(&cycle, address))
            *ret_why = "its frames form a cycle";
        else if (cycle.steps > PY_CHAIN_MAX)
            *ret_why = "it is deeper than 200000 frames";
        else
            err = read_frame(py, &address, &list);
    }
    if (err && !error_is_fatal(err)) {
        py_set_unsettled(py);
        *ret_why = arena_copy_string(py->snapshot->arena, error_get_message(err),
                                     strlen(error_get_message(err)));
        error_destroy(err);
        err = NULL;
    }
    *ret_count = list.count;
    *ret = arena_alloc_array(py->snapshot->arena, list.count, sizeof **ret);
    if (list.count)
        memcpy(*ret, list.items, list.count * sizeof **ret);
    free(list.items);
    return err;
}
