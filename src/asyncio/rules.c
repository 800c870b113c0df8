/*
 * What asyncio's own coroutines wait for, told by their frames: Lib/asyncio of 3.6 to 3.15. Here
 * what stays inside the program; files, sockets and processes: io_rules.c.
 */
#include <string.h>

#include "anyio.h"
#include "uvloop.h"

struct error *aio_waiting_get_local(struct aio_waiting *waiting, const struct py_generator *link,
                                    const char *name, uint64_t *ret) {
    *ret = 0;
    if (!link->frame)
        return NULL;
    struct error *err = py_local_find(waiting->aio->py, link->frame, name, ret);
    return err ? err : aio_drop_none(waiting->aio, ret);
}

struct error *aio_waiting_get_self(struct aio_waiting *waiting, const struct py_generator *link,
                                   uint64_t *ret, enum aio_kind *ret_kind) {
    *ret_kind = AIO_KIND_OTHER;
    struct error *err = aio_waiting_get_local(waiting, link, "self", ret);
    return err ? err : aio_kind_of(waiting->aio, *ret, ret_kind);
}

void aio_waiting_decide(struct aio_waiting *waiting, enum snapshot_wait_kind kind,
                        uint64_t object) {
    waiting->wait->kind = kind;
    waiting->object = object;
    waiting->is_known = true;
}

/* Lock.acquire(), Semaphore.acquire(). */
static struct error *apply_acquire(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (!err && kind == AIO_KIND_LOCK)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_LOCK, self);
    else if (!err && kind == AIO_KIND_SEMAPHORE)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_SEMAPHORE, self);
    return err;
}

/* Event.wait(), Condition.wait(), Barrier.wait(); a barrier waits with a condition. */
static struct error *apply_wait(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t self;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (err)
        return err;
    if (kind == AIO_KIND_EVENT && !waiting->is_known)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_EVENT, self);
    else if (kind == AIO_KIND_CONDITION && !waiting->is_known)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_CONDITION, self);
    else if (kind == AIO_KIND_BARRIER && waiting->wait->kind != SNAPSHOT_WAIT_LOCK)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_BARRIER, self);
    return NULL;
}

static struct error *apply_queue(struct aio_waiting *waiting, const struct py_generator *link,
                                 enum snapshot_wait_kind wait_kind) {
    uint64_t self;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (!err && kind == AIO_KIND_QUEUE)
        aio_waiting_decide(waiting, wait_kind, self);
    return err;
}

static struct error *apply_get(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_queue(waiting, link, SNAPSHOT_WAIT_QUEUE_GET);
}

static struct error *apply_put(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_queue(waiting, link, SNAPSHOT_WAIT_QUEUE_PUT);
}

/* Queue.join() waits for an event of its own. */
static struct error *apply_join(struct aio_waiting *waiting, const struct py_generator *link) {
    return apply_queue(waiting, link, SNAPSHOT_WAIT_QUEUE_JOIN);
}

static struct error *apply_sleep(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t timer;
    double when = NAN;
    struct error *err = aio_waiting_get_local(waiting, link, "h", &timer);
    if (err || !timer)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_SLEEP, 0);
    if (waiting->aio->memo) /* samples do not tell how long waits will last */
        return NULL;
    err = aio_timer_read(waiting->aio, timer, &when);
    if (!err && !isinf(when)) /* anyio.sleep_forever() */
        waiting->wait->deadline_s = when - waiting->aio->now;
    return err;
}

static struct error *apply_timeout_handle(struct aio_waiting *waiting,
                                          const struct py_generator *link) {
    uint64_t timer;
    double when = NAN;
    struct error *err = aio_waiting_get_local(waiting, link, "timeout_handle", &timer);
    if (!err && timer)
        err = aio_timer_read(waiting->aio, timer, &when);
    if (!err && !isnan(when))
        aio_wait_set_deadline(waiting, when);
    return err;
}

