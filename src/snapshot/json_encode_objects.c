/* What tasks meet at: locks and the like, sockets, coroutines that nobody awaits. */
#include "json_encode.h"

/* A fact that is not known should not be there; it is left out. */
static cJSON *encode_facts(struct json_encoder *encoder, const struct snapshot_object *object) {
    cJSON *state = cJSON_CreateObject();
    for (size_t i = 0; i < object->fact_count; i++) {
        const struct snapshot_fact *fact = &object->facts[i];
        const char *key = json_encode_text(encoder, fact->key);
        if (fact->is_bool)
            json_add(state, key, cJSON_CreateBool(fact->value != 0));
        else if (fact->value != SNAPSHOT_UNKNOWN)
            json_add_integer(state, key, fact->value);
    }
    return state;
}

static cJSON *encode_holders(struct json_encoder *encoder, const struct snapshot_object *object) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < object->holder_count; i++) {
        const struct snapshot_holder *it = &object->holders[i];
        cJSON *holder = cJSON_CreateObject();
        json_add_id(encoder, holder, "task", it->task);
        json_add_count(holder, "tid", it->tid);
        json_add_count(holder, "frame", it->frame);
        json_add_string(encoder, holder, "confidence", snapshot_confidence_name(it->confidence));
        cJSON_AddItemToArray(array, holder);
    }
    return array;
}

cJSON *json_encode_object(struct json_encoder *encoder, const struct snapshot_object *object) {
    cJSON *value = cJSON_CreateObject();
    json_add_id(encoder, value, "id", object->id);
    json_add_string(encoder, value, "kind", snapshot_object_kind_name(object->kind));
    json_add_string(encoder, value, "label", object->label);
    json_add_string(encoder, value, "type", object->type);
    json_add_string(encoder, value, "name", object->name);
    json_add(value, "state", encode_facts(encoder, object));
    json_add_ids(encoder, value, "waiters", object->waiters, object->waiter_count);
    json_add(value, "holders", encode_holders(encoder, object));
    return value;
}

cJSON *json_encode_socket(struct json_encoder *encoder, const struct snapshot_socket *socket) {
    cJSON *object = cJSON_CreateObject();
    json_add_count(object, "fd", socket->fd);
    json_add_string(encoder, object, "family", socket->family);
    json_add_string(encoder, object, "local", socket->local);
    json_add_string(encoder, object, "peer", socket->peer);
    json_add_string(encoder, object, "state", socket->state);
    json_add_count(object, "receive_queue", socket->receive_queue);
    json_add_count(object, "send_queue", socket->send_queue);
    json_add_count(object, "retransmits", socket->retransmits);
    json_add_count(object, "backlog_max", socket->backlog_max);
    json_add_duration(object, "last_received_s", socket->last_received_s);
    json_add_duration(object, "last_sent_s", socket->last_sent_s);
    json_add_string(encoder, object, "registered", snapshot_registered_name(socket->registered));
    json_add_id(encoder, object, "protocol", socket->protocol);
    json_add_string(encoder, object, "protocol_type", socket->protocol_type);
    json_add_tristate(object, "accepted", socket->accepted);
    json_add_tristate(object, "moved", socket->moved);
    return object;
}

cJSON *json_encode_coroutine(struct json_encoder *encoder,
                             const struct snapshot_coroutine *coroutine) {
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "id", coroutine->id);
    json_add_string(encoder, object, "name", coroutine->name);
    json_add_stack(encoder, object, "frames", &coroutine->frames);
    json_add_string(encoder, object, "holder", coroutine->holder);
    return object;
}
