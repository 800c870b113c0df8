/*
 * The stacks of a profile while it is folded, each as a path of parts: a stack of the recording is
 * one part, whatever its depth, so that finding the place of a task that changed is one look into a
 * hash table. How many tasks are at a node is integrated over time: unchanged ones cost nothing.
 *
 * There is a limit to how many nodes there are; what does not fit goes to one that says so, and
 * nothing is lost. Waits that keep naming new objects in one place (a lock for each request) become
 * one without the object. Private to analysis.
 */
#pragma once

#include "asyncspy/snapshot/recording.h"

/* What a part is. */
enum profile_part_kind {
    PART_STACK,     /* `stack`, may be empty */
    PART_COROUTINE, /* of a task without a stack: `name`, may be NULL */
    PART_THREAD,    /* `name`, may be NULL, and `tid` */
    PART_LOOP,      /* busy with what is not known */
    PART_MORE,      /* all that did not fit */
};

/* What a stack ends in besides its frames. */
enum profile_leaf {
    LEAF_NONE,
    LEAF_WAIT,       /* `wait` */
    LEAF_WORDS,      /* made of waits that are called alike: `words` */
    LEAF_WAIT_KIND,  /* made of those that are of one kind: `wait_kind` */
    LEAF_WAIT_MAYBE, /* waits, not known what for */
    LEAF_READY,
    LEAF_NOT_STARTED,
    LEAF_NO_GIL,
    LEAF_OFF_CPU,
};

/* Members that its kinds do not have are 0. */
struct profile_part {
    enum profile_part_kind kind;
    enum profile_leaf leaf;
    const struct snapshot_stack *stack;
    const char *name;
    const struct recording_wait *wait;
    const char *words;
    int64_t tid;
    enum snapshot_wait_kind wait_kind;
};

/* What is looked at to find the node of a wait stands together, as does what is counted: finding it
 * and counting it costs two cache misses. */
struct profile_node {
    struct profile_node *next;         /* of the same hash */
    struct profile_node *same;         /* of LEAF_WAIT: that counts for it */
    const struct profile_node *parent; /* towards the outermost, NULL: none */
    struct profile_part part;
    struct profile_node *group; /* of LEAF_WORDS: that of its kind */
    uint64_t present;           /* tasks, threads that are here now */
    double since_s;             /* weight and samples are counted up to here */
    uint64_t since_sample;
    double weight_s;
    uint64_t samples;
    double group_s; /* its weight and those of the nodes whose group it is; in the end */
    size_t words;   /* of LEAF_WAIT_KIND: nodes that have it as their group */
    size_t index;   /* among those that can have a weight */
};

struct profile_nodes;

/* At most `most` nodes that can have a weight, and as many waits that are remembered. */
struct profile_nodes *profile_nodes_create(size_t most);
void profile_nodes_destroy(struct profile_nodes *nodes); /* NULL-safe */

/* The node of a part below `parent` (NULL: the outermost). Never NULL; the same while it lasts. */
struct profile_node *profile_nodes_get(struct profile_nodes *nodes, struct profile_node *parent,
                                       const struct profile_part *part);

/* It is `time_s`, behind so many samples. */
void profile_nodes_set_time(struct profile_nodes *nodes, double time_s, uint64_t samples);

/* From now on one more is at the node, one less. */
void profile_nodes_enter(struct profile_nodes *nodes, struct profile_node *node);
void profile_nodes_leave(struct profile_nodes *nodes, struct profile_node *node);

/* One sample showed something there that used that much. */
void profile_node_charge(struct profile_node *node, double weight_s);

/* Puts the weight and the samples of one to another. */
void profile_node_move(struct profile_node *from, struct profile_node *to);

/* Counts up to now, and folds waits of little weight where there are many. */
void profile_nodes_finish(struct profile_nodes *nodes);

/* All nodes that can have a weight, in the order in which they were made, but `more`. */
size_t profile_nodes_count(const struct profile_nodes *nodes);
struct profile_node *profile_nodes_at(const struct profile_nodes *nodes, size_t index);

/* The node of what did not fit. */
struct profile_node *profile_nodes_get_more(struct profile_nodes *nodes);
