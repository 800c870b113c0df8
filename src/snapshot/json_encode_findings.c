/* What the analysis found. */
#include "json_encode.h"

static cJSON *encode_threads(const struct snapshot_finding *finding) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < finding->thread_count; i++)
        cJSON_AddItemToArray(array, json_encode_integer(finding->threads[i]));
    return array;
}

cJSON *json_encode_finding(struct json_encoder *encoder, const struct snapshot_finding *finding) {
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "code", snapshot_finding_code_name(finding->code));
    json_add_string(encoder, object, "confidence", snapshot_confidence_name(finding->confidence));
    json_add_string(encoder, object, "summary", finding->summary);
    json_add_ids(encoder, object, "tasks", finding->tasks, finding->task_count);
    json_add(object, "threads", encode_threads(finding));
    json_add_ids(encoder, object, "objects", finding->objects, finding->object_count);
    json_add_string(encoder, object, "where", finding->where);
    json_add_strings(encoder, object, "proof", finding->proof, finding->proof_count);
    json_add_strings(encoder, object, "cost", finding->cost, finding->cost_count);
    json_add_string(encoder, object, "next", finding->next);
    return object;
}

cJSON *json_encode_verdict(struct json_encoder *encoder, const struct snapshot_verdict *verdict) {
    if (!verdict->text)
        return cJSON_CreateNull();
    cJSON *object = cJSON_CreateObject();
    json_add_string(encoder, object, "code", snapshot_finding_code_name(verdict->code));
    json_add_string(encoder, object, "confidence", snapshot_confidence_name(verdict->confidence));
    json_add_string(encoder, object, "text", verdict->text);
    return object;
}
