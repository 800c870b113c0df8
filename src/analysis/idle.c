/*
 * Which tasks wait for work, by design: servers for clients, workers for jobs, a main for its end.
 * A task that others need is not idle, whatever it waits for, and one that is stuck neither.
 */
#include <string.h>

#include "analysis.h"
#include "asyncspy/analysis/place.h"

#define HEARTBEAT_S 3600.0 /* sleeping longer than this is no heartbeat */

#define NEAR                                                                                       \
    4 /* frames from the wait on: what a handler does far above serve_forever() is no idling */
#define FAR 24

/* Functions of servers and clients whose waits are idle by design. A file that ends with a slash is
 * any of a folder. */
struct place {
    const char *file, *function;
};

/* They wait for the next client, for what a client says, or for the end of the server. */
static const struct place idle_places[] = {
    {"asyncio/base_events.py", "serve_forever"}, /* Server.serve_forever: a bare future */
    {"asyncio/base_events.py", "wait_closed"},   /* many serve for ever like that */
    {"aiohttp/web_protocol.py", "start"},        /* RequestHandler.start: the next request */
    {"aiohttp/web_ws.py", "receive"},            /* WebSocketResponse: the next message */
    {"aiohttp/web.py", "_run_app"},
    {"uvicorn/server.py", "main_loop"},
    {"uvicorn/server.py", "serve"},
    {"uvicorn/lifespan/on.py", "receive"},  /* the application waits for the end */
    {"uvicorn/protocols/", "receive"},      /* the body of a request, a message, the end */
    {"uvicorn/protocols/", "asgi_receive"}, /* the same, of the package websockets */
    {"hypercorn/asyncio/run.py", "worker_serve"},
    {"hypercorn/asyncio/lifespan.py", "asgi_receive"},
    {"gunicorn/asgi/lifespan.py", "_receive"},
    {"gunicorn/asgi/protocol.py", "receive"},
    {"gunicorn/asgi/websocket.py", "_receive"},
    {"gunicorn/asgi/websocket.py", "_read_exact"},
};

/* They read, over any number of other functions, what a peer says when it has something to say. */
static const struct place subscribing_places[] = {
    {"redis/asyncio/client.py", "listen"}, /* PubSub.listen, Monitor.listen */
};

/* `name` is the end of the path, or in it, from a folder on. */
static bool is_file(const char *file, const char *name) {
    size_t length = strlen(name);
    for (const char *at = strstr(file, name); at; at = strstr(at + 1, name))
        if ((at == file || at[-1] == '/') && (!at[length] || name[length - 1] == '/'))
            return true;
    return false;
}

static bool is_one_of(const struct snapshot_frame *frame, const struct place *places,
                      size_t count) {
    for (size_t i = 0; frame->function && frame->file && i < count; i++)
        if (strcmp(frame->function, places[i].function) == 0 &&
            is_file(frame->file, places[i].file))
            return true;
    return false;
}

static bool is_within(const struct snapshot_stack *stack, size_t most, const struct place *places,
                      size_t count) {
    for (size_t i = 0; i < stack->count && i < most; i++)
        if (is_one_of(stack->frames[i], places, count))
            return true;
    return false;
}

#define IS_WITHIN(stack_, most_, places_)                                                          \
    is_within((stack_), (most_), (places_), sizeof(places_) / sizeof *(places_))

/* The first function of the task waits itself, not one that it called: a loop around a wait. */
static bool is_in_root(const struct snapshot_stack *stack) {
    size_t last = stack->count;
    if (!last)
        return false;
    for (size_t i = 0; i + 1 < last; i++)
        if (frame_get_origin(stack->frames[i]) != FRAME_STDLIB)
            return false;
    return frame_get_origin(stack->frames[last - 1]) != FRAME_STDLIB || last == 1;
}

#define STACK_MEMO_SIZE 256

/* What a stack tells; equal ones of many tasks are mostly one array. */
struct stack_facts {
    const struct snapshot_frame **frames; /* NULL: unused, or no frames */
    bool is_in_idle_place, is_subscriber, is_in_root;
};

static const struct stack_facts *look_at_stack(const struct analysis *analysis,
                                               const struct snapshot_stack *stack) {
    uintptr_t address = (uintptr_t)stack->frames;
    struct stack_facts *facts = &analysis->stack_facts[address / 16 % STACK_MEMO_SIZE];
    if (facts->frames != stack->frames)
        *facts = (struct stack_facts){stack->frames, IS_WITHIN(stack, NEAR, idle_places),
                                      IS_WITHIN(stack, FAR, subscribing_places), is_in_root(stack)};
    return facts;
}

static bool waits_in_root(const struct analysis *analysis, const struct snapshot_task *task) {
    return look_at_stack(analysis, &task->frames)->is_in_root;
}

static bool somebody_waits_for_its_holds(const struct analysis *analysis,
                                         const struct snapshot_task *task) {
    for (size_t i = 0; i < task->hold_count; i++) {
        size_t count;
        const struct snapshot_object *object = find_object(analysis, task->holds[i].object);
        if (object && (get_waiters(analysis, object, &count), count))
            return true;
    }
    return false;
}

