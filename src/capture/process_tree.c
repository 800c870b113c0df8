#include "asyncspy/capture/process_tree.h"

#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/capture/find.h"
#include "look.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define TOO_MANY "more than " TEXT(PROCESS_TREE_PICTURES_MAX) " processes"

/* A process whose picture is taken. */
struct member {
    struct snapshot_process *process;
    struct capture *capture; /* NULL: there will be no second look */
};

struct tree {
    struct snapshot_processes *processes;
    const struct capture_options *options;
    struct member *members;
    size_t count;
};

/* Whether the short look at a process tells that a picture would show nothing, or would not come
 * back. What could not be read without stopping it may be readable. */
static bool is_settled(const struct snapshot_process *process) {
    if (process->state == SNAPSHOT_PROCESS_NOT_READ)
        return process->why && strcmp(process->why, LOOK_NO_ANSWER) == 0;
    if (!snapshot_process_is_read(process))
        return true;
    return process->complete && process->loops == 0 && process->tasks == 0;
}

static void refuse(struct tree *tree, struct snapshot_process *process,
                   enum snapshot_process_state state, const char *why) {
    process->state = state;
    process->why = why ? arena_copy_string(tree->processes->arena, why, strlen(why)) : NULL;
    process->loops = process->tasks = SNAPSHOT_UNKNOWN;
    process->complete = false;
}

/* What is about to end cannot be read for other reasons first. */
static bool is_ended(const struct snapshot_process *process) {
    struct look look;
    if (!look_begin((pid_t)process->pid, &look))
        return true;
    look_identify(&look);
    return look_is_ended(&look);
}

static void describe_error(struct tree *tree, struct snapshot_process *process,
                           const struct error *err) {
    enum snapshot_process_state state = SNAPSHOT_PROCESS_NOT_READ;
    if (error_get_kind(err) == ERROR_GONE || is_ended(process))
        state = SNAPSHOT_PROCESS_ENDED;
    else if (error_get_kind(err) == ERROR_PERMISSION)
        state = SNAPSHOT_PROCESS_NOT_PERMITTED;
    else if (error_get_kind(err) == ERROR_UNSUPPORTED)
        state = SNAPSHOT_PROCESS_NOT_SUPPORTED;
    refuse(tree, process, state, state == SNAPSHOT_PROCESS_ENDED ? NULL : error_get_message(err));
}

static void describe_snapshot(struct tree *tree, struct snapshot_process *process) {
    const struct snapshot *snapshot = process->snapshot;
    const char *version = snapshot->target.python_version;
    process->loops = (int64_t)snapshot->event_loops.count;
    process->tasks = (int64_t)snapshot->tasks.count;
    process->complete = snapshot->missing.count == 0;
    process->state = snapshot_process_find_state(snapshot, 0);
    process->why = NULL;
    process->python_version = arena_copy_string(tree->processes->arena, version, strlen(version));
}

static void end_member(struct member *member) {
    capture_close(member->capture);
    member->capture = NULL;
}

static void forget_picture(struct member *member) {
    end_member(member);
    snapshot_destroy(member->process->snapshot);
    member->process->snapshot = NULL;
}

static struct error *open_and_take(struct tree *tree, struct member *member) {
    struct error *err = capture_open((pid_t)member->process->pid, tree->options, &member->capture);
    return err ? err : capture_take(member->capture, member->process->snapshot);
}

static void look_once(struct tree *tree, struct member *member) {
    struct snapshot_process *process = member->process;
    process->snapshot = snapshot_create();
    struct error *err = open_and_take(tree, member);
    if (err)
        describe_error(tree, process, err);
    else
        describe_snapshot(tree, process);
    if (err || is_settled(process)) /* or its loop has ended meanwhile */
        forget_picture(member);
    error_destroy(err);
}

/* Without the second look a picture is one that was made with --once. */
static void lose_second_look(struct member *member, struct error *err) {
    if (!err)
        return;
    snapshot_add_missing(member->process->snapshot, "the second look", error_get_message(err));
    member->process->complete = false;
    error_destroy(err);
    end_member(member);
}

static void look_at_member(struct tree *tree, struct snapshot_process *process, bool once) {
    struct member *member = &tree->members[tree->count++];
    *member = (struct member){.process = process};
    look_once(tree, member);
    if (once)
        end_member(member);
    if (member->capture)
        lose_second_look(member, capture_begin_second_look(member->capture, NULL));
}

static void look_at_all(struct tree *tree, bool once) {
    struct snapshot_processes *processes = tree->processes;
    for (size_t i = 0; i < processes->list.count; i++) {
        struct snapshot_process *process = &processes->list.items[i];
        if (is_settled(process))
            continue;
        if (tree->count < PROCESS_TREE_PICTURES_MAX)
            look_at_member(tree, process, once);
        else
            refuse(tree, process, SNAPSHOT_PROCESS_NOT_READ, TOO_MANY);
    }
}

static void look_again(struct tree *tree) {
    bool waited = false;
    for (size_t i = 0; i < tree->count; i++) {
        struct member *member = &tree->members[i];
        if (!member->capture)
            continue;
        if (!waited)
            clock_sleep(CAPTURE_SECOND_LOOK_S);
        waited = true;
        lose_second_look(member,
                         capture_finish_second_look(member->capture, member->process->snapshot));
        end_member(member);
    }
}

/* The process whose error says most of why nothing could be read. */
static const struct snapshot_process *choose_culprit(const struct snapshot_processes *processes) {
    for (size_t i = 0; i < processes->list.count; i++) {
        const struct snapshot_process *process = &processes->list.items[i];
        if (process->state != SNAPSHOT_PROCESS_NOT_PYTHON &&
            process->state != SNAPSHOT_PROCESS_ENDED)
            return process;
    }
    return &processes->list.items[0];
}

static struct error *explain(const struct tree *tree) {
    const struct snapshot_process *culprit = choose_culprit(tree->processes);
    size_t count = tree->processes->list.count;
    struct capture *capture = NULL;
    struct error *err = NULL;
    if (!culprit->why || strcmp(culprit->why, LOOK_NO_ANSWER) != 0)
        err = capture_open((pid_t)culprit->pid, tree->options, &capture);
    capture_close(capture);
    if (!err)
        err = error_create(ERROR_OS, "process %lld: %s", (long long)culprit->pid,
                           culprit->why ? culprit->why : "not readable");
    return count > 1 ? error_add_context(err, "none of %zu processes could be read", count) : err;
}

static bool is_any_read(const struct snapshot_processes *processes) {
    for (size_t i = 0; i < processes->list.count; i++)
        if (snapshot_process_is_read(&processes->list.items[i]))
            return true;
    return false;
}

struct error *capture_process_tree(pid_t pid, const struct capture_options *options, bool once,
                                   struct snapshot_processes *ret) {
    struct tree tree = {.processes = ret, .options = options};
    struct error *err = find_process_tree(pid, ret);
    if (err)
        return err;
    tree.members = arena_alloc_array(ret->arena, PROCESS_TREE_PICTURES_MAX, sizeof *tree.members);
    look_at_all(&tree, once);
    look_again(&tree);
    return is_any_read(ret) ? NULL : explain(&tree);
}
