/*
 * How many tasks come and go: those that samples saw, those by which pictures differ, and those
 * that nobody saw: asyncio calls tasks that get no name "Task-N" and counts them. Each of these is
 * the least that there can have been, so the greatest counts, each until the next time that
 * somebody looked at all tasks.
 */
#include <ctype.h>
#include <string.h>

#include "live_fold.h"

#define NUMBER_DIGITS 18
#define RATE_MAX 1e6 /* no process makes more tasks a second: it is another number */

/* N of "Task-N"; 0: it is another name. */
static uint64_t parse_number(const char *name) {
    static const char prefix[] = "Task-";
    uint64_t number = 0;
    if (!name || strncmp(name, prefix, sizeof prefix - 1) != 0 || name[sizeof prefix - 1] == '0')
        return 0;
    const char *digits = name + sizeof prefix - 1;
    for (size_t i = 0; digits[i]; i++) {
        if (i == NUMBER_DIGITS || !isdigit((unsigned char)digits[i]))
            return 0;
        number = 10 * number + (uint64_t)(digits[i] - '0');
    }
    return number;
}

static void note_newest(struct live_census *since, const char *name, double time_s) {
    uint64_t number = parse_number(name);
    if (number <= since->newest)
        return;
    since->newest = number;
    since->newest_s = time_s;
}

static void take_census(struct live_births *births, double time_s, size_t tasks) {
    births->now = births->since;
    births->now.time_s = time_s;
    births->now.tasks = tasks;
    if (!births->has_census)
        births->then = births->now;
    births->has_census = true;
}

void live_births_add(struct live_fold *fold, const struct recording_sample *sample) {
    struct live_census *since = &fold->births.since;
    for (size_t i = 0; fold->has_sample && i < sample->change_count; i++) {
        const struct recording_change *change = &sample->changes[i];
        since->births += !change->before && change->after;
        since->deaths += change->before && !change->after;
        if (!change->before && change->after)
            note_newest(since, change->after->name, fold->time_s);
    }
    if (sample->is_whole)
        take_census(&fold->births, fold->time_s, sample->task_count);
}

void live_births_look(struct live_fold *fold, const struct live_picture *before,
                      const struct live_picture *picture) {
    if (!before)
        return;
    double passed_s = picture->time_s - before->time_s;
    size_t stayed = 0;
    for (size_t i = 0; i < picture->entry_count; i++) {
        const struct live_entry *entry = &picture->entries[i];
        const char *name = picture->snapshot->tasks.items[i].name;
        bool is_new = !live_history_find(before, entry->id, entry->identity);
        stayed += !is_new;
        if (is_new)
            note_newest(&fold->births.since, name, picture->time_s);
    }
    if (!(passed_s > 0))
        return;
    double born = (double)(picture->entry_count - stayed);
    double died = live_clamp((double)before->entry_count - (double)stayed, 0, (double)SIZE_MAX);
    fold->births.picture_births = born / passed_s;
    fold->births.picture_deaths = died / passed_s;
}

static double greater(double a, double b) {
    return a > b ? a : b;
}

/* By how much the numbers of new tasks grew from one census to the next; where the last of them was
 * seen longer ago than that, its part. A name that somebody gave can look like one of asyncio's:
 * numbers that do not fit are not believed, but when no others come, they are what is counted from.
 */
static double count_growth(struct live_births *births, double between_s) {
    const struct live_census *now = &births->now;
    double growth = 0, passed_s = greater(between_s, now->newest_s - births->baseline_s);
    if (!now->newest)
        return 0;
    bool fits = births->has_baseline && now->newest >= births->baseline &&
                (double)(now->newest - births->baseline) <= RATE_MAX * passed_s;
    if (fits && passed_s > 0)
        growth = (double)(now->newest - births->baseline) * between_s / passed_s;
    if (fits || births->is_doubtful || !births->has_baseline) {
        births->baseline = now->newest;
        births->baseline_s = now->newest_s;
    }
    births->is_doubtful = !fits && births->has_baseline && !births->is_doubtful;
    births->has_baseline = true;
    return growth;
}

/* From the census that was counted last to the latest one. Seldom looks at all tasks are no reason
 * to tell of more births in one interval than in another. */
static void count_between(struct live_births *births, double between_s) {
    const struct live_census *now = &births->now;
    double growth = count_growth(births, between_s);
    births->births = (double)now->births / between_s;
    births->deaths = (double)now->deaths / between_s;
    if (growth / between_s <= births->births)
        return;
    double more = (double)now->tasks - (double)births->then.tasks;
    births->births = growth / between_s;
    births->deaths = greater(births->deaths, (growth - more) / between_s);
}

/* What is left was seen after the latest census. */
static void count_anew(struct live_births *births) {
    struct live_census *since = &births->since;
    since->births -= births->now.births;
    since->deaths -= births->now.deaths;
    if (since->newest == births->now.newest)
        since->newest = 0;
    births->then = births->now;
}

void live_births_end(struct live_fold *fold, struct live *live) {
    struct live_births *births = &fold->births;
    double between_s = births->now.time_s - births->then.time_s;
    if (between_s > 0) {
        count_between(births, between_s);
        count_anew(births);
    }
    live->births = greater(births->births, births->picture_births);
    live->deaths = greater(births->deaths, births->picture_deaths);
}
