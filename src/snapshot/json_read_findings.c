/* What the analysis found. */
#include <string.h>

#include "json_read.h"

enum snapshot_confidence json_read_confidence(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_require_string(decoder, object, "confidence");
    for (int i = 0; i < SNAPSHOT_CONFIDENCE_COUNT; i++)
        if (strcmp(name, snapshot_confidence_name((enum snapshot_confidence)i)) == 0)
            return (enum snapshot_confidence)i;
    json_fail(decoder, "confidence", "is none of \"certain\", \"likely\", \"possible\"");
    return SNAPSHOT_POSSIBLE;
}

/* SNAPSHOT_FINDING_CODE_COUNT where this version does not know it; `missing` tells of it. */
static enum snapshot_finding_code get_code(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_require_string(decoder, object, "code");
    for (int i = 0; i < SNAPSHOT_FINDING_CODE_COUNT; i++)
        if (strcmp(name, snapshot_finding_code_name((enum snapshot_finding_code)i)) == 0)
            return (enum snapshot_finding_code)i;
    snapshot_add_missing(decoder->snapshot,
                         arena_format(decoder->snapshot->arena, "finding %s", name),
                         "this version of asyncspy does not know its code");
    return SNAPSHOT_FINDING_CODE_COUNT;
}

static int64_t *get_threads(struct json_decoder *decoder, const cJSON *object, size_t *ret_count) {
    const cJSON *array = json_get_array(decoder, object, "threads"), *item;
    size_t count = array ? (size_t)cJSON_GetArraySize(array) : 0, i = 0;
    int64_t *threads = arena_alloc_array(decoder->snapshot->arena, count, sizeof *threads);
    cJSON_ArrayForEach(item, array) threads[i++] = json_decode_count(decoder, item, "threads");
    *ret_count = count;
    return threads;
}

static void read_finding(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_finding *finding = record;
    finding->code = get_code(decoder, object);
    if (finding->code == SNAPSHOT_FINDING_OK)
        json_fail(decoder, "code", "is the code of no finding");
    finding->confidence = json_read_confidence(decoder, object);
    finding->summary = json_require_string(decoder, object, "summary");
    finding->tasks = json_get_ids(decoder, object, "tasks", &finding->task_count);
    finding->threads = get_threads(decoder, object, &finding->thread_count);
    finding->objects = json_get_ids(decoder, object, "objects", &finding->object_count);
    finding->where = json_get_string(decoder, object, "where");
    finding->proof = json_get_strings(decoder, object, "proof", &finding->proof_count);
    finding->cost = json_get_strings(decoder, object, "cost", &finding->cost_count);
    finding->next = json_get_string(decoder, object, "next");
}

void json_read_findings(struct json_decoder *decoder, const cJSON *root) {
    size_t count;
    struct snapshot_finding *findings =
        json_get_records(decoder, root, "findings", sizeof *findings, read_finding, &count);
    for (size_t i = 0; i < count; i++)
        if (findings[i].code != SNAPSHOT_FINDING_CODE_COUNT)
            *SNAPSHOT_APPEND(decoder->snapshot, &decoder->snapshot->findings) = findings[i];
}

void json_read_verdict(struct json_decoder *decoder, const cJSON *root) {
    const cJSON *object = json_get_object(decoder, root, "verdict");
    struct snapshot_verdict verdict;
    if (!object)
        return;
    json_enter(decoder, "verdict", SIZE_MAX);
    verdict.code = get_code(decoder, object);
    verdict.confidence = json_read_confidence(decoder, object);
    verdict.text = json_require_string(decoder, object, "text");
    json_leave(decoder);
    if (verdict.code != SNAPSHOT_FINDING_CODE_COUNT)
        decoder->snapshot->verdict = verdict;
}
