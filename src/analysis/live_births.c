/*
 * How many tasks come and go: those that samples saw, those by which pictures differ, and those
 * that nobody saw: asyncio calls tasks that get no name "Task-N" and counts them. Each of these is
 * the least that there can have been, so the greatest counts.
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

static void note_newest(struct live_births *births, const char *name) {
    uint64_t number = parse_number(name);
    if (number > births->newest)
        births->newest = number;
}

void live_births_add(struct live_fold *fold, const struct recording_sample *sample) {
    struct live_births *births = &fold->births;
    births->tasks = sample->task_count;
    births->has_tasks = true;
    if (!fold->has_sample) /* all that there are */
        return;
    for (size_t i = 0; i < sample->change_count; i++) {
        const struct recording_change *change = &sample->changes[i];
        births->births += !change->before && change->after;
        births->deaths += change->before && !change->after;
        if (!change->before && change->after)
            note_newest(births, change->after->name);
    }
}

void live_births_look(struct live_fold *fold, const struct live_picture *before,
                      const struct live_picture *picture) {
    if (!before)
        return;
    double passed_s = picture->time_s - before->time_s;
    size_t stayed = 0;
    for (size_t i = 0; i < picture->entry_count; i++) {
        const struct live_entry *entry = &picture->entries[i];
        bool is_new = !live_history_find(before, entry->id, entry->identity);
        stayed += !is_new;
        if (is_new)
            note_newest(&fold->births, picture->snapshot->tasks.items[i].name);
    }
    if (!(passed_s > 0))
        return;
    double born = (double)(picture->entry_count - stayed);
    double died = live_clamp((double)before->entry_count - (double)stayed, 0, (double)SIZE_MAX);
    fold->births.picture_births = born / passed_s;
    fold->births.picture_deaths = died / passed_s;
}

/* By how much a second the numbers of new tasks grew since those before, which may have been seen
 * several intervals ago. A name that somebody gave can look like one of asyncio's: numbers that do
 * not fit are not believed, but when no others come, they are what is counted from. */
static double count_growth(struct live_births *births, double time_s) {
    uint64_t newest = births->newest;
    double passed_s = time_s - births->baseline_s, growth = 0;
    if (!newest)
        return 0;
    bool fits = births->has_baseline && newest >= births->baseline &&
                (double)(newest - births->baseline) <= RATE_MAX * passed_s;
    if (fits && passed_s > 0)
        growth = (double)(newest - births->baseline) / passed_s;
    if (fits || births->is_doubtful || !births->has_baseline) {
        births->baseline = newest;
        births->baseline_s = time_s;
    }
    births->is_doubtful = !fits && births->has_baseline && !births->is_doubtful;
    births->has_baseline = true;
    return growth;
}

static double greater(double a, double b) {
    return a > b ? a : b;
}

void live_births_end(struct live_fold *fold, struct live *live) {
    struct live_births *births = &fold->births;
    double interval_s = live->interval_s;
    double growth = count_growth(births, live->watched_s);
    live->births = births->picture_births;
    live->deaths = births->picture_deaths;
    if (!(interval_s > 0))
        return;
    live->births = greater(live->births, (double)births->births / interval_s);
    live->deaths = greater(live->deaths, (double)births->deaths / interval_s);
    if (growth <= live->births)
        return;
    live->births = growth;
    if (fold->samples && births->had_tasks) {
        double more = (double)births->tasks - (double)births->tasks_then;
        live->deaths = greater(live->deaths, growth - more / interval_s);
    }
}

void live_births_begin(struct live_fold *fold) {
    struct live_births *births = &fold->births;
    births->newest = births->births = births->deaths = 0;
    births->picture_births = births->picture_deaths = 0;
    births->tasks_then = births->tasks;
    births->had_tasks = births->has_tasks;
}
