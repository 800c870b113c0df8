/* Tasks, what tasks and threads wait for, groups of tasks. */
#include <string.h>

#include "json_read.h"

/* A kind that this version does not tell yet is "unknown"; everything else of the wait is kept. */
static enum snapshot_wait_kind get_wait_kind(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_require_string(decoder, object, "kind");
    for (int i = 0; i < SNAPSHOT_WAIT_KIND_COUNT; i++)
        if (strcmp(name, snapshot_wait_kind_name((enum snapshot_wait_kind)i)) == 0)
            return (enum snapshot_wait_kind)i;
    return SNAPSHOT_WAIT_UNKNOWN;
}

static void read_referrer(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_referrer *referrer = record;
    referrer->id = json_require_id(decoder, object, "id");
    referrer->type = json_get_string(decoder, object, "type");
}

void json_read_referrers(struct json_decoder *decoder, const cJSON *object,
                         struct snapshot_wait *wait) {
    wait->referrers = json_get_records(decoder, object, "referrers", sizeof *wait->referrers,
                                       read_referrer, &wait->referrer_count);
    wait->referrers_complete = json_get_tristate(decoder, object, "referrers_complete");
}

static void fill_wait(struct json_decoder *decoder, const cJSON *object,
                      struct snapshot_wait *wait) {
    wait->kind = get_wait_kind(decoder, object);
    wait->id = json_get_id(decoder, object, "id");
    wait->type = json_get_string(decoder, object, "type");
    wait->text = json_get_string(decoder, object, "text");
    wait->tasks = json_get_ids(decoder, object, "tasks", &wait->task_count);
    wait->any_task = json_get_tristate(decoder, object, "any_task");
    wait->object = json_get_id(decoder, object, "object");
    wait->deadline_s = json_get_number(decoder, object, "deadline_s");
    wait->has_timeout = json_get_tristate(decoder, object, "has_timeout");
    wait->fd = json_get_count(decoder, object, "fd");
    wait->tid = json_get_count(decoder, object, "tid");
    wait->pid = json_get_count(decoder, object, "pid");
    wait->done = json_get_count(decoder, object, "done");
    wait->total = json_get_count(decoder, object, "total");
    wait->position = json_get_count(decoder, object, "position");
    wait->callee = json_get_string(decoder, object, "callee");
    json_read_referrers(decoder, object, wait);
}

struct snapshot_wait *json_read_wait(struct json_decoder *decoder, const cJSON *object) {
    const cJSON *awaiting = json_get_object(decoder, object, "awaiting");
    if (!awaiting)
        return NULL;
    struct snapshot_wait *wait = arena_alloc(decoder->snapshot->arena, sizeof *wait);
    json_enter(decoder, "awaiting", SIZE_MAX);
    fill_wait(decoder, awaiting, wait);
    json_leave(decoder);
    return wait;
}

static enum snapshot_task_state get_task_state(struct json_decoder *decoder, const cJSON *object) {
    const char *name = json_require_string(decoder, object, "state");
    for (int i = 0; i < SNAPSHOT_TASK_STATE_COUNT; i++)
        if (strcmp(name, snapshot_task_state_name((enum snapshot_task_state)i)) == 0)
            return (enum snapshot_task_state)i;
    json_fail(decoder, "state", "is no state of a task");
    return SNAPSHOT_TASK_WAITING;
}

static struct snapshot_exception *read_exception(struct json_decoder *decoder, const cJSON *task) {
    const cJSON *object = json_get_object(decoder, task, "exception");
    if (!object)
        return NULL;
    struct snapshot_exception *exception = arena_alloc(decoder->snapshot->arena, sizeof *exception);
    json_enter(decoder, "exception", SIZE_MAX);
    exception->type = json_require_string(decoder, object, "type");
    exception->text = json_get_string(decoder, object, "text");
    json_leave(decoder);
    return exception;
}

static void read_hold(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_hold *hold = record;
    hold->object = json_require_id(decoder, object, "object");
    hold->frame = json_get_count(decoder, object, "frame");
}

/* Everybody may look up the frame without looking at the number. */
static void read_holds(struct json_decoder *decoder, const cJSON *object,
                       struct snapshot_task *task) {
    task->holds = json_get_records(decoder, object, "holds", sizeof *task->holds, read_hold,
                                   &task->hold_count);
    for (size_t i = 0; i < task->hold_count; i++) {
        json_enter(decoder, "holds", i);
        if (task->holds[i].frame >= (int64_t)task->frames.count)
            json_fail(decoder, "frame", "is out of range");
        json_leave(decoder);
    }
}

static void read_context(struct json_decoder *decoder, const cJSON *object,
                         struct snapshot_task *task) {
    const cJSON *context = json_get_object(decoder, object, "context"), *item;
    size_t count = context ? (size_t)cJSON_GetArraySize(context) : 0;
    task->has_context = context != NULL;
    task->context = arena_alloc_array(decoder->snapshot->arena, count, sizeof *task->context);
    cJSON_ArrayForEach(item, context) {
        if (!cJSON_IsString(item)) {
            json_fail(decoder, "context", "a value is no string");
            return;
        }
        task->context[task->context_count++] =
            (struct snapshot_variable){.name = json_intern(decoder, item->string),
                                       .value = json_intern(decoder, item->valuestring)};
    }
}

void json_read_task(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_task *task = record;
    task->id = json_require_id(decoder, object, "id");
    task->name = json_get_string(decoder, object, "name");
    task->type = json_get_string(decoder, object, "type");
    task->interpreter = json_get_integer(decoder, object, "interpreter");
    task->event_loop = json_get_id(decoder, object, "event_loop");
    task->state = get_task_state(decoder, object);
    task->coroutine = json_get_string(decoder, object, "coroutine");
    task->frames = json_get_stack(decoder, object, "frames");
    task->awaiting = json_read_wait(decoder, object);
    task->awaited_by = json_get_ids(decoder, object, "awaited_by", &task->awaited_by_count);
    read_holds(decoder, object, task);
    task->has_created_at = json_get_array(decoder, object, "created_at") != NULL;
    task->created_at = json_get_stack(decoder, object, "created_at");
    task->creator = json_get_id(decoder, object, "creator");
    task->tid = SNAPSHOT_UNKNOWN;
    task->cancel_requests = json_get_count(decoder, object, "cancel_requests");
    task->must_cancel = json_get_tristate(decoder, object, "must_cancel");
    task->exception = read_exception(decoder, object);
    task->exception_retrieved = json_get_tristate(decoder, object, "exception_retrieved");
    read_context(decoder, object, task);
    task->moved = json_get_tristate(decoder, object, "moved");
    task->idle = json_get_tristate(decoder, object, "idle");
    task->notes = json_get_strings(decoder, object, "notes", &task->note_count);
}

void json_read_group(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_group *group = record;
    size_t count;
    snapshot_id *ids = json_get_ids(decoder, object, "tasks", &count);
    group->state = get_task_state(decoder, object);
    group->awaiting = json_get_string(decoder, object, "awaiting");
    group->frames = json_get_stack(decoder, object, "frames");
    group->tasks = arena_alloc_array(decoder->snapshot->arena, count, sizeof *group->tasks);
    group->task_count = count;
    for (size_t i = 0; i < count; i++)
        group->tasks[i] = (size_t)ids[i]; /* until json_read_links */
}
