/* How objects and sockets are called. */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"
#include "names.h"

#define HOLDERS_COLUMNS_VERBOSE 800
#define SILENCE_MIN_S 1.0

const char *label_object(struct report *report, const struct snapshot_object *object) {
    struct arena *arena = report->page.scratch;
    const char *label = object->label;
    if (!label)
        label = arena_format(arena, "%s 0x%" PRIx64, snapshot_object_kind_name(object->kind),
                             object->id);
    return object->name ? arena_format(arena, "%s '%s'", label, object->name) : label;
}

static const char *describe_flag(const struct snapshot_object *object, const char *key,
                                 const char *yes, const char *no) {
    int64_t value;
    if (!snapshot_object_get_fact(object, key, &value))
        return "";
    return value ? yes : no;
}

/* "0 of 10 free", "3 items": a count, and out of how many where that is known and not zero. */
static const char *describe_share_with(struct report *report, const struct snapshot_object *object,
                                       const char *key, const char *whole_key, const char *of,
                                       const char *what) {
    struct arena *arena = report->page.scratch;
    int64_t part, whole;
    if (!snapshot_object_get_fact(object, key, &part))
        return "";
    if (snapshot_object_get_fact(object, whole_key, &whole) && whole > 0)
        return arena_format(arena, "%" PRId64 "%s%" PRId64 " %s", part, of, whole, what);
    return arena_format(arena, "%" PRId64 " %s", part, what);
}

static const char *describe_share(struct report *report, const struct snapshot_object *object,
                                  const char *key, const char *whole_key, const char *what) {
    return describe_share_with(report, object, key, whole_key, " of ", what);
}

/* Adds ", 3 unfinished" where that is known and not zero. */
static const char *add_count(struct report *report, const char *text,
                             const struct snapshot_object *object, const char *key) {
    int64_t value;
    if (!snapshot_object_get_fact(object, key, &value) || value == 0)
        return text;
    return arena_format(report->page.scratch, "%s%s%" PRId64 " %s", text, *text ? ", " : "", value,
                        key);
}

const char *label_object_state(struct report *report, const struct snapshot_object *object) {
    switch (object->kind) {
    case SNAPSHOT_OBJECT_LOCK:
    case SNAPSHOT_OBJECT_THREAD_LOCK:
    case SNAPSHOT_OBJECT_CONDITION:
        return describe_flag(object, "locked", "locked", "not locked");
    case SNAPSHOT_OBJECT_SEMAPHORE:
        return describe_share(report, object, "value", "bound", "free");
    case SNAPSHOT_OBJECT_EVENT:
        return describe_flag(object, "set", "set", "not set");
    case SNAPSHOT_OBJECT_BARRIER:
        return describe_share(report, object, "count", "parties", "arrived");
    case SNAPSHOT_OBJECT_QUEUE:
        return add_count(report, describe_share(report, object, "size", "max_size", "items"),
                         object, "unfinished");
    case SNAPSHOT_OBJECT_TASK_GROUP:
        return describe_share(report, object, "children", "", "tasks left");
    case SNAPSHOT_OBJECT_EXECUTOR:
        return add_count(report, describe_share(report, object, "busy", "max_workers", "busy"),
                         object, "queued");
    case SNAPSHOT_OBJECT_OTHER:
    case SNAPSHOT_OBJECT_KIND_COUNT:
    default:
        return "";
    }
}

static const char *describe_queue(struct report *report, const struct snapshot_object *object) {
    int64_t size, most;
    if (snapshot_object_get_fact(object, "size", &size) && size == 0)
        return "empty";
    if (snapshot_object_get_fact(object, "max_size", &most) && most > 0)
        return describe_share_with(report, object, "size", "max_size", "/",
                                   size >= most ? "full" : "items");
    return describe_share(report, object, "size", "", "items");
}

const char *label_object_brief(struct report *report, const struct snapshot_object *object) {
    switch ((int)object->kind) {
    case SNAPSHOT_OBJECT_SEMAPHORE:
        return describe_share_with(report, object, "value", "bound", "/", "free");
    case SNAPSHOT_OBJECT_BARRIER:
        return describe_share_with(report, object, "count", "parties", "/", "arrived");
    case SNAPSHOT_OBJECT_QUEUE:
        return describe_queue(report, object);
    case SNAPSHOT_OBJECT_TASK_GROUP:
        return describe_share(report, object, "children", "", "left");
    case SNAPSHOT_OBJECT_EXECUTOR:
        return describe_share_with(report, object, "busy", "max_workers", "/", "busy");
    default:
        return label_object_state(report, object);
    }
}

