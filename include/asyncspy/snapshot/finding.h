/*
 * The codes of what can be found: the one list of them, gravest first. The text form, the JSON form
 * and the man page take codes and meanings from here. A code never changes its meaning.
 */
#pragma once

/* X(code, what it means) */
#define SNAPSHOT_FINDINGS(X)                                                                       \
    X(DEADLOCK, "tasks wait for each other and none can ever go on")                               \
    X(SYNC_OVER_ASYNC, "the thread of a loop waits for a task of that same loop")                  \
    X(THREAD_LOCK_ACROSS_AWAIT, "a suspended task holds a threading lock that blocks a loop")      \
    X(GIL_STARVED, "another thread holds the GIL and the loop cannot run")                         \
    X(GC_PAUSE, "the garbage collector runs and the loop cannot")                                  \
    X(LOOP_BLOCKED, "one callback keeps the loop from running all others")                         \
    X(LEAKED_LOCK, "a lock is held and nobody is left that could release it")                      \
    X(POOL_EXHAUSTED, "many tasks wait for a semaphore or pool that is used up")                   \
    X(EXECUTOR_FULL, "all threads of an executor are busy and work queues behind them")            \
    X(LOST_FUTURE, "a task waits for a future that nothing can complete any more")                 \
    X(PEER_SILENT, "tasks wait for the other end of a connection, which says nothing")             \
    X(FD_NOT_POLLED, "a task waits for a file that its loop does not watch")                       \
    X(QUEUE_NO_CONSUMER, "tasks wait to put into a full queue that nobody empties")                \
    X(QUEUE_NO_PRODUCER, "tasks wait for a queue that nobody is left to fill")                     \
    X(LOCK_PILEUP, "many tasks queue behind one holder of a lock")                                 \
    X(SHUTDOWN_STUCK, "the program is shutting down and waits for a task that does not end")       \
    X(CANCEL_SWALLOWED, "a task was cancelled and goes on")                                        \
    X(BACKLOG, "clients wait to be accepted")                                                      \
    X(TASK_FLOOD, "very many tasks of one kind")                                                   \
    X(NEVER_AWAITED, "coroutines were made and never awaited")                                     \
    X(EXC_UNRETRIEVED, "tasks ended with an exception that nobody looked at")

enum snapshot_finding_code {
    SNAPSHOT_FINDING_OK, /* nothing was found */
#define X(code, meaning) SNAPSHOT_FINDING_##code,
    SNAPSHOT_FINDINGS(X)
#undef X
        SNAPSHOT_FINDING_CODE_COUNT
};

/* "DEADLOCK", "OK". */
const char *snapshot_finding_code_name(enum snapshot_finding_code code);
/* What it means, in one sentence without a full stop. */
const char *snapshot_finding_code_meaning(enum snapshot_finding_code code);
