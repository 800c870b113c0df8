/* The inverse of saved_core_write.c. The text may come from anywhere. */
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/snapshot/saved_core.h"
#include "asyncspy/snapshot/task_index.h"
#include "json_read.h"

/* Parses the text and lets `read` take what it wants of it. */
typedef void read_root(struct json_decoder *decoder, const cJSON *root, void *context);

static void check_schema(struct json_decoder *decoder, const cJSON *root) {
    const char *schema = json_require_string(decoder, root, "schema");
    if (strcmp(schema, SAVED_CORE_SCHEMA) != 0)
        json_fail(decoder, "schema",
                  "is not \"" SAVED_CORE_SCHEMA "\": another version of asyncspy wrote it");
}

static struct error *read_text(const char *text, size_t length, struct snapshot *snapshot,
                               read_root *read, void *context) {
    cJSON *root = NULL;
    struct error *err = json_parse_object(text, length, &root);
    if (err)
        return err;
    struct json_decoder decoder = {.snapshot = snapshot, .frames = table_create()};
    check_schema(&decoder, root);
    if (!decoder.err)
        read(&decoder, root, context);
    table_destroy(decoder.frames);
    cJSON_Delete(root);
    return decoder.err;
}

/* ---- what is needed to read the memory ---- */

static int64_t get_size(struct json_decoder *decoder, const cJSON *object, const char *key) {
    int64_t size = json_get_count(decoder, object, key);
    return size == SNAPSHOT_UNKNOWN ? 0 : size;
}

static void read_python(struct json_decoder *decoder, const cJSON *root,
                        struct saved_python *python) {
    const cJSON *object = json_get_object(decoder, root, "python");
    if (!object)
        json_fail(decoder, "python", "is missing");
    json_enter(decoder, "python", SIZE_MAX);
    uint64_t version = (uint64_t)json_get_count(decoder, object, "hexversion");
    if (version >> 32)
        json_fail(decoder, "hexversion", "is missing or out of range");
    python->hexversion = (int64_t)version;
    python->debug_build = json_get_tristate(decoder, object, "debug_build") == SNAPSHOT_YES;
    python->free_threaded = json_get_tristate(decoder, object, "free_threaded") == SNAPSHOT_YES;
    python->lacks_files = json_get_tristate(decoder, object, "lacks_files") == SNAPSHOT_YES;
    python->module = json_get_string(decoder, object, "module");
    python->build_id = json_get_string(decoder, object, "build_id");
    python->runtime = json_require_id(decoder, object, "runtime");
    python->runtime_size = get_size(decoder, object, "runtime_size");
    python->current_thread = json_get_id(decoder, object, "current_thread");
    python->gc_generations = json_get_id(decoder, object, "gc_generations");
    python->asyncio_data = json_get_id(decoder, object, "asyncio_data");
    python->asyncio_data_size = get_size(decoder, object, "asyncio_data_size");
    python->asyncio_debug = json_get_id(decoder, object, "asyncio_debug");
    python->asyncio_debug_size = get_size(decoder, object, "asyncio_debug_size");
    json_leave(decoder);
}

static void read_kernel_thread(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct saved_thread *thread = record;
    size_t count;
    thread->tid = json_get_count(decoder, object, "tid");
    thread->namespace_tid = json_get_count(decoder, object, "namespace_tid");
    if (thread->tid < 0 || thread->tid > INT32_MAX || thread->namespace_tid < 0 ||
        thread->namespace_tid > INT32_MAX)
        json_fail(decoder, "tid", "is out of range");
    thread->name = json_get_string(decoder, object, "name");
    thread->state = json_get_string(decoder, object, "state");
    thread->on_cpu = json_get_tristate(decoder, object, "on_cpu") == SNAPSHOT_YES;
    thread->syscall = json_get_count(decoder, object, "syscall");
    const snapshot_id *arguments = json_get_ids(decoder, object, "arguments", &count);
    memcpy(thread->arguments, arguments,
           (count < SAVED_ARGUMENTS ? count : SAVED_ARGUMENTS) * sizeof *arguments);
    thread->wait_channel = json_get_string(decoder, object, "wait_channel");
    thread->cpu_s = json_get_duration(decoder, object, "cpu_s");
}

