#include "analysis.h"

#include <string.h>

#define MAKE_INDEX(analysis_, vector_, member_)                                                    \
    make_index((analysis_)->scratch, (vector_)->items, (vector_)->count, sizeof *(vector_)->items, \
               offsetof(__typeof__(*(vector_)->items), member_))

/* `SNAPSHOT_UNKNOWN` is no id; 0 is none of an object, but a file may be 0. */
static const struct id_table *make_index(struct arena *arena, void *items, size_t count,
                                         size_t size, size_t offset) {
    struct id_table *index = id_table_create(arena, count);
    for (size_t i = 0; i < count; i++) {
        char *item = (char *)items + i * size;
        uint64_t id;
        memcpy(&id, item + offset, sizeof id);
        if (id != (uint64_t)SNAPSHOT_UNKNOWN)
            id_table_add(index, id, item);
    }
    return index;
}

/* What tells a listening socket: the family and the port, or the path. NULL: nothing. */
static const char *get_port(const struct snapshot_socket *socket) {
    if (!socket->local || !socket->family)
        return NULL;
    if (strcmp(socket->family, "unix") == 0)
        return socket->local;
    const char *colon = strrchr(socket->local, ':');
    return colon && colon[1] ? colon + 1 : NULL;
}

static uint64_t hash_text(const char *text) {
    uint64_t hash = 0xCBF29CE484222325U;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3U;
    return hash;
}

static bool is_listening(const struct snapshot_socket *socket) {
    return socket->state && strcmp(socket->state, "LISTEN") == 0;
}

static const bool *find_accepted(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t count = snapshot->sockets.count;
    bool *accepted = arena_alloc_array(analysis->scratch, count, sizeof *accepted);
    struct id_table *ports = id_table_create(analysis->scratch, count);
    for (size_t i = 0; i < count; i++) {
        struct snapshot_socket *socket = &snapshot->sockets.items[i];
        if (is_listening(socket) && get_port(socket))
            id_table_add(ports, hash_text(get_port(socket)), socket);
    }
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_socket *socket = &snapshot->sockets.items[i];
        const char *port = get_port(socket);
        accepted[i] = socket->accepted == SNAPSHOT_YES;
        if (socket->accepted == SNAPSHOT_MAYBE)
            accepted[i] = port && !is_listening(socket) && id_table_find(ports, hash_text(port));
    }
    return accepted;
}

static uint64_t hash_ends(const char *one, const char *other) {
    return hash_text(one) * 31 + hash_text(other);
}

/* Connections of which this process has the other end too. */
static const bool *find_own(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t count = snapshot->sockets.count;
    struct id_table *ends = id_table_create(analysis->scratch, count);
    bool *own = arena_alloc_array(analysis->scratch, count, sizeof *own);
    for (size_t i = 0; i < count; i++) {
        struct snapshot_socket *socket = &snapshot->sockets.items[i];
        if (socket->local && socket->peer)
            id_table_add(ends, hash_ends(socket->local, socket->peer), socket);
    }
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_socket *socket = &snapshot->sockets.items[i];
        own[i] = socket->local && socket->peer &&
                 id_table_find(ends, hash_ends(socket->peer, socket->local));
    }
    return own;
}

bool socket_is_own(const struct analysis *analysis, const struct snapshot_socket *socket) {
    return analysis->own_sockets[socket - analysis->snapshot->sockets.items];
}

bool socket_is_accepted(const struct analysis *analysis, const struct snapshot_socket *socket) {
    return analysis->accepted[socket - analysis->snapshot->sockets.items];
}

static const uint32_t *find_task_sockets(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    uint32_t *places = arena_alloc_array(analysis->scratch, snapshot->tasks.count, sizeof *places);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_socket *socket =
            find_wait_socket(analysis, snapshot->tasks.items[i].awaiting);
        places[i] = socket ? (uint32_t)(socket - snapshot->sockets.items) : UINT32_MAX;
    }
    return places;
}

const struct snapshot_socket *find_task_socket(const struct analysis *analysis,
                                               const struct snapshot_task *task) {
    uint32_t place = analysis->task_sockets[task_place(analysis, task)];
    return place == UINT32_MAX ? NULL : &analysis->snapshot->sockets.items[place];
}

static const struct snapshot_object *find_awaited_object(const struct analysis *analysis,
                                                         const struct snapshot_task *task) {
    if (!task->awaiting || task->state != SNAPSHOT_TASK_WAITING)
        return NULL;
    return find_object(analysis, task->awaiting->object);
}

/* Tasks sorted by the object that they wait for: counted, then placed. */
static void sort_waiters(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t *ends = arena_alloc_array(analysis->scratch, snapshot->objects.count, sizeof *ends);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_object *object =
            find_awaited_object(analysis, &snapshot->tasks.items[i]);
        if (object)
            ends[object - snapshot->objects.items]++;
    }
    for (size_t i = 0, sum = 0; i < snapshot->objects.count; i++) {
        size_t here = ends[i];
        ends[i] = sum;
        sum += here;
    }
    uint32_t *waiters =
        arena_alloc_array(analysis->scratch, snapshot->tasks.count + 1, sizeof *waiters);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_object *object =
            find_awaited_object(analysis, &snapshot->tasks.items[i]);
        if (object)
            waiters[ends[object - snapshot->objects.items]++] = (uint32_t)i;
    }
    analysis->waiter_ends = ends;
    analysis->waiters = waiters;
}

