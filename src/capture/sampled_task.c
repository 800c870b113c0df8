#include "sampled_task.h"

#include <string.h>

bool sampled_text_is_same(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_frame(const struct snapshot_frame *a, const struct snapshot_frame *b) {
    return a == b || (a->line == b->line && a->column == b->column &&
                      sampled_text_is_same(a->function, b->function) &&
                      sampled_text_is_same(a->qualified_name, b->qualified_name) &&
                      sampled_text_is_same(a->file, b->file));
}

static bool is_same_stack(const struct snapshot_stack *a, const struct snapshot_stack *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = is_same_frame(a->frames[i], b->frames[i]);
    return same;
}

static bool is_same_wait(const struct recording_wait *a, const struct recording_wait *b) {
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && a->tasks == b->tasks && a->fd == b->fd && a->pid == b->pid &&
           a->is_client == b->is_client && sampled_text_is_same(a->object, b->object) &&
           sampled_text_is_same(a->name, b->name) && sampled_text_is_same(a->type, b->type) &&
           sampled_text_is_same(a->peer, b->peer) && sampled_text_is_same(a->callee, b->callee) &&
           sampled_text_is_same(a->task, b->task);
}

bool sampled_task_is_same(const struct recording_task *a, const struct recording_task *b) {
    return a->state == b->state && a->tid == b->tid && a->event_loop == b->event_loop &&
           a->awaited_by == b->awaited_by && is_same_stack(a->stack, b->stack) &&
           is_same_wait(a->wait, b->wait);
}

const char *sampled_text_copy(struct arena *arena, const char *text) {
    return text ? arena_copy_string(arena, text, strlen(text)) : NULL;
}

static const struct snapshot_frame *copy_frame(struct arena *arena,
                                               const struct snapshot_frame *frame) {
    struct snapshot_frame *copy = arena_alloc(arena, sizeof *copy);
    *copy = *frame;
    copy->function = sampled_text_copy(arena, frame->function);
    copy->qualified_name = sampled_text_copy(arena, frame->qualified_name);
    copy->file = sampled_text_copy(arena, frame->file);
    copy->source = NULL;
    return copy;
}

static const struct recording_wait *copy_wait(struct arena *arena,
                                              const struct recording_wait *wait) {
    if (!wait)
        return NULL;
    struct recording_wait *copy = arena_alloc(arena, sizeof *copy);
    *copy = *wait;
    copy->object = sampled_text_copy(arena, wait->object);
    copy->name = sampled_text_copy(arena, wait->name);
    copy->type = sampled_text_copy(arena, wait->type);
    copy->peer = sampled_text_copy(arena, wait->peer);
    copy->callee = sampled_text_copy(arena, wait->callee);
    copy->task = sampled_text_copy(arena, wait->task);
    return copy;
}

/* What was shown in an epoch that is over. */
const struct recording_task *sampled_task_copy(struct arena *arena,
                                               const struct recording_task *task) {
    struct sampled_task *copy = arena_alloc(arena, sizeof *copy);
    copy->task = *task;
    copy->task.name = sampled_text_copy(arena, task->name);
    copy->task.coroutine = sampled_text_copy(arena, task->coroutine);
    copy->task.stack = &copy->stack;
    copy->task.wait = copy_wait(arena, task->wait);
    copy->stack.count = task->stack->count;
    copy->stack.frames = arena_alloc_array(arena, copy->stack.count, sizeof *copy->stack.frames);
    for (size_t i = 0; i < copy->stack.count; i++)
        copy->stack.frames[i] = copy_frame(arena, task->stack->frames[i]);
    return &copy->task;
}