static void read_search(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct saved_search *search = record;
    search->interpreter = json_require_id(decoder, object, "interpreter");
    search->tasks = json_get_ids(decoder, object, "tasks", &search->task_count);
    search->loops = json_get_ids(decoder, object, "loops", &search->loop_count);
}

static void read_saved(struct json_decoder *decoder, const cJSON *root, void *context) {
    struct saved_core *saved = context;
    saved->monotonic = json_get_number(decoder, root, "monotonic");
    read_python(decoder, root, &saved->python);
    saved->threads = json_get_records(decoder, root, "kernel_threads", sizeof *saved->threads,
                                      read_kernel_thread, &saved->thread_count);
    saved->is_searched = json_get_tristate(decoder, root, "searched") == SNAPSHOT_YES;
    saved->searches = json_get_records(decoder, root, "searches", sizeof *saved->searches,
                                       read_search, &saved->search_count);
}

struct error *saved_core_read(const char *text, size_t length, struct snapshot *owner,
                              struct saved_core *ret) {
    *ret = (struct saved_core){.monotonic = NAN};
    return read_text(text, length, owner, read_saved, ret);
}

/* ---- what the memory does not tell ---- */

static void read_missing(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_missing *row = record;
    row->what = json_require_string(decoder, object, "what");
    row->why = json_require_string(decoder, object, "why");
}

static void add_missing(struct json_decoder *decoder, const cJSON *root) {
    size_t count;
    const struct snapshot_missing *rows =
        json_get_records(decoder, root, "missing", sizeof *rows, read_missing, &count);
    for (size_t i = 0; i < count; i++)
        snapshot_add_missing(decoder->snapshot, rows[i].what, rows[i].why);
}

static void read_loop(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_loop *loop = record;
    loop->id = json_require_id(decoder, object, "id");
    loop->moved = json_get_tristate(decoder, object, "moved");
    loop->common_frames = json_get_count(decoder, object, "common_frames");
    loop->iteration_age_s = json_get_duration(decoder, object, "iteration_age_s");
    loop->idle_s = json_get_duration(decoder, object, "idle_s");
}

static void complete_loops(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot *snapshot = decoder->snapshot;
    size_t count;
    struct snapshot_loop *rows =
        json_get_records(decoder, root, "event_loops", sizeof *rows, read_loop, &count);
    struct id_table *by_id = id_table_create(snapshot->arena, count);
    for (size_t i = 0; i < count; i++)
        id_table_add(by_id, rows[i].id, &rows[i]);
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        struct snapshot_loop *loop = &snapshot->event_loops.items[i];
        const struct snapshot_loop *row = id_table_find(by_id, loop->id);
        if (!row)
            continue;
        loop->moved = row->moved;
        loop->common_frames = row->common_frames;
        loop->iteration_age_s = row->iteration_age_s;
        loop->idle_s = row->idle_s;
    }
}

static void read_thread(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_thread *thread = record;
    thread->ident = json_get_id(decoder, object, "ident");
    thread->waits_for_gil = json_get_tristate(decoder, object, "waits_for_gil");
    thread->moved = json_get_tristate(decoder, object, "moved");
}

static void complete_threads(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot *snapshot = decoder->snapshot;
    size_t count;
    struct snapshot_thread *rows =
        json_get_records(decoder, root, "threads", sizeof *rows, read_thread, &count);
    struct id_table *by_ident = id_table_create(snapshot->arena, count);
    for (size_t i = 0; i < count; i++)
        id_table_add(by_ident, rows[i].ident, &rows[i]);
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        struct snapshot_thread *thread = &snapshot->threads.items[i];
        const struct snapshot_thread *row = id_table_find(by_ident, thread->ident);
        if (!row)
            continue;
        thread->waits_for_gil = row->waits_for_gil;
        thread->moved = row->moved;
    }
}

