/*
 * A worker looks at one process after the other and sends what it sees through a pipe. When it is
 * silent for too long, or ends (a process may hold a lock in the kernel that /proc waits for, or
 * have memory that nobody thought of), that costs the one process a row without numbers, and
 * another worker goes on behind it.
 */
#include "asyncspy/capture/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/log.h"
#include "asyncspy/base/text.h"
#include "asyncspy/target/process.h"
#include "look.h"

#define WAIT_MILLISECONDS 200 /* between two reports of progress */
#define END_MILLISECONDS 100  /* a killed worker is waited for; one in the kernel ends later */
#define LIST_TRIES 3          /* of descendants: a thread that ends meanwhile hides its children */

struct search {
    struct snapshot_processes *processes;
    struct target_descendant *candidates;
    size_t count, next; /* the process that is looked at now */
    struct look look;   /* what the worker said of it so far */
    bool is_tree;       /* every candidate gets a row */
    const struct find_progress *progress;
};

struct worker {
    pid_t pid;
    int input;
};

/* What goes before a look through the pipe. */
struct message {
    bool done;
    size_t size; /* bytes of the look that follow; its end is not used */
};

static int compare_pids(const void *a, const void *b) {
    const struct target_descendant *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct error *list_all(struct search *search) {
    size_t room = 256;
    DIR *folder = opendir("/proc");
    if (!folder)
        return error_create_os(errno, "/proc");
    search->candidates = memory_alloc(room * sizeof *search->candidates);
    for (struct dirent *entry; (entry = readdir(folder));) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid())
            continue;
        if (search->count == room)
            search->candidates =
                memory_realloc(search->candidates, (room *= 2) * sizeof *search->candidates);
        search->candidates[search->count++] = (struct target_descendant){.pid = (pid_t)pid};
    }
    closedir(folder);
    qsort(search->candidates, search->count, sizeof *search->candidates, compare_pids);
    return NULL;
}

/* The process itself is the first one. */
static void list_tree(struct search *search, pid_t pid) {
    struct arena *arena = arena_create();
    struct target_descendant *found = NULL;
    size_t count = 0;
    bool *complete = &search->processes->complete;
    for (int i = 0; i < LIST_TRIES && !*complete; i++)
        *complete = process_list_descendants(pid, arena, &found, &count);
    search->candidates = memory_alloc((count + 1) * sizeof *search->candidates);
    search->candidates[search->count++] = (struct target_descendant){.pid = pid};
    for (size_t i = 0; i < count; i++)
        if (found[i].pid != getpid())
            search->candidates[search->count++] = found[i];
    arena_destroy(arena);
}

