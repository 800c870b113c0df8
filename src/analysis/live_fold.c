#include "live_fold.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/live.h"

struct live_fold *live_fold_create(void) {
    struct live_fold *fold = memory_alloc(sizeof *fold);
    *fold = (struct live_fold){.interval = arena_create(), .shown = arena_create()};
    for (size_t i = 0; i < 2; i++)
        fold->pictures[i].arena = arena_create();
    return fold;
}

void live_fold_destroy(struct live_fold *fold) {
    if (!fold)
        return;
    live_loops_destroy(&fold->loops);
    free(fold->threads.items);
    for (size_t i = 0; i < 2; i++)
        arena_destroy(fold->pictures[i].arena);
    arena_destroy(fold->interval);
    arena_destroy(fold->shown);
    free(fold);
}

void live_text_set(live_text text, const char *from) {
    size_t length = from ? strnlen(from, LIVE_TEXT) : 0;
    if (length == LIVE_TEXT)
        for (length--; length && ((unsigned char)from[length] & 0xC0) == 0x80;)
            length--;
    if (length)
        memcpy(text, from, length);
    text[length] = 0;
}

const struct recording_task *live_find_task(const struct recording_sample *sample, uint64_t number,
                                            size_t *hint) {
    if (!number)
        return NULL;
    if (*hint < sample->task_count && sample->tasks[*hint]->number == number)
        return sample->tasks[*hint];
    for (size_t i = 0; i < sample->change_count; i++) /* who runs has mostly just begun to */
        if (sample->changes[i].after && sample->changes[i].after->number == number)
            return sample->changes[i].after;
    for (size_t i = 0; i < sample->task_count; i++)
        if (sample->tasks[i]->number == number)
            return sample->tasks[*hint = i];
    return NULL;
}

static void set_time(struct live_fold *fold, double time_s) {
    fold->time_s = live_clamp(time_s, fold->time_s, LIVE_TIME_MAX);
}

static void add_pause(struct live_fold *fold, double pause_s) {
    if (!live_is_time(pause_s))
        return;
    fold->pause_s += pause_s;
    if (pause_s > fold->longest_pause_s)
        fold->longest_pause_s = pause_s;
}

void live_fold_add(struct live_fold *fold, const struct recording_sample *sample) {
    set_time(fold, sample->time_s);
    add_pause(fold, sample->pause_s);
    live_loops_add(fold, sample);
    live_threads_add(fold, sample);
    live_history_add(fold, sample);
    live_births_add(fold, sample);
    fold->samples++;
    fold->torn += sample->torn;
    fold->gc += sample->gc != 0;
    fold->has_sample = true;
}

void live_fold_add_failed(struct live_fold *fold) {
    fold->failed++;
}

void live_fold_add_picture(struct live_fold *fold, const struct snapshot *snapshot, double time_s) {
    const struct live_picture *before = fold->picture;
    struct live_picture *picture = &fold->pictures[before == &fold->pictures[0]];
    set_time(fold, time_s);
    add_pause(fold, snapshot->capture.pause_s);
    arena_reset(fold->shown);
    arena_reset(picture->arena);
    *picture = (struct live_picture){
        .arena = picture->arena, .snapshot = snapshot, .time_s = fold->time_s, .is_first = !before};
    live_history_look(picture, before);
    live_objects_look(picture, before);
    live_groups_look(picture, before);
    live_findings_look(picture, before);
    live_births_look(fold, before, picture);
    live_loops_look(fold, snapshot);
    fold->picture = picture;
    fold->has_look = true;
}

static void begin_interval(struct live_fold *fold) {
    live_loops_begin(fold);
    arena_reset(fold->interval);
    live_threads_begin(fold);
    fold->start_s = fold->time_s;
    fold->samples = fold->failed = fold->torn = fold->gc = 0;
    fold->gil_known = fold->gil = fold->gil_others = 0;
    fold->pause_s = 0;
    fold->has_look = false;
    fold->uses = NULL;
    fold->use_table = NULL;
    fold->use_count = 0;
}

/* What concerns the whole process. */
static void show_totals(const struct live_fold *fold, struct live *live, double own_cpu_s) {
    double interval_s = fold->time_s - fold->start_s;
    live->snapshot = fold->picture ? fold->picture->snapshot : NULL;
    live->watched_s = fold->time_s;
    live->interval_s = interval_s;
    live->picture_age_s = fold->picture ? fold->time_s - fold->picture->time_s : NAN;
    live->samples = fold->samples;
    live->failed = fold->failed;
    live->torn = fold->torn;
    live->paused = interval_s > 0 ? live_clamp(fold->pause_s / interval_s, 0, 1) : NAN;
    live->longest_pause_s = fold->longest_pause_s;
    live->own_cpu = interval_s > 0 && live_is_time(own_cpu_s) ? own_cpu_s / interval_s : NAN;
    live->gil = live_share(fold->gil, fold->gil_known);
    live->gil_others = live_share(fold->gil_others, fold->gil_known);
    live->gc = live_share(fold->gc, fold->samples);
}

const struct live *live_fold_update(struct live_fold *fold, double time_s, double own_cpu_s) {
    set_time(fold, time_s);
    arena_reset(fold->shown);
    struct live *live = arena_alloc(fold->shown, sizeof *live);
    show_totals(fold, live, own_cpu_s);
    live_loops_end(fold, live);
    live_births_end(fold, live);
    live_counts_end(fold, live);
    live_findings_end(fold, live);
    live_cpu_end(fold, live);
    live_threads_end(fold, live);
    begin_interval(fold);
    return live;
}
