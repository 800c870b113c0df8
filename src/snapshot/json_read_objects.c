/* What tasks meet at: locks and the like, sockets, coroutines that nobody awaits. */
#include <string.h>

#include "json_read.h"

/* A kind that this version does not tell yet is "other": nothing is concluded from that. */
static enum snapshot_object_kind get_kind(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_require_string(decoder, object, "kind");
    for (int i = 0; i < SNAPSHOT_OBJECT_KIND_COUNT; i++)
        if (strcmp(name, snapshot_object_kind_name((enum snapshot_object_kind)i)) == 0)
            return (enum snapshot_object_kind)i;
    return SNAPSHOT_OBJECT_OTHER;
}

static struct snapshot_fact decode_fact(struct json_decoder *decoder, const cJSON *value) {
    struct snapshot_fact fact = {.key = json_intern(decoder, value->string),
                                 .is_bool = cJSON_IsBool(value)};
    if (fact.is_bool)
        fact.value = cJSON_IsTrue(value);
    else if (cJSON_IsNumber(value))
        fact.value = json_decode_integer(decoder, value, "state");
    else
        json_fail(decoder, "state", "a value is neither a number nor true or false");
    return fact;
}

/* null is not known, which is the same as absent. */
static void read_facts(struct json_decoder *decoder, const cJSON *value,
                       struct snapshot_object *object) {
    const cJSON *state = json_get_object(decoder, value, "state"), *item;
    size_t count = state ? (size_t)cJSON_GetArraySize(state) : 0;
    object->facts = arena_alloc_array(decoder->snapshot->arena, count, sizeof *object->facts);
    cJSON_ArrayForEach(item, state) {
        if (!cJSON_IsNull(item))
            object->facts[object->fact_count++] = decode_fact(decoder, item);
    }
}

static void read_holder(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_holder *holder = record;
    holder->task = json_get_id(decoder, object, "task");
    holder->tid = json_get_count(decoder, object, "tid");
    holder->frame = json_get_count(decoder, object, "frame");
    holder->confidence = json_read_confidence(decoder, object);
}

void json_read_object(struct json_decoder *decoder, const cJSON *value, void *record) {
    struct snapshot_object *object = record;
    object->id = json_require_id(decoder, value, "id");
    object->kind = get_kind(decoder, value);
    object->label = json_require_string(decoder, value, "label");
    object->type = json_get_string(decoder, value, "type");
    object->name = json_get_string(decoder, value, "name");
    read_facts(decoder, value, object);
    object->waiters = json_get_ids(decoder, value, "waiters", &object->waiter_count);
    object->holders = json_get_records(decoder, value, "holders", sizeof *object->holders,
                                       read_holder, &object->holder_count);
}

static enum snapshot_registered get_registered(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_get_string(decoder, object, "registered");
    if (!name)
        return SNAPSHOT_REGISTERED_UNKNOWN;
    for (int i = SNAPSHOT_REGISTERED_NONE; i <= SNAPSHOT_REGISTERED_BOTH; i++)
        if (strcmp(name, snapshot_registered_name((enum snapshot_registered)i)) == 0)
            return (enum snapshot_registered)i;
    json_fail(decoder, "registered", "is none of \"read\", \"write\", \"both\", \"none\"");
    return SNAPSHOT_REGISTERED_UNKNOWN;
}

void json_read_socket(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_socket *socket = record;
    socket->fd = json_get_count(decoder, object, "fd");
    socket->family = json_get_string(decoder, object, "family");
    socket->local = json_get_string(decoder, object, "local");
    socket->peer = json_get_string(decoder, object, "peer");
    socket->state = json_get_string(decoder, object, "state");
    socket->receive_queue = json_get_count(decoder, object, "receive_queue");
    socket->send_queue = json_get_count(decoder, object, "send_queue");
    socket->retransmits = json_get_count(decoder, object, "retransmits");
    socket->backlog_max = json_get_count(decoder, object, "backlog_max");
    socket->last_received_s = json_get_duration(decoder, object, "last_received_s");
    socket->last_sent_s = json_get_duration(decoder, object, "last_sent_s");
    socket->registered = get_registered(decoder, object);
    socket->protocol = json_get_id(decoder, object, "protocol");
    socket->protocol_type = json_get_string(decoder, object, "protocol_type");
    socket->accepted = json_get_tristate(decoder, object, "accepted");
    socket->moved = json_get_tristate(decoder, object, "moved");
}

void json_read_coroutine(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_coroutine *coroutine = record;
    coroutine->id = json_require_id(decoder, object, "id");
    coroutine->name = json_get_string(decoder, object, "name");
    coroutine->frames = json_get_stack(decoder, object, "frames");
    coroutine->holder = json_get_string(decoder, object, "holder");
}
