/*
 * Who refers to an object: a scan of the target's memory for its address, and which live object
 * each word that holds it is a part of. It needs no knowledge of the types that may refer to it.
 *
 * A word counts as a reference only if the object that it is a part of (or whose items it is one
 * of: a list, dict, set, deque, an instance's values) stands in a list of the garbage collector,
 * and the word is in its live part: not behind the end of a list, not above the top of a suspended
 * frame's stack. So memory that was freed, and what C functions left on their stacks, do not count.
 * Weak references do not either, but they are told: they lead to the object. References that C
 * structures hold cannot be told from leftovers: they are missing here, and ob_refcnt says so.
 *
 * If as many references were found as ob_refcnt counts, then these are all: this is a proof, even
 * where the scan did not come to its end, provided that the target did not run meanwhile.
 *
 * What ob_refcnt of a future that nobody completed is, the same in CPython 3.6 to 3.15 (measured
 * from outside, also debug builds). The waiting side alone:
 *     2   awaited directly: the task's _fut_waiter, the FutureIter on the stack of the frame
 *     3   and kept in a local variable of that frame, or passed to a coroutine that awaits it
 *     4   both; one more for each frame that has it in a variable
 *     The same of asyncio.futures._PyFuture: `self` of its __await__() in place of the FutureIter.
 *     +3  for each more task that awaits it in a variable: _fut_waiter, FutureIter, variable
 *     3   awaited by wait_for() from 3.12 on, or with no timeout: directly, in its variable `fut`
 * With an owner:
 *     +1  for each list, dict, set, deque that holds it, attribute, cell of a closure
 *     +1  arguments of call_later(): the tuple of the TimerHandle
 *     +1  fut.set_result given to call_later(), add_reader(): the bound method
 *     1   inside of gather(), shield(), wait_for() before 3.12: only their closure holds it, and
 *         the task waits for another future
 *     2   in asyncio.wait(): the set of its frame, and that of the frame that called it
 *     4   asyncio.sleep(), Lock.acquire(), Queue.get(): the variable of their frame, and the owner
 * A variable that a closure uses is a cell: if the closure is lost, the count does not tell.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "asyncspy/python/object.h"
#include "asyncspy/target/scan.h"

/* Most objects that are asked for in one scan. */
#define PY_REFERRED_MAX 10000

/* A live object that holds a counted or a weak reference. The frame of a coroutine or generator is
 * told as the coroutine, the dict of an instance or a module as that one. */
struct py_referrer {
    uint64_t object;
    const struct py_type *type; /* NULL: a frame that runs, which is no object */
};

/* An object, and who refers to it. */
struct py_referred {
    uint64_t address;              /* in; the rest is out */
    uint64_t reference_count;      /* ob_refcnt; PY_IMMORTAL, also where it cannot be read */
    uint64_t found;                /* references that were found, all of them */
    struct py_referrer *referrers; /* each once, by address; in the snapshot's arena */
    size_t referrer_count;
};

struct py_referrers_request {
    const struct scan_span *spans;
    size_t span_count;
    struct scan_limits limits; /* of each of the two scans that it may take; the seconds are also
                                * those of a walk over the objects of the garbage collector */
};

struct py_referrers_summary {
    uint64_t bytes;  /* that were scanned */
    const char *why; /* NULL, or why referrers may be missing; in the snapshot's arena */
};

/* Fills `items`, at most PY_REFERRED_MAX with addresses that differ. */
struct error *py_referrers_find(struct py *py, const struct py_referrers_request *request,
                                struct py_referred *items, size_t count,
                                struct py_referrers_summary *ret) ERROR_CHECK;

#define PY_IMMORTAL UINT64_MAX

/* How many references to the object there are; PY_IMMORTAL where nobody counts (3.12+). */
struct error *py_reference_count(struct py *py, uint64_t address, uint64_t *ret) ERROR_CHECK;

/* Whether `referrer` holds the object at `awaited` only to wait for it: the iterator that an await
 * makes of a future, or a coroutine or generator that awaits it, over however many others. */
struct error *py_referrer_awaits(struct py *py, const struct py_referrer *referrer,
                                 uint64_t awaited, bool *ret) ERROR_CHECK;
