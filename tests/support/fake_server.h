/*
 * Programs for tests of hostile memory: servers whose tasks and threads wait for everything there
 * is to wait for. In parts, because such a test takes time by the square of what there is to read.
 */
#pragma once

#include "fake_waits.h"

enum fake_server_part {
    FAKE_SERVER_LOCKS,   /* locks, queues, managers */
    FAKE_SERVER_FUTURES, /* gather() and the like, timers */
    FAKE_SERVER_FILES,   /* sockets, streams, processes */
    FAKE_SERVER_POOLS,   /* executors, the loop's iteration */
    FAKE_SERVER_THREADS, /* locks of threads, futures that threads wait for */
    FAKE_SERVER_DETOURS, /* locks behind generators and lent ones, shields of shields, waits for any
                          */
    FAKE_SERVER_PART_COUNT
};

enum { FAKE_SERVER_WORKER = 4801, FAKE_SERVER_WAITER = 4802, FAKE_SERVER_JOINER = 4803 };
#define FAKE_SERVER_NOW 1000.0 /* the clock; timers are due around it */

/* Adds a part to an asyncio. Returns where the thread FAKE_SERVER_WAITER sleeps in futex(2), 0 in
 * a part that has none. */
uint64_t fake_server_create(struct fake_asyncio *aio, enum fake_server_part part);