/* None of the tasks behind a gather() is enough to wake who waits for any. */
struct error *aio_waiting_take_tasks(struct aio_waiting *waiting, uint64_t container) {
    struct snapshot_wait *wait = waiting->wait;
    const struct aio_task_list *list;
    struct error *err = aio_task_list_read(waiting->aio, container, &list);
    if (err)
        return err;
    wait->tasks = list->tasks;
    wait->task_count = wait->any_task == SNAPSHOT_YES ? list->own_count : list->count;
    wait->done = list->done;
    wait->total = list->total;
    return NULL;
}

/* asyncio.wait(): the coroutine _wait() has the set and when it returns. */
static struct error *apply_wait_function(struct aio_waiting *waiting,
                                         const struct py_generator *link) {
    uint64_t futures, return_when;
    bool first = false;
    struct error *err = aio_waiting_get_local(waiting, link, "fs", &futures);
    if (!err)
        err = aio_waiting_get_local(waiting, link, "return_when", &return_when);
    if (err || !futures)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_WAIT, 0);
    if (return_when)
        err = py_string_equals(waiting->aio->py, return_when, "FIRST_COMPLETED", &first);
    if (!err && return_when)
        waiting->wait->any_task = first ? SNAPSHOT_YES : SNAPSHOT_NO;
    if (!err)
        err = aio_waiting_take_tasks(waiting, futures);
    return err ? err : apply_timeout_handle(waiting, link);
}

/* What a function is for that parks on a future of its own; 0: it does not now. */
static struct error *find_inner(struct aio_waiting *waiting, const struct py_generator *link,
                                uint64_t *ret) {
    uint64_t waiter;
    *ret = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "waiter", &waiter);
    return err || waiter != waiting->future ? err
                                            : aio_waiting_get_local(waiting, link, "fut", ret);
}

/* wait_for() up to 3.11. */
static struct error *apply_wait_for(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t inner;
    struct error *err = find_inner(waiting, link, &inner);
    if (err || !inner)
        return err;
    err = apply_timeout_handle(waiting, link);
    if (!err)
        err = aio_waiting_set_future(waiting, inner);
    if (!err && aio_kind_is_task(waiting->future_kind))
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_TIMEOUT, 0);
    return err;
}

/* wait_for() that is over has cancelled what it was for, and waits until that ends; it may not. */
static struct error *apply_cancel_and_wait(struct aio_waiting *waiting,
                                           const struct py_generator *link) {
    uint64_t inner;
    struct error *err = find_inner(waiting, link, &inner);
    if (err || !inner)
        return err;
    err = aio_waiting_set_future(waiting, inner);
    if (!err)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_TIMEOUT, 0);
    return err;
}

/* staggered_race() waits for the first of its tasks that succeeds, and cancels the others. */
static struct error *apply_staggered(struct aio_waiting *waiting, const struct py_generator *link) {
    uint64_t completed, tasks = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "on_completed_fut", &completed);
    if (!err)
        err = aio_waiting_get_local(waiting, link, "running_tasks", &tasks);
    if (err || !tasks || completed != waiting->future)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_WAIT, 0);
    waiting->wait->any_task = SNAPSHOT_YES;
    return aio_waiting_take_tasks(waiting, tasks);
}

/* as_completed() waits for a queue of its own; from 3.13 on it is an object with the rest. */
static struct error *apply_as_completed(struct aio_waiting *waiting,
                                        const struct py_generator *link) {
    uint64_t self, rest = 0;
    struct error *err = aio_waiting_get_local(waiting, link, "self", &self);
    if (!err && self)
        err = aio_attribute_read(waiting->aio, self, "_todo", &rest);
    if (err)
        return err;
    waiting->queue = waiting->object;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_WAIT, 0);
    waiting->wait->any_task = SNAPSHOT_YES;
    if (!rest)
        return NULL;
    err = aio_waiting_take_tasks(waiting, rest);
    if (!err)
        waiting->wait->total -= waiting->wait->done;
    waiting->wait->done = SNAPSHOT_UNKNOWN; /* most of the finished are not in it */
    return err;
}

