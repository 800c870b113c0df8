/*
 * Snapshots for the tests of the analysis, built by hand. It starts as a healthy program that was
 * looked at twice: one idle loop (LOOP) in one thread (TID), and nothing moved. Records have room
 * in advance, so the pointers stay valid.
 */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

#define CASE_LOOP 0x10
#define CASE_TID 100

/* With room for `room` tasks and objects. */
struct snapshot *case_create(size_t room);

/* A task that waits (for nothing yet), in function `name` of /app/main.py. */
struct snapshot_task *case_task(struct snapshot *snapshot, const char *name);

/* Puts a frame below (inside) the others of a stack; the text is "function file:line". */
void case_call(struct snapshot *snapshot, struct snapshot_stack *stack, const char *text);

/* A wait without a timeout. */
struct snapshot_wait *case_wait(struct snapshot *snapshot, struct snapshot_task *task,
                                enum snapshot_wait_kind kind);
struct snapshot_wait *case_wait_thread(struct snapshot *snapshot, struct snapshot_thread *thread,
                                       enum snapshot_wait_kind kind);

/* Adds a task to those that a wait is for. */
void case_await(struct snapshot *snapshot, struct snapshot_wait *wait,
                const struct snapshot_task *task);

/* `kind` decides the key: a lock is locked, a semaphore at 0; others have no fact. */
struct snapshot_object *case_object(struct snapshot *snapshot, enum snapshot_object_kind kind,
                                    const char *label);
void case_fact(struct snapshot *snapshot, struct snapshot_object *object, const char *key,
               int64_t value);
void case_wait_object(struct snapshot *snapshot, struct snapshot_task *task,
                      enum snapshot_wait_kind kind, const struct snapshot_object *object);

/* The task (or, where it is NULL, the thread) holds the object, certainly. */
struct snapshot_holder *case_hold(struct snapshot *snapshot, struct snapshot_object *object,
                                  struct snapshot_task *task, int64_t tid);

struct snapshot_thread *case_thread(struct snapshot *snapshot, int64_t tid, const char *name);
struct snapshot_loop *case_loop(struct snapshot *snapshot, snapshot_id id, int64_t tid);

/* Established, nothing unread or unacknowledged, watched for reading. */
struct snapshot_socket *case_socket(struct snapshot *snapshot, int64_t fd, const char *local,
                                    const char *peer);

/* The task waits to read from the file. */
void case_read(struct snapshot *snapshot, struct snapshot_task *task, int64_t fd);

/* The first finding with a code, NULL: there is none. */
const struct snapshot_finding *case_find(const struct snapshot *snapshot,
                                         enum snapshot_finding_code code);

/* Fails the test unless there is just this finding, with this confidence. */
const struct snapshot_finding *case_expect(const struct snapshot *snapshot,
                                           enum snapshot_finding_code code,
                                           enum snapshot_confidence confidence);

/* Fails the test unless the verdict is OK; hints are allowed. */
void case_expect_ok(const struct snapshot *snapshot);
