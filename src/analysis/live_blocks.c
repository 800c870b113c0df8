/*
 * The iterations of a loop as samples see them: each begins at one moment, by which it is known in
 * the next sample; and the long ones, which block the loop.
 */
#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "live_fold.h"
#include "live_hash.h"

#define AGES_MAX 4096    /* of an interval */
#define BLOCKS_MAX 1024  /* of a loop: more of LIVE_BLOCK_S do not fit in LIVE_BLOCKS_WITHIN_S */
#define TOLERANCE_S 1e-3 /* samples do not tell times better */

/* --- what it ran --- */

/* What runs a loop's callbacks: what called that is no concern of them. */
static bool is_loop_frame(const struct snapshot_frame *frame) {
    const char *name = frame->function ? frame->function : "";
    return (strcmp(name, "_run_once") == 0 || strcmp(name, "run_forever") == 0 ||
            strcmp(name, "_run") == 0) &&
           frame_get_origin(frame) != FRAME_USER;
}

static struct snapshot_stack cut_callbacks(const struct snapshot_stack *stack) {
    struct snapshot_stack inner = *stack;
    for (size_t i = 0; i < stack->count; i++)
        if (is_loop_frame(stack->frames[i])) {
            inner.count = i;
            break;
        }
    return inner;
}

/* The stack of what the loop runs: the task's, else its thread's. */
static struct snapshot_stack find_stack(const struct recording_sample *sample,
                                        const struct recording_loop *loop,
                                        const struct recording_task *task) {
    if (task && task->stack && task->stack->count)
        return *task->stack;
    for (size_t i = 0; i < sample->thread_count && loop->tid != SNAPSHOT_UNKNOWN; i++)
        if (sample->threads[i].tid == loop->tid && sample->threads[i].stack)
            return cut_callbacks(sample->threads[i].stack);
    return (struct snapshot_stack){0};
}

static void set_detail(struct live_place *place, const struct snapshot_frame *user,
                       const struct snapshot_frame *innermost, uint64_t detail) {
    place->detail = detail;
    place->line = user->line;
    live_text_set(place->callee, innermost == user ? NULL : frame_get_name(innermost));
}

static void set_place(struct live_place *place, const struct recording_task *task,
                      const struct snapshot_frame *user, uint64_t hash) {
    place->hash = hash;
    live_text_set(place->task, task ? task->name : NULL);
    live_text_set(place->frame, frame_get_name(user));
    live_text_set(place->file, user->file ? frame_get_known_file(user) : NULL);
}

/* One more vote for what `candidate` is, or one less: true: it is another one now. What most voted
 * for is the one that is left in the end, if there is such a one (Boyer and Moore). */
static bool vote(uint64_t *votes, uint64_t candidate, uint64_t hash) {
    if (candidate == hash && *votes) {
        ++*votes;
        return false;
    }
    if (*votes) {
        --*votes;
        return false;
    }
    *votes = 1;
    return true;
}

static void vote_place(struct live_iteration *iteration, const struct recording_sample *sample,
                       const struct recording_loop *shown, const struct recording_task *task) {
    struct snapshot_stack stack = find_stack(sample, shown, task);
    const struct snapshot_frame *user = stack_find_user(&stack);
    if (!user || !stack.frames)
        return;
    struct live_place *place = &iteration->place;
    const struct snapshot_frame *innermost = stack.frames[0];
    uint64_t hash = live_hash_text(LIVE_HASH, task ? task->name : NULL);
    hash = live_hash_text(live_hash_text(hash, frame_get_name(user)), user->file);
    uint64_t detail = live_hash_text(live_hash_number(hash, (uint64_t)user->line),
                                     innermost == user ? NULL : frame_get_name(innermost));
    if (vote(&iteration->votes, place->hash, hash)) {
        set_place(place, task, user, hash);
        iteration->detail_votes = 0;
    }
    if (place->hash == hash && vote(&iteration->detail_votes, place->detail, detail))
        set_detail(place, user, innermost, detail);
}

/* --- which one it is --- */

/* The one that a sample saw going on, and none that began after that sample: their beginnings are
 * further apart than it had lasted then. */
static bool is_same(const struct live_iteration *last, double start_s) {
    double apart = fabs(start_s - last->start_s);
    return last->goes_on && (apart <= TOLERANCE_S || apart <= last->length_s / 2);
}

