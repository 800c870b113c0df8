/*
 * Which tasks and threads of a sample are wanted: patterns for modules, functions and task names.
 */
#pragma once

#include <stdbool.h>

#include "asyncspy/snapshot/recording.h"

enum sample_filter_subject {
    FILTER_MODULE,   /* of a frame: "shop.db", or a package: "shop", "asyncio"; or, with a "/" or
                      * ".py" in the end, its file's path or an end of it: "shop/db.py" */
    FILTER_FUNCTION, /* name or qualified name of a frame */
    FILTER_TASK,     /* name of the task */
};

struct sample_filter;

struct sample_filter *sample_filter_create(void);

/* Adds a pattern as fnmatch(3) knows them; copied. A stack is wanted when, for each subject that
 * has patterns to include, one of its frames (its task) matches one of them, and when none matches
 * one to exclude. */
void sample_filter_add(struct sample_filter *filter, enum sample_filter_subject subject,
                       bool is_excluded, const char *pattern);

bool sample_filter_is_empty(const struct sample_filter *filter);

/* `task_name` may be NULL: a thread outside of tasks. The answer for a stack may be kept: it has to
 * live as long as the filter, or sample_filter_forget() is called before its memory is reused. */
bool sample_filter_wants(struct sample_filter *filter, const struct snapshot_stack *stack,
                         const char *task_name);
void sample_filter_forget(struct sample_filter *filter);

void sample_filter_destroy(struct sample_filter *filter); /* NULL-safe */
