/*
 * A process and its descendants: a session for each that runs asyncio, a row with the reason for
 * the others. What is no Python now may be one soon (fork and exec), and a Python may start its
 * loop: both are looked at again, less and less often.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/target/process.h"
#include "top.h"

#define SESSIONS_MAX 64
#define SCAN_INTERVAL_S 1.0
#define SCAN_SHARE 0.05 /* of the time, for looking which processes there are */
#define OPEN_S 0.05     /* in one scan, for opening them */
#define RETRY_FIRST_S 1
#define RETRY_MOST_S 30
#define GONE_S 60 /* that rows stay */
#define ASIDE_RATE 10
#define ASIDE_INTERVAL_S 2
#define COMMAND_MAX 4096

#define NO_LOOP "no event loop"
#define NEW_PROGRAM "became another program"
#define NOT_YET "not looked at yet"
#define TOO_MANY "not watched: there are too many processes"

struct child {
    pid_t pid, parent; /* parent: 0: the first of the tree */
    struct top_session *session;
    char *why;              /* there is none, or NULL */
    double retry_at;        /* of clock_monotonic() */
    double retry_s;         /* after the next failure */
    double gone_at;         /* NaN: it is there */
    bool is_listed;         /* in the last scan */
    char *command;          /* its arguments, a NUL behind each */
    const char **arguments; /* in it */
    size_t argument_count;
};

struct top_children {
    const struct top_options *options;
    struct child **items;
    size_t count, capacity;
    const struct top_session *looked_at;
    bool is_frozen;
    double scan_at;
    struct arena *scan_arena;
    struct top_process *rows;
};

/* --- one of them --- */

static void forget_reason(struct child *child) {
    free(child->why);
    child->why = NULL;
}

static void set_reason(struct child *child, const char *why) {
    forget_reason(child);
    child->why = strdup(why);
    if (!child->why)
        memory_exhausted();
}

static void destroy_child(struct child *child) {
    top_session_close(child->session);
    free(child->why);
    free(child->command);
    free(child->arguments);
    free(child);
}

static bool is_gone(const struct child *child) {
    return !isnan(child->gone_at);
}

static size_t read_command(pid_t pid, char *text, size_t room) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? 0 : read(file, text, room - 1);
    if (file >= 0)
        close(file);
    size = size < 0 ? 0 : size;
    text[size] = '\0';
    return (size_t)size;
}

/* A child has the command of its parent until it starts another program. */
static void renew_command(struct child *child) {
    char text[COMMAND_MAX];
    size_t size = read_command(child->pid, text, sizeof text), count = 0;
    if (size == 0 && child->command)
        return; /* it has ended meanwhile */
    free(child->command);
    free(child->arguments);
    child->command = memory_alloc(size + 1);
    memcpy(child->command, text, size + 1);
    for (size_t i = 0; i < size; i++)
        count += i == 0 || text[i - 1] == '\0';
    child->arguments = memory_alloc(count * sizeof *child->arguments);
    child->argument_count = 0;
    for (size_t i = 0; i < size; i += strlen(child->command + i) + 1)
        child->arguments[child->argument_count++] = child->command + i;
}

/* In a row there is little room. */
static const char *shorten_reason(const struct error *err) {
    switch (error_get_kind(err)) {
    case ERROR_PERMISSION:
        return "not permitted";
    case ERROR_UNSUPPORTED:
        return "no Python, or not supported";
    case ERROR_GONE:
        return "ended";
    case ERROR_FAULT:
    case ERROR_INVALID:
    case ERROR_EXHAUSTED:
    case ERROR_OS:
    case ERROR_USAGE:
        break;
    }
    return error_get_message(err);
}

static void retry_later(struct child *child, const char *why) {
    set_reason(child, why);
    child->retry_at = clock_monotonic() + child->retry_s;
    child->retry_s = fmin(2 * child->retry_s, RETRY_MOST_S);
}

/* `why` may be the session's. */
static void close_session(struct child *child, const char *why) {
    retry_later(child, why);
    top_session_close(child->session);
    child->session = NULL;
}

static void open_child(struct top_children *children, struct child *child) {
    renew_command(child);
    struct error *err = top_session_open(child->pid, children->options, &child->session);
    if (err)
        retry_later(child, shorten_reason(err));
    else
        forget_reason(child);
    if (err && !child->parent && !process_exists(child->pid))
        child->gone_at = clock_monotonic(); /* nobody has waited for it yet */
    error_destroy(err);
    if (child->session && children->is_frozen)
        top_session_freeze(child->session, true);
}

/* A session ends with its process, or because that has become another program or cannot be read:
 * then it is tried anew. One that is looked at stays until nobody does, with what it shows. */
