/*
 * A profile that is being folded. Private to analysis.
 */
#pragma once

#include "asyncspy/analysis/profile.h"
#include "asyncspy/base/id_table.h"
#include "profile_nodes.h"
#include "task_numbers.h"

/* A thread or a loop, as the last sample showed it. */
struct profile_shown {
    struct profile_node *node;
    uint64_t thread; /* its key */
    double cpu_s;    /* that it had used */
};

struct profile_fold {
    enum profile_mode mode;
    struct sample_filter *filter; /* or NULL: everything is wanted */
    struct profile_nodes *nodes;
    uint64_t samples;
    double time_s;
    struct arena *arena;
    struct profile *profile; /* in `arena`; NULL before the end */
    /* Not in the mode `tasks`: */
    struct task_numbers *tasks;
    struct profile_shown *shown;
    size_t shown_count, shown_capacity;
    struct arena *scratch;    /* of a sample */
    struct id_table *threads; /* of that sample, from their keys to places; in `scratch` */
};

/* The frames of a task, or its coroutine where it has none. */
struct profile_part profile_make_task_part(const struct recording_task *task);

bool profile_fold_wants(const struct profile_fold *fold, const struct snapshot_stack *stack,
                        const char *task_name);

/* What the threads and loops did since the last sample, and what this one shows of them. */
void profile_fold_show(struct profile_fold *fold, const struct recording_sample *sample);
