#include "made_profile.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/table.h"
#include "asyncspy/snapshot/snapshot.h"

#define FRAMES_MAX 64 /* of a stack given as text */

struct made_profile {
    struct arena *arena;
    struct table *found; /* frames by what they say */
    struct profile profile;
    struct profile_stack *stacks;
    const struct profile_frame **frames;
    size_t stack_room, frame_room;
};

struct made_profile *made_profile_create(enum profile_mode mode) {
    struct arena *arena = arena_create();
    struct made_profile *made = arena_alloc(arena, sizeof *made);
    *made =
        (struct made_profile){.arena = arena, .found = table_create(), .profile = {.mode = mode}};
    return made;
}

void made_profile_destroy(struct made_profile *made) {
    if (!made)
        return;
    table_destroy(made->found);
    arena_destroy(made->arena);
}

static const char *copy(struct made_profile *made, const char *text) {
    return text ? arena_copy_string(made->arena, text, strlen(text)) : NULL;
}

static const struct profile_frame *intern(struct made_profile *made,
                                          const struct profile_frame *frame) {
    const char *key = arena_format(made->arena, "%d\n%s\n%s\n%d", (int)frame->kind, frame->name,
                                   frame->file ? frame->file : "", (int)frame->line);
    struct profile_frame *found = table_find(made->found, key, strlen(key));
    if (found)
        return found;
    found = arena_alloc(made->arena, sizeof *found);
    *found = (struct profile_frame){.index = made->profile.frame_count,
                                    .kind = frame->kind,
                                    .name = copy(made, frame->name),
                                    .file = copy(made, frame->file),
                                    .line = frame->line};
    if (frame->kind == PROFILE_FRAME_CODE)
        found->origin = frame_get_origin(&(struct snapshot_frame){.file = frame->file});
    table_add(made->found, key, strlen(key), found);
    made->frames = snapshot_vector_grow(made->arena, made->frames, &made->profile.frame_count,
                                        &made->frame_room, sizeof(const struct profile_frame *));
    made->frames[found->index] = found;
    return found;
}

void made_profile_add_frames(struct made_profile *made, const struct profile_frame *frames,
                             size_t count, double weight_s, uint64_t samples) {
    const struct profile_frame **stack = arena_alloc_array(made->arena, count, sizeof *stack);
    for (size_t i = 0; i < count; i++)
        stack[i] = intern(made, &frames[i]);
    made->stacks = snapshot_vector_grow(made->arena, made->stacks, &made->profile.stack_count,
                                        &made->stack_room, sizeof *made->stacks);
    made->stacks[made->profile.stack_count - 1] = (struct profile_stack){
        .frames = stack, .frame_count = count, .weight_s = weight_s, .samples = samples};
    made->profile.weight_s += weight_s;
    made->profile.samples += samples;
}

/* "name file:line", "^root", "*task", "~wait"; `text` is cut up. */
static struct profile_frame parse(char *text) {
    static const char marks[] = "^*~";
    static const enum profile_frame_kind kinds[] = {PROFILE_FRAME_ROOT, PROFILE_FRAME_TASK,
                                                    PROFILE_FRAME_WAIT};
    const char *mark = *text ? strchr(marks, *text) : NULL;
    if (mark)
        return (struct profile_frame){.kind = kinds[mark - marks], .name = text + 1, .line = -1};
    struct profile_frame frame = {.kind = PROFILE_FRAME_CODE, .name = text, .line = -1};
    char *space = strchr(text, ' '), *colon = strrchr(text, ':');
    if (!space || !colon)
        return frame;
    *space = *colon = '\0';
    frame.file = space + 1;
    frame.line = (int32_t)strtol(colon + 1, NULL, 10);
    return frame;
}

void made_profile_add(struct made_profile *made, const char *stack, double weight_s) {
    struct profile_frame frames[FRAMES_MAX];
    char *rest = arena_copy_string(made->arena, stack, strlen(stack));
    size_t count = 0;
    while (rest && count < FRAMES_MAX) {
        char *next = strstr(rest, "; ");
        if (next) {
            *next = '\0';
            next += 2;
        }
        frames[count++] = parse(rest);
        rest = next;
    }
    made_profile_add_frames(made, frames, count, weight_s, (uint64_t)(weight_s * 100 + 0.5));
}

static int compare_stacks(const void *a, const void *b) {
    const struct profile_stack *first = a, *second = b;
    return (first->weight_s < second->weight_s) - (first->weight_s > second->weight_s);
}

const struct profile *made_profile_end(struct made_profile *made, double duration_s) {
    struct profile *profile = &made->profile;
    if (profile->stack_count)
        qsort(made->stacks, profile->stack_count, sizeof *made->stacks, compare_stacks);
    profile->stacks = made->stacks;
    profile->frames = made->frames;
    profile->duration_s = duration_s;
    return profile;
}