static struct error *apply_task_group(struct aio_waiting *waiting,
                                      const struct py_generator *link) {
    uint64_t self, tasks = 0;
    enum aio_kind kind;
    struct error *err = aio_waiting_get_self(waiting, link, &self, &kind);
    if (err || kind != AIO_KIND_TASK_GROUP)
        return err;
    aio_waiting_decide(waiting, SNAPSHOT_WAIT_TASK_GROUP, self);
    waiting->wait->any_task = SNAPSHOT_NO;
    err = aio_attribute_read(waiting->aio, self, "_tasks", &tasks);
    if (!err && tasks)
        err = aio_waiting_take_tasks(waiting, tasks);
    waiting->wait->done = waiting->wait->total = SNAPSHOT_UNKNOWN;
    return err;
}

static const struct aio_rule rules[] = {
    {"locks.py", "acquire", apply_acquire},
    {"locks.py", "wait", apply_wait},
    {"locks.py", "_block", apply_wait},
    {"locks.py", "_wait", apply_wait},
    {"queues.py", "get", apply_get},
    {"queues.py", "put", apply_put},
    {"queues.py", "join", apply_join},
    {"tasks.py", "sleep", apply_sleep},
    {"tasks.py", "_wait", apply_wait_function},
    {"tasks.py", "wait_for", apply_wait_for},
    {"tasks.py", "_cancel_and_wait", apply_cancel_and_wait},
    {"tasks.py", "_wait_for_one", apply_as_completed},
    {"staggered.py", "staggered_race", apply_staggered},
    {"taskgroups.py", "__aexit__", apply_task_group},
    {"taskgroups.py", "_aexit", apply_task_group},
};

static const struct aio_rule no_rule = {"", "", NULL};

const struct aio_rule *aio_rule_search(const struct aio_rule *table, size_t count, const char *file,
                                       const char *function) {
    for (size_t i = 0; function && i < count; i++)
        if (strcmp(table[i].file, file) == 0 && strcmp(table[i].function, function) == 0)
            return &table[i];
    return NULL;
}

/* Libraries that stand between the program and asyncio. */
static const struct aio_rule *find_rule_of_others(const struct snapshot_frame *frame) {
    const struct aio_rule *rule = aio_anyio_rule_find(frame);
    return rule ? rule : aio_uvloop_rule_find(frame);
}

static const struct aio_rule *find_rule(const struct aio *aio, const struct snapshot_frame *frame) {
    const char *file = aio_place_get_file(aio, frame);
    if (!file)
        return find_rule_of_others(frame);
    const struct aio_rule *rule =
        aio_rule_search(rules, sizeof rules / sizeof *rules, file, frame->function);
    if (!rule)
        rule = aio_io_rule_find(file, frame->function);
    return rule ? rule : &no_rule;
}

const struct aio_rule *aio_rule_find(struct aio *aio, const struct snapshot_frame *frame) {
    struct aio_rule_memo *memo =
        &aio->rule_memo[((uintptr_t)frame >> 4) & (AIO_RULE_MEMO_SIZE - 1)];
    if (memo->frame != frame)
        *memo = (struct aio_rule_memo){frame, find_rule(aio, frame)};
    return memo->rule;
}

bool aio_rule_is_condition_wait(struct aio *aio, const struct snapshot_frame *frame) {
    const struct aio_rule *rule = aio_rule_find(aio, frame);
    return rule && (rule->apply == apply_wait || aio_anyio_rule_is_wait(rule));
}

struct error *aio_rules_apply(struct aio_waiting *waiting) {
    const struct aio_chain *chain = waiting->chain;
    struct error *err = NULL;
    waiting->user_link = chain->link_count;
    for (size_t i = chain->link_count; !err && i > 0; i--) {
        const struct aio_rule *rule = aio_rule_find(waiting->aio, chain->links[i - 1].decoded);
        if (!rule) {
            waiting->user_link = i - 1;
            break;
        }
        if (rule->apply)
            err = rule->apply(waiting, &chain->links[i - 1]);
    }
    return err;
}