static void send_all(int output, const void *bytes, size_t size) {
    for (const char *at = bytes; size;) {
        ssize_t done = write(output, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(1); /* nobody listens any more */
        at += done;
        size -= (size_t)done;
    }
}

static void send_look(int output, const struct look *look, bool done) {
    size_t size = offsetof(struct look, command) + look->command_size;
    struct message message = {done, size};
    send_all(output, &message, sizeof message);
    send_all(output, look, size);
}

static void work(const struct search *search, int output) {
    struct look look;
    for (size_t i = search->next; i < search->count; i++) {
        if (look_begin(search->candidates[i].pid, &look)) {
            send_look(output, &look, false);
            look_identify(&look);
        }
        if (look.is_python) {
            send_look(output, &look, false);
            look_read(&look);
        }
        send_look(output, &look, true);
    }
}

static struct error *start_worker(const struct search *search, struct worker *ret) {
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_create_os(errno, "a pipe");
    ret->pid = fork();
    if (ret->pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return error_create_os(errno, "starting a process that looks at the others");
    }
    if (ret->pid == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            work(search, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    ret->input = ends[0];
    return NULL;
}

static void end_worker(struct worker *worker) {
    close(worker->input);
    kill(worker->pid, SIGKILL);
    for (int i = 0; i < END_MILLISECONDS && waitpid(worker->pid, NULL, WNOHANG) == 0; i++)
        poll(NULL, 0, 1);
}

static void report_progress(const struct search *search) {
    if (search->progress)
        search->progress->report(search->progress->context, search->next + 1, search->count);
}

/* False when the deadline is over. */
static bool wait_for_input(const struct search *search, int input, double deadline) {
    struct pollfd waited = {.fd = input, .events = POLLIN};
    while (clock_monotonic() < deadline) {
        int ready = poll(&waited, 1, WAIT_MILLISECONDS);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready > 0;
        report_progress(search);
    }
    return false;
}

/* False at the end of the pipe, and when the deadline is over. */
static bool receive(const struct search *search, int input, void *buffer, size_t size,
                    double deadline) {
    for (char *at = buffer; size;) {
        if (!wait_for_input(search, input, deadline))
            return false;
        ssize_t got = read(input, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool receive_look(struct search *search, int input, bool *ret_done) {
    struct message message;
    struct look look;
    double deadline = clock_monotonic() + FIND_SECONDS;
    if (!receive(search, input, &message, sizeof message, deadline) || message.size > sizeof look ||
        !receive(search, input, &look, message.size, deadline))
        return false;
    memcpy(&search->look, &look, message.size);
    *ret_done = message.done;
    return true;
}

static const char *copy_text(struct arena *arena, const char *text) {
    return *text ? text_from_bytes(arena, text, strlen(text)) : NULL;
}

static void add_command(struct arena *arena, const struct look *look,
                        struct snapshot_process *process) {
    const char *end = look->command + look->command_size;
    size_t count = 0;
    for (const char *at = look->command; at < end; at++)
        count += *at == '\0';
    process->command_line = arena_alloc_array(arena, count, sizeof *process->command_line);
    for (const char *at = look->command; at < end; at += strlen(at) + 1)
        process->command_line[process->command_line_count++] =
            text_from_bytes(arena, at, strlen(at));
}

/* What is no Python, or not any more, says nothing about itself. */
static void set_state(const struct look *look, struct snapshot_process *process) {
    process->state = look->state;
    if (look->is_python)
        return;
    process->state = look_is_ended(look) ? SNAPSHOT_PROCESS_ENDED : SNAPSHOT_PROCESS_NOT_PYTHON;
    process->why = NULL;
}

static void fill_row(const struct search *search, bool answered, struct snapshot_process *row) {
    struct arena *arena = search->processes->arena;
    const struct look *look = &search->look;
    pid_t parent = search->candidates[search->next].parent;
    *row = (struct snapshot_process){.pid = search->candidates[search->next].pid,
                                     .user_id = look->user_id,
                                     .user = copy_text(arena, look->user),
                                     .name = copy_text(arena, look->name),
                                     .python_version = copy_text(arena, look->version),
                                     .loops = look->loops,
                                     .tasks = look->tasks,
                                     .complete = look->complete,
                                     .state = SNAPSHOT_PROCESS_NOT_READ,
                                     .why = copy_text(arena, look->why),
                                     .container = copy_text(arena, look->container),
                                     .parent = parent ? parent : SNAPSHOT_UNKNOWN};
    if (answered)
        set_state(look, row);
    add_command(arena, look, row);
}

/* What is known of a process before it is looked at. */
static void expect_look(struct search *search) {
    search->look =
        (struct look){.loops = SNAPSHOT_UNKNOWN, .tasks = SNAPSHOT_UNKNOWN, .why = LOOK_NO_ANSWER};
}

/* Adds the row of the process in hand, if it has one, and goes to the next. */
static void add_row(struct search *search, bool answered) {
    if (search->look.is_python || search->is_tree)
        fill_row(search, answered, SNAPSHOT_APPEND(search->processes, &search->processes->list));
    expect_look(search);
    search->next++;
}

/* Takes the looks of one worker until there are no more. */
static void take_looks(struct search *search, const struct worker *worker) {
    bool done;
    while (search->next < search->count) {
        report_progress(search);
        do {
            if (!receive_look(search, worker->input, &done))
                return;
        } while (!done);
        add_row(search, true);
    }
}

static struct error *look_at_all(struct search *search) {
    struct worker worker = {0};
    expect_look(search);
    while (search->next < search->count) {
        struct error *err = start_worker(search, &worker);
        if (err)
            return err;
        take_looks(search, &worker);
        end_worker(&worker);
        if (search->next < search->count) {
            log_debug(LOG_CAPTURE, "no answer about process %d",
                      (int)search->candidates[search->next].pid);
            add_row(search, false);
        }
    }
    return NULL;
}

static struct error *search_candidates(struct search *search) {
    search->processes->user_id = geteuid();
    search->processes->captured_at = clock_format_stamp(search->processes->arena, clock_realtime());
    struct error *err = look_at_all(search);
    free(search->candidates);
    return err;
}

struct error *find_processes(struct snapshot_processes *ret, const struct find_progress *progress) {
    struct search search = {.processes = ret, .progress = progress};
    struct error *err = list_all(&search);
    if (!err)
        err = search_candidates(&search);
    snapshot_processes_sort(ret);
    return err;
}

struct error *find_process_tree(pid_t pid, struct snapshot_processes *ret) {
    struct search search = {.processes = ret, .is_tree = true};
    list_tree(&search, pid);
    struct error *err = search_candidates(&search);
    snapshot_processes_sort_as_tree(ret);
    return err;
}