static void count_age(struct arena *interval, struct live_loop_state *loop) {
    double age = loop->last.length_s;
    if (age > loop->worst_s)
        loop->worst_s = age;
    if (loop->is_counted) {
        if (loop->iterations <= AGES_MAX)
            loop->ages[loop->age_count - 1] = age;
        return;
    }
    loop->is_counted = true;
    if (++loop->iterations > AGES_MAX)
        return;
    if (loop->age_count == loop->age_capacity) {
        const double *old = loop->ages;
        loop->age_capacity = old ? 2 * loop->age_capacity : 64;
        loop->ages = arena_alloc_array(interval, loop->age_capacity, sizeof *loop->ages);
        if (old)
            memcpy(loop->ages, old, loop->age_count * sizeof *old);
    }
    loop->ages[loop->age_count++] = age;
}

static void make_room(struct live_loop_state *loop) {
    if (loop->block_count == BLOCKS_MAX) {
        memmove(loop->blocks, loop->blocks + 1, --loop->block_count * sizeof *loop->blocks);
    } else if (loop->block_count == loop->block_capacity) {
        loop->block_capacity = loop->block_capacity ? 2 * loop->block_capacity : 4;
        loop->blocks = memory_realloc(loop->blocks, loop->block_capacity * sizeof *loop->blocks);
    }
}

static void keep_block(struct live_loop_state *loop) {
    if (!loop->is_block && loop->last.length_s < LIVE_BLOCK_S)
        return;
    if (!loop->is_block) {
        make_room(loop);
        loop->block_count++;
        loop->is_block = true;
    }
    loop->blocks[loop->block_count - 1] = loop->last;
}

/* It is over; its length is what was seen of it. */
static void end_iteration(struct live_loop_state *loop) {
    loop->last.goes_on = false;
    if (loop->is_block && loop->block_count)
        loop->blocks[loop->block_count - 1].goes_on = false;
}

static bool is_idle(const struct recording_loop *shown) {
    return !shown->task &&
           (shown->state == SNAPSHOT_LOOP_IDLE || shown->state == SNAPSHOT_LOOP_STOPPED ||
            shown->state == SNAPSHOT_LOOP_CLOSED);
}

void live_iteration_add(struct arena *interval, struct live_loop_state *loop,
                        const struct recording_sample *sample, const struct recording_loop *shown,
                        double time_s) {
    if (is_idle(shown)) {
        end_iteration(loop);
        return;
    }
    if (!live_is_time(shown->blocked_s)) /* not known: perhaps it goes on */
        return;
    double start_s = time_s - shown->blocked_s;
    if (!is_same(&loop->last, start_s)) {
        end_iteration(loop);
        loop->last = (struct live_iteration){.start_s = start_s};
        loop->is_block = loop->is_counted = false;
    }
    if (shown->blocked_s > loop->last.length_s)
        loop->last.length_s = shown->blocked_s;
    loop->last.goes_on = true;
    vote_place(&loop->last, sample, shown, live_find_task(sample, shown->task, &loop->hint));
    count_age(interval, loop);
    keep_block(loop);
}

/* --- blocks --- */

/* Since when it is over; 0: it is not. */
static double get_ended(const struct live_iteration *block, double time_s) {
    double ended_s = time_s - (block->start_s + block->length_s);
    return block->goes_on ? 0 : live_clamp(ended_s, TOLERANCE_S, LIVE_TIME_MAX);
}

static void forget_old(struct live_loop_state *loop, double time_s) {
    size_t count = 0;
    for (size_t i = 0; i < loop->block_count; i++) {
        if (get_ended(&loop->blocks[i], time_s) > LIVE_BLOCKS_WITHIN_S)
            continue;
        if (i != count)
            loop->blocks[count] = loop->blocks[i];
        count++;
    }
    if (!count)
        loop->is_block = false;
    loop->block_count = count;
}

static const char *get_text(const char *text) {
    return *text ? text : NULL;
}

void live_blocks_end(struct live_loop_state *loop, double time_s, struct live_loop *ret) {
    forget_old(loop, time_s);
    const struct live_iteration *worst = NULL;
    for (size_t i = 0; i < loop->block_count; i++)
        if (!worst || loop->blocks[i].length_s > worst->length_s)
            worst = &loop->blocks[i];
    ret->blocks = loop->block_count;
    ret->worst = (struct live_block){.length_s = NAN, .line = -1};
    if (!worst)
        return;
    ret->worst.ended_s = get_ended(worst, time_s);
    ret->worst.length_s = worst->length_s;
    if (!worst->place.hash)
        return;
    ret->worst.task = get_text(worst->place.task);
    ret->worst.frame = get_text(worst->place.frame);
    ret->worst.file = get_text(worst->place.file);
    ret->worst.line = worst->place.line;
    ret->worst.callee = get_text(worst->place.callee);
}