/* Nobody waits for just this task: only gather(), TaskGroup and wait() of services do. */
static bool is_service(const struct analysis *analysis, const struct snapshot_task *task) {
    for (size_t i = 0; i < task->awaited_by_count; i++) {
        const struct snapshot_task *awaiter = find_task(analysis, task->awaited_by[i]);
        const struct snapshot_wait *wait = awaiter ? awaiter->awaiting : NULL;
        bool many =
            wait && (wait->kind == SNAPSHOT_WAIT_GATHER || wait->kind == SNAPSHOT_WAIT_TASK_GROUP ||
                     wait->kind == SNAPSHOT_WAIT_WAIT);
        if (!many || wait->done > 0)
            return false;
    }
    return !somebody_waits_for_its_holds(analysis, task);
}

static bool is_empty(const struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_object(analysis, wait->object);
    int64_t size = object ? get_fact(object, "size") : SNAPSHOT_UNKNOWN;
    return size == SNAPSHOT_UNKNOWN || size == 0;
}

static bool is_pool(const struct analysis *analysis, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_object(analysis, wait->object);
    return object && analysis->pools[object - analysis->snapshot->objects.items];
}

static bool waits_for_client(const struct analysis *analysis, const struct snapshot_task *task) {
    const struct snapshot_socket *socket = find_task_socket(analysis, task);
    return socket && socket_is_accepted(analysis, socket) &&
           (socket->receive_queue <= 0 || socket->receive_queue == SNAPSHOT_UNKNOWN);
}

static enum snapshot_tristate to_tristate(bool value) {
    return value ? SNAPSHOT_YES : SNAPSHOT_NO;
}

static enum snapshot_tristate judge_wait(const struct analysis *analysis,
                                         const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    switch ((int)wait->kind) {
    case SNAPSHOT_WAIT_SOCKET_ACCEPT:
        return SNAPSHOT_YES;
    case SNAPSHOT_WAIT_SOCKET_READ:
    case SNAPSHOT_WAIT_STREAM_READ:
        return to_tristate(waits_for_client(analysis, task));
    case SNAPSHOT_WAIT_QUEUE_GET:
        if (!is_empty(analysis, wait) || is_pool(analysis, wait))
            return SNAPSHOT_NO; /* from within a call it may be a pool that nobody knows */
        return waits_in_root(analysis, task) ? SNAPSHOT_YES : SNAPSHOT_MAYBE;
    case SNAPSHOT_WAIT_SLEEP:
        return to_tristate(waits_in_root(analysis, task) && !(wait->deadline_s > HEARTBEAT_S));
    case SNAPSHOT_WAIT_EVENT:
    case SNAPSHOT_WAIT_FUTURE:
        return waits_in_root(analysis, task) ? SNAPSHOT_YES : SNAPSHOT_MAYBE;
    case SNAPSHOT_WAIT_CONDITION:
    case SNAPSHOT_WAIT_UNKNOWN:
        return SNAPSHOT_MAYBE;
    default:
        return SNAPSHOT_NO;
    }
}

static enum snapshot_tristate judge(const struct analysis *analysis, size_t place) {
    const struct snapshot_task *task = &analysis->snapshot->tasks.items[place];
    if (task->state != SNAPSHOT_TASK_WAITING || !task->awaiting || analysis->graph.stuck[place] ||
        task->cancel_requests > 0 || somebody_waits_for_its_holds(analysis, task))
        return SNAPSHOT_NO;
    const struct stack_facts *facts = look_at_stack(analysis, &task->frames);
    if (facts->is_in_idle_place || (facts->is_subscriber && wait_is_read(task->awaiting)))
        return SNAPSHOT_YES;
    return is_service(analysis, task) ? judge_wait(analysis, task) : SNAPSHOT_NO;
}

static bool waits_for_tasks(const struct snapshot_task *task) {
    switch (task->awaiting ? (int)task->awaiting->kind : -1) {
    case SNAPSHOT_WAIT_TASK:
    case SNAPSHOT_WAIT_GATHER:
    case SNAPSHOT_WAIT_WAIT:
    case SNAPSHOT_WAIT_TASK_GROUP:
    case SNAPSHOT_WAIT_SHIELD:
        return true;
    default:
        return false;
    }
}

/* Tasks that wait for idle tasks only are idle: a main behind its services. `left` counts, of each
 * task, those it awaits that are not known to be idle; they are taken off one by one. */
static void spread(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t count = snapshot->tasks.count, todo = 0;
    uint32_t *left = arena_alloc_array(analysis->scratch, count, sizeof *left);
    uint32_t *queue = arena_alloc_array(analysis->scratch, count + 1, sizeof *queue);
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        for (size_t j = 0; task_is_alive(task) && j < task->awaited_by_count; j++)
            left[task_index_find(analysis->tasks, task->awaited_by[j])]++;
        if (task->idle == SNAPSHOT_YES)
            queue[todo++] = (uint32_t)i;
    }
    while (todo) {
        const struct snapshot_task *task = &snapshot->tasks.items[queue[--todo]];
        for (size_t j = 0; j < task->awaited_by_count; j++) {
            size_t place = task_index_find(analysis->tasks, task->awaited_by[j]);
            struct snapshot_task *awaiter = &snapshot->tasks.items[place];
            if (--left[place] || awaiter->idle == SNAPSHOT_YES || !waits_for_tasks(awaiter) ||
                analysis->graph.stuck[place] || awaiter->cancel_requests > 0)
                continue;
            awaiter->idle = SNAPSHOT_YES;
            queue[todo++] = (uint32_t)place;
        }
    }
}

void find_idle(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    analysis->stack_facts =
        arena_alloc_array(analysis->scratch, STACK_MEMO_SIZE, sizeof *analysis->stack_facts);
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        snapshot->tasks.items[i].idle = judge(analysis, i);
    spread(analysis);
}
