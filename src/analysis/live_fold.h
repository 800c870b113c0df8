/*
 * What a live view remembers. Private to analysis.
 *
 * Three spans of time, each with its memory: the interval, until the next update; a picture, which
 * is compared with the one before it and holds nothing of that one but what it copied; and loops
 * and threads, which are forgotten when a whole interval did not show them.
 */
#pragma once

#include "asyncspy/analysis/live.h"
#include "asyncspy/base/id_table.h"

#define LIVE_TIME_MAX 1e9 /* seconds: nothing takes longer */

/* A text that outlives the sample; "": there is none. Long ones are cut between characters. */
#define LIVE_TEXT 96
typedef char live_text[LIVE_TEXT];

static inline double live_clamp(double value, double least, double most) {
    return value > least ? (value < most ? value : most) : least; /* NaN: least */
}

/* A time that a target tells, and that can be. */
static inline bool live_is_time(double seconds) {
    return seconds >= 0 && seconds < LIVE_TIME_MAX;
}

static inline double live_share(uint64_t part, uint64_t whole) {
    return whole ? (double)part / (double)whole : NAN;
}

/* --- loops --- */

/* What an iteration ran: the user's function there, in a task or none. */
struct live_place {
    uint64_t hash, detail; /* of the task and function; of the line and callee too */
    live_text task, frame, file, callee;
    int32_t line;
};

struct live_iteration {
    double start_s, length_s; /* start: NaN: there is none */
    bool goes_on;             /* as far as the last sample tells */
    uint64_t votes, detail_votes;
    struct live_place place; /* that most samples showed; of no `hash`: none did */
};

struct live_loop_state {
    snapshot_id id;
    live_text type, thread;
    int64_t tid, ready;
    enum snapshot_loop_state state;
    struct live_iteration last; /* that a sample showed */
    bool is_block;              /* it is the last of `blocks` */
    struct live_iteration *blocks;
    size_t block_count, block_capacity;
    size_t hint; /* where in the samples the task that ran was last */
    /* Of the interval: */
    bool is_shown;                           /* by a sample or a picture */
    uint64_t shown, known, busy, iterations; /* shown: in so many samples */
    double lag_s, worst_s;                   /* lag: NaN: not known */
    double *ages;                            /* of iterations, the last one's at `age_count` - 1 */
    size_t age_count, age_capacity;
    bool is_counted; /* `last` has its age there */
};

/* Follows the iterations of a loop through a sample. */
void live_iteration_add(struct arena *interval, struct live_loop_state *loop,
                        const struct recording_sample *sample, const struct recording_loop *shown,
                        double time_s);
/* Forgets the blocks that are too old, and tells of the others. */
void live_blocks_end(struct live_loop_state *loop, double time_s, struct live_loop *ret);

struct live_loops {
    struct live_loop_state *items;
    size_t count, capacity;
};

void live_loops_destroy(struct live_loops *loops);

/* --- threads --- */

struct live_thread_state {
    uint64_t key;
    bool has_cpu;
    double cpu_s, cpu_time_s; /* the last one that is known, and when */
    /* Of the interval: */
    bool is_shown;
    bool was_known;        /* before it began */
    double used_s, over_s; /* CPU time, and the time in which it was used; over_s 0: not known */
    uint64_t on_cpu, on_cpu_known, gil, gil_known, gil_wait, gil_wait_known;
    uint64_t assigned; /* samples that showed for whom it ran */
};

/* In how many samples a thread ran a task (number 0: callbacks of its loop). */
struct live_use {
    struct live_use *next;
    size_t thread;
    uint64_t number, samples;
    snapshot_id id;
    uint64_t identity;
    const char *coroutine;
};

struct live_threads {
    struct live_thread_state *items;
    size_t count, capacity;
    struct id_table *table; /* from the key to the place + 1, of the interval */
    double sample_s;        /* time of the last sample */
};

/* --- tasks of a picture --- */

struct live_entry {
    snapshot_id id;
    uint64_t identity;
    double since_s;
    bool is_bound;
    double changed_s; /* the last time a sample told so, after the picture; else the picture's */
};

/* A task that came since the last picture. */
struct live_newborn {
    uint64_t identity;
    double since_s;
    bool is_bound; /* nobody had looked at all tasks for long */
};

struct live_finding_state {
    uint64_t key;
    struct live_finding shown; /* texts: copies */
    double from_s;             /* it is there, or gone, since then */
};

