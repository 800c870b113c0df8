/*
 * What a test of the asyncio layer needs: a walk over a fake asyncio, and what the snapshot has of
 * an object.
 */
#pragma once

#include "asyncspy/target/process.h"
#include "fake_target.h"
#include "fake_waits.h"

#define ASYNCIO_NOW 1000.0 /* the target's clock in every walk */

/* Walks; the loop's thread is in epoll_wait() when `is_idle`, else on a CPU. Nothing may be
 * missing, no task may have notes. */
void asyncio_walk(struct fake_target *target, const struct fake_asyncio *aio, bool is_idle);
/* The same with what the kernel tells of the threads; anything may be missing. */
void asyncio_walk_threads(struct fake_target *target, const struct fake_asyncio *aio,
                          const struct target_thread *threads, size_t count);
void asyncio_walk_expect_complete(const struct fake_target *target);
void asyncio_walk_expect_missing(const struct fake_target *target, const char *what,
                                 const char *why);

/* These fail where there is none. */
const struct snapshot_task *asyncio_walk_task(const struct fake_target *target, uint64_t id);
/* Of a task that waits. */
const struct snapshot_wait *asyncio_walk_wait(const struct fake_target *target, uint64_t task);
const struct snapshot_object *asyncio_walk_object(const struct fake_target *target, uint64_t id);
const struct snapshot_thread *asyncio_walk_thread(const struct fake_target *target, int64_t tid);
bool asyncio_walk_has_object(const struct fake_target *target, uint64_t id);

/* SNAPSHOT_UNKNOWN: there is no such fact. */
int64_t asyncio_walk_fact(const struct fake_target *target, uint64_t object, const char *key);

/* Fails unless the wait is for these tasks, in any order. */
void asyncio_walk_expect_tasks(const struct snapshot_wait *wait, const uint64_t *tasks,
                               size_t count);