static void set_moved(struct json_decoder *decoder, const cJSON *root, const char *key,
                      const struct task_index *index, enum snapshot_tristate moved) {
    size_t count;
    const snapshot_id *ids = json_get_ids(decoder, root, key, &count);
    for (size_t i = 0; i < count; i++) {
        size_t place = task_index_find(index, ids[i]);
        if (place != TASK_INDEX_NONE)
            decoder->snapshot->tasks.items[place].moved = moved;
    }
}

static void read_future(struct json_decoder *decoder, const cJSON *object, void *record) {
    struct snapshot_wait *wait = record;
    wait->id = json_require_id(decoder, object, "id");
    json_read_referrers(decoder, object, wait);
}

static void complete_waits(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot *snapshot = decoder->snapshot;
    size_t count;
    struct snapshot_wait *rows =
        json_get_records(decoder, root, "futures", sizeof *rows, read_future, &count);
    struct id_table *by_id = id_table_create(snapshot->arena, count);
    for (size_t i = 0; i < count; i++)
        id_table_add(by_id, rows[i].id, &rows[i]);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        const struct snapshot_wait *row =
            wait && wait->kind == SNAPSHOT_WAIT_FUTURE ? id_table_find(by_id, wait->id) : NULL;
        if (!row)
            continue;
        wait->referrers = row->referrers;
        wait->referrer_count = row->referrer_count;
        wait->referrers_complete = row->referrers_complete;
    }
}

/* Tasks that are in the memory stay as they were read. */
static void add_tasks(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot *snapshot = decoder->snapshot;
    size_t count;
    const struct snapshot_task *rows =
        json_get_records(decoder, root, "tasks", sizeof *rows, json_read_task, &count);
    struct task_index *index = task_index_create(snapshot->arena, snapshot);
    for (size_t i = 0; i < count; i++)
        if (task_index_find(index, rows[i].id) == TASK_INDEX_NONE)
            *SNAPSHOT_APPEND(snapshot, &snapshot->tasks) = rows[i];
}

static void complete_tasks(struct json_decoder *decoder, const cJSON *root) {
    add_tasks(decoder, root);
    struct task_index *index = task_index_create(decoder->snapshot->arena, decoder->snapshot);
    set_moved(decoder, root, "moved_tasks", index, SNAPSHOT_YES);
    set_moved(decoder, root, "unmoved_tasks", index, SNAPSHOT_NO);
    complete_waits(decoder, root);
}

/* Who took it, when, and how; what became of the memory since is told by who reads it. */
static void complete_head(struct json_decoder *decoder, const cJSON *root) {
    struct snapshot *snapshot = decoder->snapshot;
    struct snapshot_target target = snapshot->target;
    snapshot->captured_at = json_get_string(decoder, root, "captured_at");
    struct snapshot_capture capture = snapshot->capture;
    json_read_target(decoder, root);
    json_read_capture(decoder, root);
    json_read_files(decoder, root);
    capture.second_look_s = snapshot->capture.second_look_s;
    snapshot->capture = capture;
    snapshot->target.kind = target.kind;
    snapshot->target.core = target.core;
    snapshot->target.architecture = target.architecture;
    snapshot->target.python_version = target.python_version;
}

static void read_picture(struct json_decoder *decoder, const cJSON *root, void *context) {
    struct snapshot *snapshot = decoder->snapshot;
    (void)context;
    complete_head(decoder, root);
    add_missing(decoder, root);
    complete_loops(decoder, root);
    complete_threads(decoder, root);
    complete_tasks(decoder, root);
    snapshot->sockets.items =
        json_get_records(decoder, root, "sockets", sizeof *snapshot->sockets.items,
                         json_read_socket, &snapshot->sockets.count);
    snapshot->sockets.capacity = snapshot->sockets.count;
    snapshot->coroutines.items =
        json_get_records(decoder, root, "coroutines", sizeof *snapshot->coroutines.items,
                         json_read_coroutine, &snapshot->coroutines.count);
    snapshot->coroutines.capacity = snapshot->coroutines.count;
    snapshot->has_coroutines =
        json_get_tristate(decoder, root, "coroutines_searched") == SNAPSHOT_YES;
}

struct error *saved_core_complete(const char *text, size_t length, struct snapshot *snapshot) {
    return read_text(text, length, snapshot, read_picture, NULL);
}