/* What is remembered of a picture until the next one: all in `arena`. */
struct live_picture {
    struct arena *arena;
    const struct snapshot *snapshot;
    double time_s;
    bool is_first;
    struct live_entry *entries; /* parallel to the tasks */
    size_t entry_count;
    struct id_table *tasks;         /* from ids to entries */
    struct id_table *groups;        /* from keys to rows */
    struct id_table *object_counts; /* from ids to live_object_state */
    struct id_table *newborns;      /* from ids to live_newborn: that came after it */
    size_t newborn_count;
    struct live_task *task_rows;
    struct live_object *object_rows;
    struct live_group *group_rows;
    struct live_finding_state *findings; /* those of the picture, then those that are gone */
    size_t finding_count;
};

/* --- births and deaths --- */

/* What a sample told that looked at all tasks. */
struct live_census {
    double time_s;
    size_t tasks;
    uint64_t births, deaths; /* since the census that was counted last */
    uint64_t newest;         /* the greatest number that a new task had since then; 0: none */
    double newest_s;         /* when it was seen */
};

struct live_births {
    uint64_t baseline; /* the greatest number that a new task had, before the last census */
    double baseline_s; /* when that was seen */
    bool has_baseline;
    bool is_doubtful;         /* the last census did not fit to it */
    bool has_census;          /* else the two have no meaning */
    struct live_census then;  /* counted last */
    struct live_census now;   /* the latest one */
    struct live_census since; /* counts since `then`; its time and tasks have no meaning */
    /* Per second, between two censuses, and two pictures: */
    double births, deaths, picture_births, picture_deaths;
};

struct live_fold {
    double time_s; /* the latest so far: it does not go back */
    double start_s;
    double longest_pause_s;
    bool has_sample;
    struct live_loops loops;
    struct live_threads threads;
    struct live_births births;
    struct live_picture pictures[2];
    struct live_picture *picture; /* the last one, or NULL */
    /* Of the interval: */
    struct arena *interval;
    bool has_look; /* a picture came */
    uint64_t samples, failed, torn, gc, gil_known, gil, gil_others;
    double pause_s;
    struct live_use *uses;
    struct id_table *use_table;
    size_t use_count;
    /* What was handed out last: */
    struct arena *shown;
};

void live_text_set(live_text text, const char *from); /* NULL: none */

/* The task of that number in the sample; NULL: there is none. `hint` is where to look first. */
const struct recording_task *live_find_task(const struct recording_sample *sample, uint64_t number,
                                            size_t *hint);

/* --- the parts: _add takes a sample in, _look a picture, _end fills its part of the view; _begin
 * forgets the interval --- */

void live_loops_add(struct live_fold *fold, const struct recording_sample *sample);
void live_loops_look(struct live_fold *fold, const struct snapshot *snapshot);
void live_loops_end(struct live_fold *fold, struct live *live);
void live_loops_begin(struct live_fold *fold);

void live_threads_add(struct live_fold *fold, const struct recording_sample *sample);
/* Behind live_tasks_end and live_groups_end, whose rows it gives their CPU to. */
void live_threads_end(struct live_fold *fold, struct live *live);
void live_threads_begin(struct live_fold *fold);

/* Share of a CPU that the thread used in the interval; NaN: not known. */
double live_thread_get_cpu(const struct live_fold *fold, const struct live_thread_state *state);

void live_births_add(struct live_fold *fold, const struct recording_sample *sample);
void live_births_look(struct live_fold *fold, const struct live_picture *before,
                      const struct live_picture *picture);
void live_births_end(struct live_fold *fold, struct live *live);

void live_history_add(struct live_fold *fold, const struct recording_sample *sample);
/* `before` may be NULL. */
void live_history_look(struct live_picture *picture, const struct live_picture *before);
/* The task's entry of the picture; NULL: it has no such task. */
struct live_entry *live_history_find(const struct live_picture *picture, snapshot_id id,
                                     uint64_t identity);

void live_groups_look(struct live_picture *picture, const struct live_picture *before);
void live_objects_look(struct live_picture *picture, const struct live_picture *before);
/* What the tasks and groups used of the CPU. */
void live_cpu_end(struct live_fold *fold, struct live *live);

void live_findings_look(struct live_picture *picture, const struct live_picture *before);
void live_findings_end(struct live_fold *fold, struct live *live);

void live_counts_end(struct live_fold *fold, struct live *live);
