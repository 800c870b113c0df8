/*
 * The words that the parts of the report share: how tasks, threads, objects, waits and times are
 * called. All in the scratch arena of the page, and not yet escaped. Private to render.
 */
#pragma once

#include "asyncspy/snapshot/processes.h"
#include "report.h"

struct label_index;

/* Finds objects, threads and sockets. Lives in `arena`. */
struct label_index *label_index_create(struct arena *arena, const struct snapshot *snapshot);

/* NULL where there is none. */
const struct snapshot_object *label_find_object(const struct report *report, snapshot_id id);
const struct snapshot_task *label_find_task(const struct report *report, snapshot_id id);
const struct snapshot_thread *label_find_thread(const struct report *report, int64_t tid);
const struct snapshot_socket *label_find_socket(const struct report *report, int64_t fd);

/* clock_format_seconds; behind ">=" clock_format_at_least. */
const char *label_duration(struct report *report, double seconds);
const char *label_at_least(struct report *report, double seconds);

/* The name of a task, or its id in hex where it has none. */
const char *label_task(struct report *report, const struct snapshot_task *task);

const char *label_task_id(struct report *report, snapshot_id id);

/* "MainThread": Python's name or the kernel's, NULL where there is none. */
const char *label_thread_name(const struct snapshot_thread *thread);

/* "tid 4242 MainThread". */
const char *label_thread(struct report *report, int64_t tid);

/* "asleep in epoll_wait"; "" where nothing is known. */
const char *label_thread_state(struct report *report, const struct snapshot_thread *thread);

/* "waiting", "not started", "idle", ...; of a waiting task whether it is idle by design. */
const char *label_task_state(const struct snapshot_task *task);
const char *label_state(enum snapshot_task_state state);

/* What a task waits for. */
const char *label_wait(struct report *report, const struct snapshot_task *task);

/* Whether the wait says more than the innermost frames of the library do. */
bool label_wait_is_known(const struct snapshot_task *task);

/* "Lock#1 'pool.sem'", and its state: "0 of 10 free"; "" where nothing is known. */
const char *label_object(struct report *report, const struct snapshot_object *object);
const char *label_object_state(struct report *report, const struct snapshot_object *object);

/* Its state in very few words: "0/10 free", "empty". */
const char *label_object_brief(struct report *report, const struct snapshot_object *object);

/* "held by t-ba, perhaps held by t-ab", "held by 10: Task-2 .. Task-11", the names in about
 * `columns`;
 * "" where no holder is known. */
const char *label_holders(struct report *report, const struct snapshot_object *object, int columns);

/* "silent for 41.2 s", "silent for >= 41.2 s" of the shortest of several; "" where it is not known,
 * or not worth a word. */
const char *label_silence(struct report *report, double seconds, bool is_bound);

/* "ESTABLISHED, silent for 41.2 s, 0 B unread, 512 B unacked, not watched by the loop"; that a loop
 * watches it only where everything is told. */
const char *label_socket_state(struct report *report, const struct snapshot_socket *socket,
                               const char *silence);

/* A command line without the program's directory, and of a Python that runs a script or a module
 * without the interpreter and its options. */
const char *label_command(struct arena *arena, const char *const *words, size_t count);

/* "LOOP BLOCKED - the summary", or the summary where it says that itself; of a verdict too, but for
 * "OK", which its text goes without. */
const char *label_finding(struct arena *arena, enum snapshot_finding_code code,
                          const char *summary);
const char *label_verdict(struct arena *arena, const struct snapshot_verdict *verdict);

/* What a process does, or why it was not read. */
const char *label_process_state(const struct snapshot_process *process);
