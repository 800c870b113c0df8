/*
 * What a process does right now: the samples since the last update and the picture at the end of
 * them, as the numbers and rows of a screen. What came before is remembered for as long as it
 * matters: since when tasks wait, which blocks the last minute saw, which findings came and went.
 * Memory depends on how much there is now, not on how long it was watched.
 *
 * Shares are parts of 1 (CPU: of one CPU), NaN where nothing is known; times are seconds.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"
#include "asyncspy/snapshot/snapshot.h"

#define LIVE_BLOCK_S 0.1        /* a loop that runs one iteration for longer is blocked */
#define LIVE_BLOCKS_WITHIN_S 60 /* blocks are told of for so long */
#define LIVE_GONE_S 10          /* findings that are gone are told of for so long */
#define LIVE_NEW_S 10           /* a finding is new for so long */

/* Since when something is as it is. */
struct live_age {
    double seconds; /* NaN: not known */
    bool is_bound;  /* at least so long: it was so when watching began */
};

/* One iteration of a loop that took long. What it ran is what most of the samples of it showed. */
struct live_block {
    double ended_s;     /* ago; 0: it goes on */
    double length_s;    /* at least */
    const char *task;   /* name of the task, or NULL: a callback, or it has none */
    const char *frame;  /* the user's function there, or NULL */
    const char *file;   /* as frame_get_known_file has it, or NULL */
    int32_t line;       /* -1: unknown */
    const char *callee; /* the function that ran, where it is another one ("sleep"), or NULL */
};

struct live_loop {
    snapshot_id id;
    const char *type;
    int64_t tid;        /* or SNAPSHOT_UNKNOWN */
    const char *thread; /* name of that, or NULL */
    enum snapshot_loop_state state;
    double busy; /* share of the samples that saw it run callbacks */
    /* Ages of iterations as samples saw them, each iteration once: samples see long ones more
     * often, and before their end. NaN: none was seen, or their beginning is not known. */
    double iteration_median_s, iteration_worst_s;
    uint64_t iterations;     /* that were seen */
    double lag_s;            /* how late the oldest timer was, at worst; 0: none; NaN: not known */
    int64_t ready;           /* callbacks that wait for their turn, or SNAPSHOT_UNKNOWN */
    uint64_t blocks;         /* over LIVE_BLOCK_S, in the last LIVE_BLOCKS_WITHIN_S */
    struct live_block worst; /* of these; length_s is NaN: there was none */
    struct snapshot_executor executor;
};

/* Tasks that wait for things of one kind. */
struct live_wait {
    enum snapshot_wait_kind kind;
    size_t tasks;
};

enum live_news { LIVE_KNOWN, LIVE_NEW, LIVE_GONE };

struct live_finding {
    enum snapshot_finding_code code;
    enum snapshot_confidence confidence;
    const char *summary;
    const char *where; /* or NULL */
    enum live_news news;
    double since_s; /* it is there, or gone, for so long */
    bool is_bound;  /* at least: it was there when watching began */
    size_t index;   /* in the snapshot's findings; SIZE_MAX: it is gone */
};

/* A row of tasks in the same place; or of tasks that are not in the picture any more, all of one
 * coroutine; or what loops ran outside of tasks. The latter two are there for the CPU they used. */
enum live_group_kind { LIVE_GROUP_TASKS, LIVE_GROUP_ENDED, LIVE_GROUP_CALLBACKS };

struct live_group {
    enum live_group_kind kind;
    uint64_t key;          /* that of the same group in another picture */
    size_t index;          /* in the snapshot's groups; SIZE_MAX: not of LIVE_GROUP_TASKS */
    const char *coroutine; /* of ended ones, or NULL */
    size_t count;          /* tasks in it, 0 but for LIVE_GROUP_TASKS */
    double change;         /* of the count, per second; NaN in the first picture */
    struct live_age oldest;
    double moved; /* share of its tasks that went on since the last picture; NaN: not known */
    double cpu;
};

/* The rows of tasks, objects, sockets and threads are parallel to the snapshot's. */
struct live_task {
    struct live_age age; /* of its wait, or state */
    enum snapshot_tristate moved;
    double cpu;
};

struct live_object {
    struct live_age oldest; /* of those that wait for it */
    double change;          /* of the number of waiters, per second; NaN: not known */
};

struct live_thread {
    double cpu;    /* used */
    double on_cpu; /* share of samples in which it ran, or wanted to */
    double gil;    /* share of samples in which it held the GIL */
    double gil_wait;
};

struct live {
    /* The picture, analyzed; it dies with the next update. NULL: there is none yet. */
    const struct snapshot *snapshot;
    double watched_s;               /* since watching began */
    double interval_s;              /* that the numbers are of */
    double picture_age_s;           /* the picture is so much older than the numbers */
    uint64_t samples, failed, torn; /* in the interval; torn: tasks and threads */
    double paused;                  /* share of the interval that the process was stopped */
    double longest_pause_s;         /* since watching began */
    double own_cpu;                 /* that asyncspy used */
    const struct live_loop *loops;  /* the busiest first */
    size_t loop_count;
    size_t states[SNAPSHOT_TASK_STATE_COUNT]; /* tasks */
    size_t tasks;                             /* that are not done */
    double births, deaths; /* tasks per second, at least: those that samples and pictures saw, and
                            * those that asyncio's own numbering of tasks tells of */
    const struct live_wait *waits; /* the most frequent first */
    size_t wait_count;
    double gil;        /* share of samples in which a thread held the GIL; NaN: there is none */
    double gil_others; /* of these, threads without a loop */
    double gc;         /* share of samples in which the garbage collector ran */
    int64_t accept_queue, accept_max; /* connections not yet accepted, and how many may be; of all
                                       * listening sockets; or SNAPSHOT_UNKNOWN */
    const struct live_finding *findings; /* those of the picture, then those that are gone */
    size_t finding_count;
    const struct live_group *groups; /* those of the picture in their order, then the other kinds */
    size_t group_count;
    const struct live_task *task_rows;
    const struct live_object *object_rows;
    const struct live_thread *thread_rows;
};

struct live_fold;

struct live_fold *live_fold_create(void);
void live_fold_destroy(struct live_fold *fold); /* NULL-safe */

/* Takes in a sample. It may be forgotten afterwards. Its time counts from when watching began. */
void live_fold_add(struct live_fold *fold, const struct recording_sample *sample);

/* A sample that could not be had. */
void live_fold_add_failed(struct live_fold *fold);

/* Takes in a picture that shows the process at `time_s`; `moved` of its tasks says what went on
 * since the picture before. It is analyzed, and stays as it is until the next one. */
void live_fold_add_picture(struct live_fold *fold, const struct snapshot *snapshot, double time_s);

/* Ends the interval at `time_s`, in which asyncspy used `own_cpu_s` seconds of CPU, and begins the
 * next one. What it returns lives until the next call of this or of live_fold_add_picture. */
const struct live *live_fold_update(struct live_fold *fold, double time_s, double own_cpu_s);
