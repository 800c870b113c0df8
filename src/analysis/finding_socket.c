/*
 * PEER_SILENT, FD_NOT_POLLED, BACKLOG. A client that says nothing is idle, and so may be a peer:
 * whoever subscribes to something waits for hours. A peer is suspected where others need what the
 * reader waits for and it is silent for longer than a slow answer takes, or where the kernel says
 * that bytes are not acknowledged.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"
#include "finding.h"
#include "words.h"

#define RETRANSMITS_SURE 2

/* Tasks that wait for one peer. */
struct peer {
    const char *name;
    const struct snapshot_task *first;
    const struct snapshot_socket *socket; /* the one with most retransmits */
    size_t tasks, needed;                 /* needed: by other tasks */
    bool proven;                          /* one that is needed is known to be silent for long */
    bool moved, unknown;                  /* one did; one was not looked at twice */
    enum suspicion suspicion;
    size_t order;
};

struct peers {
    struct table *table;
    struct peer **items;
    size_t count;
};

/* That others wait for the task itself, not only for all services to end. */
static bool is_needed(const struct analysis *analysis, const struct snapshot_task *task) {
    for (size_t i = 0; i < task->hold_count; i++) {
        size_t count;
        const struct snapshot_object *object = find_object(analysis, task->holds[i].object);
        if (object && (get_waiters(analysis, object, &count), count) &&
            !analysis->flows[object - analysis->snapshot->objects.items])
            return true;
    }
    for (size_t i = 0; i < task->awaited_by_count; i++) {
        const struct snapshot_task *awaiter = find_task(analysis, task->awaited_by[i]);
        const struct snapshot_wait *wait = awaiter ? awaiter->awaiting : NULL;
        if (wait && (wait->kind == SNAPSHOT_WAIT_TASK || wait->kind == SNAPSHOT_WAIT_SHIELD ||
                     wait->kind == SNAPSHOT_WAIT_TIMEOUT || wait->done > 0))
            return true;
    }
    return false;
}

static bool is_unacknowledged(const struct snapshot_socket *socket) {
    return socket->send_queue > 0 && socket->retransmits > 0;
}

/* Something happened a moment ago: it may be slow, or this wait is a new one. */
static bool is_young(const struct snapshot_task *task, const struct snapshot_socket *socket) {
    double silence = snapshot_socket_get_silence(socket);
    if (isnan(silence) || is_unacknowledged(socket))
        return false;
    return silence < SILENT_S || task->moved == SNAPSHOT_YES || socket->moved == SNAPSHOT_YES;
}

/* A connection that this process has made, in which nothing is to be read, as the kernel says. */
static bool waits_for_peer(const struct analysis *analysis, const struct snapshot_task *task,
                           const struct snapshot_socket *socket) {
    if (!socket || !socket->state || !socket->peer || socket_is_accepted(analysis, socket) ||
        socket_is_own(analysis,
                      socket)) /* then this process is to blame: that is another finding */
        return false;
    if (task->state != SNAPSHOT_TASK_WAITING || task->idle == SNAPSHOT_YES ||
        task_is_halted(analysis, task) || analysis->explained[task_place(analysis, task)])
        return false;
    if (task->awaiting->has_timeout == SNAPSHOT_YES || is_young(task, socket))
        return false;
    return wait_is_write(task->awaiting) || socket->receive_queue <= 0;
}

static struct peer *get_peer(struct analysis *analysis, struct peers *peers, const char *name) {
    struct peer *peer = table_find(peers->table, name, strlen(name));
    if (peer)
        return peer;
    peer = arena_alloc(analysis->scratch, sizeof *peer);
    *peer = (struct peer){.name = name, .order = peers->count};
    table_add(peers->table, name, strlen(name), peer);
    peers->items[peers->count++] = peer;
    return peer;
}

/* The worse of two: sent again more often, or silent for longer. */
static const struct snapshot_socket *get_worse(const struct snapshot_socket *a,
                                               const struct snapshot_socket *b) {
    if (!a || a->retransmits != b->retransmits)
        return !a || b->retransmits > a->retransmits ? b : a;
    return snapshot_socket_get_silence(b) > snapshot_socket_get_silence(a) ? b : a;
}

static void collect(struct analysis *analysis, struct peers *peers,
                    const struct snapshot_task *task) {
    const struct snapshot_socket *socket = find_task_socket(analysis, task);
    if (!waits_for_peer(analysis, task, socket))
        return;
    struct peer *peer = get_peer(analysis, peers, socket->peer);
    peer->tasks++;
    if (!peer->first)
        peer->first = task;
    peer->socket = get_worse(peer->socket, socket);
    bool needed = is_needed(analysis, task);
    peer->needed += needed;
    peer->proven = peer->proven || (needed && snapshot_socket_get_silence(socket) >= SILENT_S);
    peer->moved = peer->moved || task->moved == SNAPSHOT_YES || socket->moved == SNAPSHOT_YES;
    peer->unknown = peer->unknown || task->moved == SNAPSHOT_MAYBE;
}