static void settle_end(const struct top_children *children, struct child *child) {
    const struct error *end = child->session ? top_session_get_end(child->session, NULL) : NULL;
    if (!end || is_gone(child))
        return;
    if (!process_exists(child->pid))
        child->gone_at = clock_monotonic();
    else if (child->session != children->looked_at)
        close_session(child, error_get_kind(end) == ERROR_GONE ? NEW_PROGRAM : shorten_reason(end));
}

static void settle_ends(struct top_children *children) {
    for (size_t i = 0; i < children->count; i++)
        settle_end(children, children->items[i]);
}

/* --- how often each has its turn --- */

/* But for `other`. */
static size_t count_sessions(const struct top_children *children, const struct top_session *other) {
    size_t count = 0;
    for (size_t i = 0; i < children->count; i++) {
        const struct child *child = children->items[i];
        count += child->session && child->session != other && !is_gone(child);
    }
    return count;
}

static void set_paces(struct top_children *children) {
    const struct top_options *options = children->options;
    size_t aside = count_sessions(children, children->looked_at);
    double part = 1 / (double)(aside ? aside : 1), rate = fmin(ASIDE_RATE, options->rate * part);
    for (size_t i = 0; i < children->count; i++) {
        struct top_session *session = children->items[i]->session;
        if (session && session == children->looked_at)
            top_session_set_pace(session, options->rate, options->delay_s, 1);
        else if (session)
            top_session_set_pace(session, rate, fmax(options->delay_s, ASIDE_INTERVAL_S), part);
    }
}

void top_children_look_at(struct top_children *children, const struct top_session *session) {
    children->looked_at = session;
    set_paces(children);
}

void top_children_freeze(struct top_children *children, bool is_frozen) {
    children->is_frozen = is_frozen;
    for (size_t i = 0; i < children->count; i++)
        if (children->items[i]->session)
            top_session_freeze(children->items[i]->session, is_frozen);
}

/* --- which there are --- */

static struct child *add_child(struct top_children *children, pid_t pid, pid_t parent) {
    if (children->count == children->capacity) {
        children->capacity = children->capacity ? 2 * children->capacity : 16;
        children->items =
            memory_realloc(children->items, children->capacity * sizeof *children->items);
    }
    struct child *child = memory_alloc(sizeof *child);
    *child = (struct child){.pid = pid, .parent = parent, .retry_s = RETRY_FIRST_S, .gone_at = NAN};
    renew_command(child);
    children->items[children->count++] = child;
    return child;
}

/* Children by pid. The row of one that has ended stands for its pid until that is free: it may not
 * have been waited for yet. */
static struct id_table *index_children(const struct top_children *children, struct arena *arena) {
    struct id_table *table = id_table_create(arena, children->count);
    for (size_t i = 0; i < children->count; i++) {
        struct child *child = children->items[i];
        if (!is_gone(child) || child->is_listed)
            (void)id_table_add(table, (uint64_t)child->pid, child);
        child->is_listed = false;
    }
    return table;
}

static bool is_running(pid_t pid) {
    return kill(pid, 0) == 0 || errno != ESRCH;
}

static void meet(struct top_children *children, struct id_table *table, pid_t pid, pid_t parent) {
    struct child *child = id_table_find(table, (uint64_t)pid);
    if (!child)
        child = add_child(children, pid, parent);
    child->is_listed = true;
}

/* Those without a session go when they are not listed: a server may start thousands of programs. */
static bool is_outdated(const struct top_children *children, const struct child *child,
                        bool is_complete) {
    if (child->session && child->session == children->looked_at)
        return false;
    if (is_gone(child))
        return clock_monotonic() - child->gone_at > GONE_S;
    return !child->session && !child->is_listed && (is_complete || !is_running(child->pid));
}

static void drop_outdated(struct top_children *children, bool is_complete) {
    size_t kept = 1; /* the first one stays */
    for (size_t i = 1; i < children->count; i++) {
        if (is_outdated(children, children->items[i], is_complete))
            destroy_child(children->items[i]);
        else
            children->items[kept++] = children->items[i];
    }
    children->count = kept;
}

static void list_children(struct top_children *children) {
    struct target_descendant *found;
    size_t count;
    pid_t first = children->items[0]->pid;
    arena_reset(children->scan_arena);
    bool is_complete = process_list_descendants(first, children->scan_arena, &found, &count);
    struct id_table *table = index_children(children, children->scan_arena);
    children->items[0]->is_listed = is_running(first);
    if (!children->items[0]->is_listed && !is_gone(children->items[0]))
        children->items[0]->gone_at = clock_monotonic();
    for (size_t i = 0; i < count; i++)
        if (found[i].pid != getpid())
            meet(children, table, found[i].pid, found[i].parent);
    drop_outdated(children, is_complete);
}

