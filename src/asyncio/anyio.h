/*
 * anyio on asyncio's loops (anyio/_backends/_asyncio.py of 3.6 to 4.15): what its classes are, what
 * its coroutines wait for, who its tasks belong to. Its locks know their owners; its timeouts are
 * cancel scopes, which each task has a chain of.
 */
#pragma once

#include "wait.h"

/* anyio.c: AIO_KIND_OTHER of a class that is none of anyio's. */
enum aio_kind aio_anyio_find_kind(const char *full_name);
/* The path behind "anyio/" of a file of anyio; NULL of others (or no file). */
const char *aio_anyio_get_file(const char *file);
/* An adapter stands for the object that was made when there was a loop; *address becomes that, or 0
 * as long as there is none. Anything else is left alone. */
struct error *aio_anyio_unwrap(struct aio *aio, uint64_t *address) ERROR_CHECK;
/* What a coroutine that anyio puts around those of the program runs: a name or another coroutine.
 * Both are 0 where `root` is none of these. */
struct error *aio_anyio_wrapped_find(struct aio *aio, const struct py_generator *root,
                                     uint64_t *ret_coroutine, const char **ret_name) ERROR_CHECK;

/* Whether a callback calls a function for a thread (from_thread.run_sync()). It has the name of
 * that function; its variable `f` is the concurrent future. */
bool aio_anyio_is_thread_call(const struct py_function *function);

/* anyio_rules.c */
/* NULL: not of anyio; for aio_rule_find(). */
const struct aio_rule *aio_anyio_rule_find(const struct snapshot_frame *frame);
/* Whether it is the wait() of a condition (or of an event). */
bool aio_anyio_rule_is_wait(const struct aio_rule *rule);

/* anyio_scope.c: who made a task, and when its cancel scopes end its wait. */
struct error *aio_anyio_state_read(struct aio *aio, struct snapshot_task *task) ERROR_CHECK;
/* Forgets makers that are no longer there: what stands at their address now is something else. */
void aio_anyio_check_creators(struct aio *aio);
/* The task that a cancel scope was entered by, 0 none. */
struct error *aio_anyio_scope_get_task(struct aio *aio, uint64_t scope, uint64_t *ret) ERROR_CHECK;
/* The task that completes a concurrent future for a BlockingPortal, told by a callback of that
 * future; 0: the callback is another. */
struct error *aio_anyio_portal_get_task(struct aio *aio, const struct aio_callable *callback,
                                        uint64_t *ret) ERROR_CHECK;

/* anyio_facts.c */
/* Calls `visit` with each fact of an object of anyio's; none of others. */
typedef void aio_anyio_visit_fact(void *context, const char *key, int64_t value, bool is_bool);
struct error *aio_anyio_facts_visit(struct aio *aio, enum aio_kind kind, uint64_t address,
                                    aio_anyio_visit_fact *visit, void *context) ERROR_CHECK;

/* anyio_objects.c */
/* Calls `visit` with the futures of those who wait for an object, in its order. */
struct error *aio_anyio_waiters_visit(struct aio *aio, enum aio_kind kind, uint64_t address,
                                      py_visit_item *visit, void *context) ERROR_CHECK;
/* Calls `visit` with each owner of a lock or limiter; 0: one that is no task. */
struct error *aio_anyio_owners_visit(struct aio *aio, enum aio_kind kind, uint64_t address,
                                     py_visit_item *visit, void *context) ERROR_CHECK;
/* Adds the owners that are not known as holders yet, when all tasks are read. */
struct error *aio_anyio_owners_add(struct aio *aio) ERROR_CHECK;