static enum suspicion judge_peer(const struct peer *peer, bool stands_still) {
    if (peer->moved)
        return NOTHING;
    if (is_unacknowledged(peer->socket))
        return peer->socket->retransmits >= RETRANSMITS_SURE && !peer->unknown ? CERTAIN : LIKELY;
    if (peer->proven)
        return LIKELY;
    return peer->needed && !peer->unknown && stands_still ? LIKELY : SUSPECT;
}

static const char *describe_socket(const struct analysis *analysis,
                                   const struct snapshot_socket *socket) {
    const char *registered = snapshot_registered_name(socket->registered);
    return TEXT(analysis, "fd %" PRId64 ": %s -> %s, %s%s%s", socket->fd,
                socket->local ? words_shorten(analysis, socket->local, 50) : "?",
                words_shorten(analysis, socket->peer, 50), socket->state ? socket->state : "open",
                registered ? ", watched for " : "",
                registered
                    ? (socket->registered == SNAPSHOT_REGISTERED_NONE ? "nothing" : registered)
                    : "");
}

static const char *describe_bytes(const struct analysis *analysis,
                                  const struct snapshot_socket *socket) {
    const char *text = "";
    if (socket->receive_queue >= 0)
        text = TEXT(analysis, "%" PRId64 " B unread", socket->receive_queue);
    if (socket->send_queue >= 0)
        text = TEXT(analysis, "%s%s%" PRId64 " B unacked", text, *text ? ", " : "",
                    socket->send_queue);
    if (socket->retransmits > 0)
        text = TEXT(analysis, "%s, retransmitted %s", text,
                    words_many(analysis, socket->retransmits, "time"));
    return *text ? text : NULL;
}

/* "nothing received for 41.2 s, request sent 41.2 s ago"; NULL: it is not known. */
static const char *describe_times(const struct analysis *analysis, const struct peer *peer) {
    const struct snapshot_socket *socket = peer->socket;
    if (isnan(snapshot_socket_get_silence(socket)))
        return NULL;
    const char *sent = words_seconds(analysis, socket->last_sent_s);
    const char *received = words_seconds(analysis, socket->last_received_s);
    if (wait_is_write(peer->first->awaiting) || is_unacknowledged(socket))
        return TEXT(analysis, "nothing received for %s, bytes sent last %s ago", received, sent);
    if (socket->last_sent_s > socket->last_received_s)
        return TEXT(analysis, "nothing received for %s", received);
    return TEXT(analysis, "nothing received for %s, request sent %s ago", received, sent);
}

static const char *summarise(const struct analysis *analysis, const struct peer *peer) {
    const char *who = peer->tasks == 1 ? words_task(analysis, peer->first)
                                       : words_many(analysis, (int64_t)peer->tasks, "task");
    const char *name = words_shorten(analysis, peer->name, 60), *s = peer->tasks == 1 ? "s" : "";
    if (peer->first->awaiting->kind == SNAPSHOT_WAIT_SOCKET_CONNECT)
        return TEXT(analysis, "PEER SILENT - %s wait%s for %s to accept a connection", who, s,
                    name);
    if (wait_is_write(peer->first->awaiting))
        return TEXT(analysis, "PEER SILENT - %s wait%s for %s to take bytes", who, s, name);
    return TEXT(analysis, "PEER SILENT - %s wait%s for bytes from %s", who, s, name);
}

static void add_peer(struct analysis *analysis, const struct peer *peer) {
    const struct snapshot *snapshot = analysis->snapshot;
    struct snapshot_finding *finding = finding_add(analysis, SNAPSHOT_FINDING_PEER_SILENT,
                                                   peer->suspicion, summarise(analysis, peer));
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        const struct snapshot_socket *socket = find_task_socket(analysis, task);
        if (waits_for_peer(analysis, task, socket) && strcmp(socket->peer, peer->name) == 0)
            finding_add_task(analysis, finding, task);
    }
    finding->where = words_where(analysis, &peer->first->frames);
    finding_prove(analysis, finding, describe_socket(analysis, peer->socket));
    finding_prove(analysis, finding, describe_times(analysis, peer));
    finding_prove(analysis, finding, describe_bytes(analysis, peer->socket));
    if (peer->needed)
        finding_add_cost(analysis, finding,
                         peer->needed == 1 ? "another task waits for the one that reads"
                                           : "other tasks wait for those that read");
    finding->next = "look at that peer; put a timeout on this wait: asyncio.timeout()";
}

/* Those that others need, then those with most tasks. */
static int compare_peers(const void *a, const void *b) {
    const struct peer *first = *(struct peer *const *)a, *second = *(struct peer *const *)b;
    if (first->suspicion != second->suspicion)
        return first->suspicion > second->suspicion ? -1 : 1;
    if (first->tasks != second->tasks)
        return first->tasks > second->tasks ? -1 : 1;
    return first->order < second->order ? -1 : 1;
}