const uint32_t *get_waiters(const struct analysis *analysis, const struct snapshot_object *object,
                            size_t *ret_count) {
    size_t place = (size_t)(object - analysis->snapshot->objects.items);
    size_t start = place ? analysis->waiter_ends[place - 1] : 0;
    *ret_count = analysis->waiter_ends[place] - start;
    return analysis->waiters + start;
}

void analysis_open(struct analysis *analysis, struct snapshot *snapshot,
                   const struct analysis_options *options) {
    struct arena *scratch = arena_create();
    *analysis = (struct analysis){.snapshot = snapshot, .scratch = scratch};
    if (options)
        analysis->options = *options;
    if (!analysis->options.flood)
        analysis->options.flood = ANALYSIS_FLOOD;
    analysis->tasks = task_index_create(scratch, snapshot);
    analysis->objects = MAKE_INDEX(analysis, &snapshot->objects, id);
    analysis->threads = MAKE_INDEX(analysis, &snapshot->threads, tid);
    analysis->loops = MAKE_INDEX(analysis, &snapshot->event_loops, id);
    analysis->sockets = MAKE_INDEX(analysis, &snapshot->sockets, fd);
    analysis->accepted = find_accepted(analysis);
    analysis->own_sockets = find_own(analysis);
    analysis->task_sockets = find_task_sockets(analysis);
    analysis->object_words =
        arena_alloc_array(scratch, snapshot->objects.count, sizeof *analysis->object_words);
    analysis->pools = arena_alloc_array(scratch, snapshot->objects.count, sizeof *analysis->pools);
    analysis->flows = arena_alloc_array(scratch, snapshot->objects.count, sizeof *analysis->flows);
    analysis->loop_halted =
        arena_alloc_array(scratch, snapshot->event_loops.count, sizeof *analysis->loop_halted);
    analysis->explained =
        arena_alloc_array(scratch, snapshot->tasks.count, sizeof *analysis->explained);
    sort_waiters(analysis);
}

void analysis_close(struct analysis *analysis) {
    arena_destroy(analysis->scratch);
}

struct snapshot_task *find_task(const struct analysis *analysis, snapshot_id id) {
    size_t place = id ? task_index_find(analysis->tasks, id) : TASK_INDEX_NONE;
    return place == TASK_INDEX_NONE ? NULL : &analysis->snapshot->tasks.items[place];
}

const struct snapshot_object *find_object(const struct analysis *analysis, snapshot_id id) {
    return id ? id_table_find(analysis->objects, id) : NULL;
}

const struct snapshot_thread *find_thread(const struct analysis *analysis, int64_t tid) {
    return id_table_find(analysis->threads, (uint64_t)tid);
}

const struct snapshot_loop *find_loop(const struct analysis *analysis, snapshot_id id) {
    return id ? id_table_find(analysis->loops, id) : NULL;
}

const struct snapshot_socket *find_socket(const struct analysis *analysis, int64_t fd) {
    return id_table_find(analysis->sockets, (uint64_t)fd);
}

const struct snapshot_socket *find_wait_socket(const struct analysis *analysis,
                                               const struct snapshot_wait *wait) {
    bool about = wait && (wait_is_read(wait) || wait_is_write(wait) ||
                          wait->kind == SNAPSHOT_WAIT_SOCKET_ACCEPT);
    return about && wait->fd >= 0 ? find_socket(analysis, wait->fd) : NULL;
}

int64_t get_fact(const struct snapshot_object *object, const char *key) {
    int64_t value;
    return snapshot_object_get_fact(object, key, &value) ? value : SNAPSHOT_UNKNOWN;
}

bool task_is_alive(const struct snapshot_task *task) {
    return task->state != SNAPSHOT_TASK_DONE && task->state != SNAPSHOT_TASK_CANCELLED;
}

bool wait_is_read(const struct snapshot_wait *wait) {
    return wait->kind == SNAPSHOT_WAIT_SOCKET_READ || wait->kind == SNAPSHOT_WAIT_STREAM_READ;
}

bool wait_is_write(const struct snapshot_wait *wait) {
    return wait->kind == SNAPSHOT_WAIT_SOCKET_WRITE || wait->kind == SNAPSHOT_WAIT_STREAM_DRAIN ||
           wait->kind == SNAPSHOT_WAIT_SOCKET_CONNECT;
}

bool task_is_halted(const struct analysis *analysis, const struct snapshot_task *task) {
    const struct snapshot_loop *loop = find_loop(analysis, task->event_loop);
    if (!loop)
        return false;
    if (analysis->loop_halted[loop - analysis->snapshot->event_loops.items])
        return true;
    return loop->state == SNAPSHOT_LOOP_STOPPED || loop->state == SNAPSHOT_LOOP_CLOSED;
}