/* Adds those that hold it, or that perhaps do; gives how many. */
static size_t add_holders(struct report *report, const struct snapshot_object *object, bool certain,
                          struct names *names) {
    size_t count = 0;
    for (size_t i = 0; i < object->holder_count; i++) {
        const struct snapshot_holder *holder = &object->holders[i];
        if ((holder->confidence == SNAPSHOT_CERTAIN) != certain)
            continue;
        count++;
        names_add(names, holder->task                      ? label_task_id(report, holder->task)
                         : holder->tid != SNAPSHOT_UNKNOWN ? label_thread(report, holder->tid)
                                                           : "somebody unknown");
    }
    return count;
}

static const char *describe_holders(struct report *report, const struct snapshot_object *object,
                                    bool certain, int columns) {
    struct names *names = names_create(&report->page);
    size_t count = add_holders(report, object, certain, names);
    const char *text =
        names_describe(names, report->options->verbose ? HOLDERS_COLUMNS_VERBOSE : columns);
    if (!count)
        return "";
    if (count < 3)
        return arena_format(report->page.scratch, "%s %s", certain ? "held by" : "perhaps held by",
                            text);
    return arena_format(report->page.scratch, "%s %s: %s", certain ? "held by" : "perhaps held by",
                        page_count(&report->page, count), text);
}

/* Adds a part behind what there is. */
static const char *join(struct report *report, const char *text, const char *part) {
    return arena_format(report->page.scratch, "%s%s%s", text, *text && *part ? ", " : "", part);
}

const char *label_holders(struct report *report, const struct snapshot_object *object,
                          int columns) {
    const char *text = describe_holders(report, object, true, columns);
    return join(report, text, describe_holders(report, object, false, columns - text_width(text)));
}

/* Of a listening socket the queues are connections: those that wait, and how many may. */
static const char *describe_backlog(struct report *report, const struct snapshot_socket *socket) {
    struct arena *arena = report->page.scratch;
    if (socket->receive_queue == SNAPSHOT_UNKNOWN)
        return "";
    if (socket->backlog_max == SNAPSHOT_UNKNOWN || socket->backlog_max == 0)
        return arena_format(arena, "%" PRId64 " not yet accepted", socket->receive_queue);
    return arena_format(arena, "%" PRId64 " of %" PRId64 " not yet accepted", socket->receive_queue,
                        socket->backlog_max);
}

/* "512 B", "3.8 MB". */
static const char *describe_bytes(struct report *report, int64_t bytes) {
    struct arena *arena = report->page.scratch;
    if (bytes < 100000)
        return arena_format(arena, "%" PRId64 " B", bytes);
    return arena_format(arena, "%.1f MB", (double)bytes / 1e6);
}

static const char *describe_queues(struct report *report, const struct snapshot_socket *socket) {
    struct arena *arena = report->page.scratch;
    const char *text = "";
    if (socket->receive_queue != SNAPSHOT_UNKNOWN)
        text = arena_format(arena, "%s unread", describe_bytes(report, socket->receive_queue));
    if (socket->send_queue != SNAPSHOT_UNKNOWN)
        text = join(report, text,
                    arena_format(arena, "%s unacked", describe_bytes(report, socket->send_queue)));
    if (socket->retransmits != SNAPSHOT_UNKNOWN && socket->retransmits > 0)
        text = join(report, text, arena_format(arena, "retry %" PRId64, socket->retransmits));
    return text;
}

const char *label_silence(struct report *report, double seconds, bool is_bound) {
    if (!(seconds >= SILENCE_MIN_S))
        return "";
    return arena_format(report->page.scratch, "silent for %s%s", is_bound ? ">= " : "",
                        is_bound ? label_at_least(report, seconds)
                                 : label_duration(report, seconds));
}

const char *label_socket_state(struct report *report, const struct snapshot_socket *socket,
                               const char *silence) {
    static const char *const watched[] = {
        [SNAPSHOT_REGISTERED_UNKNOWN] = "",
        [SNAPSHOT_REGISTERED_NONE] = "not watched by the loop",
        [SNAPSHOT_REGISTERED_READ] = "watched for read",
        [SNAPSHOT_REGISTERED_WRITE] = "watched for write",
        [SNAPSHOT_REGISTERED_BOTH] = "watched for both",
    };
    const char *state = socket->state ? socket->state : "";
    bool listens = strcmp(state, "LISTEN") == 0;
    const char *queues =
        listens ? describe_backlog(report, socket) : describe_queues(report, socket);
    state = join(report, state, silence);
    bool told = report->options->verbose || socket->registered == SNAPSHOT_REGISTERED_NONE;
    return join(report, join(report, state, queues), told ? watched[socket->registered] : "");
}
