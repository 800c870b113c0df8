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
#include "look.h"

#define WAIT_MILLISECONDS 200 /* between two reports of progress */
#define END_MILLISECONDS 100  /* a killed worker is waited for; one in the kernel ends later */

struct search {
    struct snapshot_processes *processes;
    pid_t *pids;
    size_t count, next; /* the process that is looked at now */
    struct look look;   /* what the worker said of it so far */
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
    const pid_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static struct error *list_pids(struct search *search) {
    size_t room = 256;
    DIR *folder = opendir("/proc");
    if (!folder)
        return error_create_os(errno, "/proc");
    search->pids = memory_alloc(room * sizeof *search->pids);
    for (struct dirent *entry; (entry = readdir(folder));) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid())
            continue;
        if (search->count == room)
            search->pids = memory_realloc(search->pids, (room *= 2) * sizeof *search->pids);
        search->pids[search->count++] = (pid_t)pid;
    }
    closedir(folder);
    qsort(search->pids, search->count, sizeof *search->pids, compare_pids);
    return NULL;
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
    size_t size = offsetof(struct look, command) + (look->is_python ? look->command_size : 0);
    struct message message = {done, size};
    send_all(output, &message, sizeof message);
    send_all(output, look, size);
}

static void work(const struct search *search, int output) {
    struct look look;
    for (size_t i = search->next; i < search->count; i++) {
        if (look_begin(search->pids[i], &look)) {
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

/* Adds the row of the process in hand, if it has one, and goes to the next. */
static void add_row(struct search *search) {
    struct arena *arena = search->processes->arena;
    const struct look *look = &search->look;
    if (look->is_python) {
        struct snapshot_process *row = SNAPSHOT_APPEND(search->processes, &search->processes->list);
        *row = (struct snapshot_process){.pid = look->pid,
                                         .user_id = look->user_id,
                                         .user = copy_text(arena, look->user),
                                         .name = copy_text(arena, look->name),
                                         .python_version = copy_text(arena, look->version),
                                         .loops = look->loops,
                                         .tasks = look->tasks,
                                         .complete = look->complete,
                                         .state = look->state,
                                         .why = copy_text(arena, look->why),
                                         .container = copy_text(arena, look->container)};
        add_command(arena, look, row);
    }
    search->look = (struct look){.is_python = false};
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
        add_row(search);
    }
}

static struct error *look_at_all(struct search *search) {
    struct worker worker = {0};
    while (search->next < search->count) {
        struct error *err = start_worker(search, &worker);
        if (err)
            return err;
        take_looks(search, &worker);
        end_worker(&worker);
        if (search->next < search->count) {
            log_debug(LOG_CAPTURE, "no answer about process %d", (int)search->pids[search->next]);
            add_row(search);
        }
    }
    return NULL;
}

struct error *find_processes(struct snapshot_processes *ret, const struct find_progress *progress) {
    struct search search = {.processes = ret, .progress = progress};
    ret->user_id = geteuid();
    ret->captured_at = clock_format_stamp(ret->arena, clock_realtime());
    struct error *err = list_pids(&search);
    if (!err)
        err = look_at_all(&search);
    free(search.pids);
    snapshot_processes_sort(ret);
    return err;
}