static void find_silent_peers(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    struct peers peers = {.table = table_create(),
                          .items = arena_alloc_array(analysis->scratch, snapshot->tasks.count + 1,
                                                     sizeof *peers.items)};
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        collect(analysis, &peers, &snapshot->tasks.items[i]);
    bool stands_still = process_stands_still(analysis);
    for (size_t i = 0; i < peers.count; i++)
        peers.items[i]->suspicion = judge_peer(peers.items[i], stands_still);
    if (peers.count)
        qsort(peers.items, peers.count, sizeof *peers.items, compare_peers);
    for (size_t i = 0; i < peers.count && i < FINDINGS_MAX; i++)
        if (peers.items[i]->suspicion != NOTHING)
            add_peer(analysis, peers.items[i]);
    table_destroy(peers.table);
}

static bool is_watched(const struct snapshot_socket *socket, const struct snapshot_wait *wait) {
    switch (socket->registered) {
    case SNAPSHOT_REGISTERED_NONE:
        return false;
    case SNAPSHOT_REGISTERED_READ:
        return !wait_is_write(wait);
    case SNAPSHOT_REGISTERED_WRITE:
        return wait_is_write(wait);
    case SNAPSHOT_REGISTERED_UNKNOWN:
    case SNAPSHOT_REGISTERED_BOTH:
    default:
        return true;
    }
}

static bool is_unwatched(const struct analysis *analysis, const struct snapshot_task *task) {
    const struct snapshot_socket *socket = find_task_socket(analysis, task);
    const struct snapshot_loop *loop = find_loop(analysis, task->event_loop);
    return socket && loop && loop->state == SNAPSHOT_LOOP_IDLE &&
           task->state == SNAPSHOT_TASK_WAITING && !is_watched(socket, task->awaiting) &&
           task->moved != SNAPSHOT_YES && socket->moved != SNAPSHOT_YES &&
           task->awaiting->has_timeout != SNAPSHOT_YES;
}

static void find_unwatched(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t before = snapshot->findings.count;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (!is_unwatched(analysis, task))
            continue;
        const struct snapshot_socket *socket = find_task_socket(analysis, task);
        bool none = socket->registered == SNAPSHOT_REGISTERED_NONE;
        analysis->explained[i] = true;
        if (snapshot->findings.count - before >= FINDINGS_MAX)
            continue;
        struct snapshot_finding *finding = finding_add(
            analysis, SNAPSHOT_FINDING_FD_NOT_POLLED,
            none && task->moved == SNAPSHOT_NO ? CERTAIN : LIKELY,
            TEXT(analysis,
                 "FD NOT POLLED - %s waits for fd %" PRId64 ", which its loop does not watch",
                 words_task(analysis, task), socket->fd));
        finding_add_task(analysis, finding, task);
        finding->where = words_where(analysis, &task->frames);
        finding_prove(
            analysis, finding,
            TEXT(analysis, "the task waits for %s, the loop is idle", task->awaiting->text));
        finding_prove(analysis, finding,
                      none ? "epoll does not hold that file at all"
                           : "epoll holds that file for the other direction only");
        finding->next = "somebody closed, replaced or paused it: look for close() and dup2()";
    }
}

static bool some_loop_is_halted(const struct analysis *analysis) {
    for (size_t i = 0; i < analysis->snapshot->event_loops.count; i++)
        if (analysis->loop_halted[i])
            return true;
    return false;
}

static void find_backlog(struct analysis *analysis) {
    const struct snapshot *snapshot = analysis->snapshot;
    size_t before = snapshot->findings.count;
    if (some_loop_is_halted(analysis)) /* then it is the cost of that */
        return;
    for (size_t i = 0; i < snapshot->sockets.count; i++) {
        const struct snapshot_socket *socket = &snapshot->sockets.items[i];
        if (!socket->state || strcmp(socket->state, "LISTEN") != 0 || socket->receive_queue <= 0 ||
            socket->moved != SNAPSHOT_NO || snapshot->findings.count - before >= FINDINGS_MAX)
            continue;
        struct snapshot_finding *finding = finding_add(
            analysis, SNAPSHOT_FINDING_BACKLOG, LIKELY,
            TEXT(analysis, "BACKLOG - %s in the accept queue of %s",
                 words_many(analysis, socket->receive_queue, "client"),
                 socket->local ? words_shorten(analysis, socket->local, 60) : "a socket"));
        finding_prove(
            analysis, finding,
            TEXT(analysis, "fd %" PRId64 ": as many at both looks%s", socket->fd,
                 socket->registered == SNAPSHOT_REGISTERED_NONE ? ", and no loop watches it" : ""));
        finding->next = "who should accept them? is the server paused, out of files, too slow?";
    }
}

void find_socket_findings(struct analysis *analysis) {
    find_unwatched(analysis);
    find_silent_peers(analysis);
    find_backlog(analysis);
}