static void open_new(struct top_children *children) {
    double start = clock_monotonic();
    size_t sessions = count_sessions(children, NULL);
    for (size_t i = 0; i < children->count && clock_monotonic() - start < OPEN_S; i++) {
        struct child *child = children->items[i];
        if (child->session || is_gone(child) || clock_monotonic() < child->retry_at)
            continue;
        if (sessions < SESSIONS_MAX)
            open_child(children, child);
        else
            retry_later(child, TOO_MANY);
        sessions += child->session != NULL;
    }
}

static void scan(struct top_children *children) {
    double start = clock_monotonic();
    list_children(children);
    settle_ends(children);
    open_new(children);
    set_paces(children);
    double now = clock_monotonic();
    children->scan_at = now + fmax(SCAN_INTERVAL_S, (now - start) / SCAN_SHARE);
}

/* --- the course --- */

struct error *top_children_open(const struct top_options *options, struct top_children **ret) {
    if (!is_running(options->pid))
        return error_create(ERROR_GONE, "there is no process %d", options->pid);
    struct top_children *children = memory_alloc(sizeof *children);
    *children = (struct top_children){.options = options, .scan_arena = arena_create()};
    (void)add_child(children, options->pid, 0);
    scan(children);
    *ret = children;
    return NULL;
}

void top_children_close(struct top_children *children) {
    if (!children)
        return;
    for (size_t i = 0; i < children->count; i++)
        destroy_child(children->items[i]);
    arena_destroy(children->scan_arena);
    free(children->items);
    free(children->rows);
    free(children);
}

static double get_wait(const struct child *child) {
    return child->session ? top_session_get_wait(child->session) : INFINITY;
}

/* The one that is the latest. */
static struct child *find_next(const struct top_children *children) {
    struct child *next = children->items[0];
    for (size_t i = 1; i < children->count; i++)
        if (get_wait(children->items[i]) < get_wait(next))
            next = children->items[i];
    return next;
}

double top_children_get_wait(const struct top_children *children) {
    double wait = get_wait(find_next(children));
    return children->is_frozen ? wait : fmin(wait, children->scan_at - clock_monotonic());
}

/* A Python without asyncio is not worth the time of others. */
static bool lacks_loop(const struct top_children *children, const struct child *child) {
    const struct snapshot *picture = top_session_get_live(child->session)->snapshot;
    return picture && picture->event_loops.count == 0 && picture->tasks.count == 0 &&
           child->session != children->looked_at;
}

static struct top_session *work_on(struct top_children *children, struct child *child) {
    bool is_new = top_session_work(child->session);
    if (top_session_get_end(child->session, NULL))
        settle_end(children, child);
    else if (lacks_loop(children, child))
        close_session(child, NO_LOOP);
    return is_new ? child->session : NULL;
}

struct top_session *top_children_work(struct top_children *children) {
    if (!children->is_frozen && clock_monotonic() >= children->scan_at) {
        scan(children);
        return NULL;
    }
    struct child *next = find_next(children);
    return get_wait(next) <= 0 ? work_on(children, next) : NULL;
}

const struct top_process *top_children_get_rows(struct top_children *children, size_t *ret_count) {
    double now = clock_monotonic();
    children->rows = memory_realloc(children->rows, children->count * sizeof *children->rows);
    for (size_t i = 0; i < children->count; i++) {
        const struct child *child = children->items[i];
        children->rows[i] = (struct top_process){
            .pid = child->pid,
            .parent = child->parent ? child->parent : SNAPSHOT_UNKNOWN,
            .command_line = child->arguments,
            .command_line_count = child->argument_count,
            .live = child->session ? top_session_get_live(child->session) : NULL,
            .why = child->session || child->why ? child->why : NOT_YET,
            .gone_s = is_gone(child) ? now - child->gone_at : NAN};
    }
    *ret_count = children->count;
    return children->rows;
}

struct top_session *top_children_find(struct top_children *children, int64_t pid) {
    struct top_session *ended = NULL;
    for (size_t i = 0; i < children->count; i++) {
        const struct child *child = children->items[i];
        if (child->pid == pid && child->session && !is_gone(child))
            return child->session;
        if (child->pid == pid && child->session)
            ended = child->session;
    }
    return ended;
}

bool top_children_are_over(const struct top_children *children) {
    return is_gone(children->items[0]) && count_sessions(children, NULL) == 0;
}
