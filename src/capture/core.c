#include "core.h"

#include <math.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/text.h"

static const char *copy_text(struct arena *arena, const char *text) {
    return text_from_bytes(arena, text, strlen(text));
}

void core_describe(const struct target_process *process, const char *path,
                   struct snapshot *snapshot) {
    int signal = core_get_signal(process);
    const char *name = signal ? sigabbrev_np(signal) : NULL;
    snapshot->target.core = copy_text(snapshot->arena, path);
    if (name)
        snapshot->target.signal = arena_format(snapshot->arena, "SIG%s", name);
    else if (signal)
        snapshot->target.signal = arena_format(snapshot->arena, "%d", signal);
}

/* How long something lasts already would be told as if nothing had happened between the last
 * reading of the clock and the end. */
static void forget_durations(struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        struct snapshot_loop *loop = &snapshot->event_loops.items[i];
        loop->iteration_age_s = loop->idle_s = NAN;
    }
}

void core_add_losses(const struct target_process *process, struct snapshot *snapshot) {
    size_t count;
    struct core_loss *losses = core_list_losses(process, snapshot->arena, &count);
    for (size_t i = 0; i < count; i++)
        snapshot_add_missing_always(snapshot, copy_text(snapshot->arena, losses[i].what),
                                    copy_text(snapshot->arena, losses[i].why));
}

void core_add_missing(const struct target_process *process, double now, struct snapshot *snapshot) {
    core_add_losses(process, snapshot);
    forget_durations(snapshot);
    snapshot_add_missing(snapshot, "sockets, epoll, states and CPU times of threads",
                         "only the kernel knows them; a core does not tell");
    if (isnan(now))
        snapshot_add_missing(snapshot, "the time of the core",
                             "no reading of the clock was found in it: times are not known");
    else
        snapshot_add_missing(snapshot, "the time of the core",
                             "times are counted from the newest reading of the clock in it");
}

static const char *name_family(const struct snapshot_protocol *protocol) {
    const char *address = protocol->peer ? protocol->peer : protocol->local;
    if (*address == '[')
        return "inet6";
    return strchr(address, ':') && *address != '/' ? "inet" : "unix";
}

static void add_socket(struct snapshot *snapshot, const struct snapshot_protocol *protocol) {
    struct snapshot_socket *row = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
    *row = snapshot_socket_blank;
    row->fd = protocol->fd;
    row->family = name_family(protocol);
    row->local = protocol->local;
    row->peer = protocol->peer;
    row->protocol = protocol->id;
    row->protocol_type = protocol->type;
    row->accepted = protocol->accepted;
}

void core_add_sockets(struct snapshot *snapshot) {
    struct arena *arena = arena_create();
    struct id_table *seen = id_table_create(arena, snapshot->protocols.count);
    for (size_t i = 0; i < snapshot->protocols.count; i++) {
        const struct snapshot_protocol *protocol = &snapshot->protocols.items[i];
        if (!(protocol->local || protocol->peer) || id_table_find(seen, (uint64_t)protocol->fd))
            continue;
        id_table_add(seen, (uint64_t)protocol->fd, snapshot);
        add_socket(snapshot, protocol);
    }
    arena_destroy(arena);
}

struct error *core_explain(const struct target_process *process, const char *path,
                           struct error *err) {
    struct arena *arena = arena_create();
    size_t count;
    struct core_loss *losses = core_list_losses(process, arena, &count);
    struct error *explained = error_create(
        error_get_kind(err), "%s: %s%s%s%s%s", path, error_get_message(err), count ? "; " : "",
        count ? losses[0].what : "", count ? ": " : "", count ? losses[0].why : "");
    error_destroy(err);
    arena_destroy(arena);
    return explained;
}
