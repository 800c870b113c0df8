/* What a saved core says besides memory: writing it. One line for each record, as json_write.c. */
#include <errno.h>
#include <inttypes.h>

#include "asyncspy/snapshot/saved_core.h"
#include "json_encode.h"

struct writer {
    FILE *out;
    struct json_encoder encoder;
};

static void write_value(struct writer *writer, cJSON *value) {
    char *text = cJSON_PrintUnformatted(value);
    fputs(text, writer->out);
    cJSON_free(text);
    cJSON_Delete(value);
    arena_reset(writer->encoder.scratch);
}

static void write_member(struct writer *writer, const char *key, cJSON *value) {
    fprintf(writer->out, ",\n\"%s\": ", key);
    write_value(writer, value);
}

static void begin_array(struct writer *writer, const char *key) {
    fprintf(writer->out, ",\n\"%s\": [", key);
}

static void write_item(struct writer *writer, bool *is_first, cJSON *value) {
    fputs(*is_first ? "\n" : ",\n", writer->out);
    *is_first = false;
    write_value(writer, value);
}

static void end_array(struct writer *writer) {
    fputc(']', writer->out);
}

/* ---- what is needed to read the memory ---- */

static cJSON *encode_python(struct json_encoder *encoder, const struct saved_python *python) {
    cJSON *object = cJSON_CreateObject();
    json_add_count(object, "hexversion", python->hexversion);
    json_add_tristate(object, "debug_build", python->debug_build ? SNAPSHOT_YES : SNAPSHOT_NO);
    json_add_tristate(object, "free_threaded", python->free_threaded ? SNAPSHOT_YES : SNAPSHOT_NO);
    json_add_tristate(object, "lacks_files", python->lacks_files ? SNAPSHOT_YES : SNAPSHOT_NO);
    json_add_string(encoder, object, "module", python->module);
    json_add_string(encoder, object, "build_id", python->build_id);
    json_add_id(encoder, object, "runtime", python->runtime);
    json_add_count(object, "runtime_size", python->runtime_size);
    json_add_id(encoder, object, "current_thread", python->current_thread);
    json_add_id(encoder, object, "gc_generations", python->gc_generations);
    json_add_id(encoder, object, "asyncio_data", python->asyncio_data);
    json_add_count(object, "asyncio_data_size", python->asyncio_data_size);
    json_add_id(encoder, object, "asyncio_debug", python->asyncio_debug);
    json_add_count(object, "asyncio_debug_size", python->asyncio_debug_size);
    return object;
}

static cJSON *encode_kernel_thread(struct json_encoder *encoder,
                                   const struct saved_thread *thread) {
    cJSON *object = cJSON_CreateObject();
    json_add_count(object, "tid", thread->tid);
    json_add_count(object, "namespace_tid", thread->namespace_tid);
    json_add_string(encoder, object, "name", thread->name);
    json_add_string(encoder, object, "state", thread->state);
    json_add_tristate(object, "on_cpu", thread->on_cpu ? SNAPSHOT_YES : SNAPSHOT_NO);
    json_add_count(object, "syscall", thread->syscall);
    json_add_ids(encoder, object, "arguments", thread->arguments, SAVED_ARGUMENTS);
    json_add_string(encoder, object, "wait_channel", thread->wait_channel);
    json_add_duration(object, "cpu_s", thread->cpu_s);
    return object;
}

static cJSON *encode_search(struct json_encoder *encoder, const struct saved_search *search) {
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "interpreter", search->interpreter);
    json_add_ids(encoder, object, "tasks", search->tasks, search->task_count);
    json_add_ids(encoder, object, "loops", search->loops, search->loop_count);
    return object;
}

static void write_saved(struct writer *writer, const struct saved_core *saved) {
    struct json_encoder *encoder = &writer->encoder;
    bool is_first = true;
    write_member(writer, "monotonic",
                 isnan(saved->monotonic) ? cJSON_CreateNull()
                                         : cJSON_CreateNumber(saved->monotonic));
    write_member(writer, "python", encode_python(encoder, &saved->python));
    begin_array(writer, "kernel_threads");
    for (size_t i = 0; i < saved->thread_count; i++)
        write_item(writer, &is_first, encode_kernel_thread(encoder, &saved->threads[i]));
    end_array(writer);
    write_member(writer, "searched", cJSON_CreateBool(saved->is_searched));
    begin_array(writer, "searches");
    is_first = true;
    for (size_t i = 0; i < saved->search_count; i++)
        write_item(writer, &is_first, encode_search(encoder, &saved->searches[i]));
    end_array(writer);
}

/* ---- what the memory does not tell ---- */

static cJSON *encode_loop(struct json_encoder *encoder, const struct snapshot_loop *loop) {
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "id", loop->id);
    json_add_tristate(object, "moved", loop->moved);
    json_add_count(object, "common_frames", loop->common_frames);
    json_add_duration(object, "iteration_age_s", loop->iteration_age_s);
    json_add_duration(object, "idle_s", loop->idle_s);
    return object;
}

/* `ident` as an id: a number of JSON keeps 53 bits. */
static cJSON *encode_thread(struct json_encoder *encoder, const struct snapshot_thread *thread) {
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "ident", thread->ident);
    json_add_tristate(object, "waits_for_gil", thread->waits_for_gil);
    json_add_tristate(object, "moved", thread->moved);
    return object;
}

static void write_moved(struct writer *writer, const struct snapshot *snapshot, const char *key,
                        enum snapshot_tristate moved) {
    bool is_first = true;
    begin_array(writer, key);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (task->moved != moved)
            continue;
        fprintf(writer->out, "%s\"0x%" PRIx64 "\"", is_first ? "" : ",", task->id);
        is_first = false;
    }
    end_array(writer);
}

static cJSON *encode_future(struct json_encoder *encoder, const struct snapshot_wait *wait) {
    cJSON *object = cJSON_CreateObject();
    json_add_id(encoder, object, "id", wait->id);
    json_add_referrers(encoder, object, wait);
    return object;
}

/* Many tasks may wait for one. */
static void write_futures(struct writer *writer, const struct snapshot *snapshot) {
    struct arena *arena = arena_create();
    struct id_table *known = id_table_create(arena, 0);
    bool is_first = true;
    begin_array(writer, "futures");
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        if (!wait || (!wait->referrer_count && wait->referrers_complete == SNAPSHOT_MAYBE) ||
            id_table_find(known, wait->id))
            continue;
        id_table_add(known, wait->id, wait);
        write_item(writer, &is_first, encode_future(&writer->encoder, wait));
    }
    end_array(writer);
    arena_destroy(arena);
}

#define WRITE_RECORDS(writer_, key_, vector_, first_, encode_)                                     \
    do {                                                                                           \
        bool is_first_ = true;                                                                     \
        begin_array(writer_, key_);                                                                \
        for (size_t i_ = (first_); i_ < (vector_)->count; i_++)                                    \
            write_item(writer_, &is_first_, encode_(&(writer_)->encoder, &(vector_)->items[i_]));  \
        end_array(writer_);                                                                        \
    } while (0)

static void write_picture(struct writer *writer, const struct snapshot *snapshot,
                          size_t walked_tasks) {
    struct json_encoder *encoder = &writer->encoder;
    write_member(writer, "asyncspy", json_encode_string(encoder, snapshot->asyncspy));
    write_member(writer, "captured_at", json_encode_string(encoder, snapshot->captured_at));
    write_member(writer, "target", json_encode_target(encoder, &snapshot->target));
    write_member(writer, "capture", json_encode_capture(encoder, &snapshot->capture));
    write_member(writer, "files", json_encode_files(encoder, &snapshot->files));
    WRITE_RECORDS(writer, "missing", &snapshot->missing, 0, json_encode_missing);
    WRITE_RECORDS(writer, "event_loops", &snapshot->event_loops, 0, encode_loop);
    WRITE_RECORDS(writer, "threads", &snapshot->threads, 0, encode_thread);
    WRITE_RECORDS(writer, "tasks", &snapshot->tasks, walked_tasks, json_encode_task);
    write_moved(writer, snapshot, "moved_tasks", SNAPSHOT_YES);
    write_moved(writer, snapshot, "unmoved_tasks", SNAPSHOT_NO);
    write_futures(writer, snapshot);
    WRITE_RECORDS(writer, "sockets", &snapshot->sockets, 0, json_encode_socket);
    WRITE_RECORDS(writer, "coroutines", &snapshot->coroutines, 0, json_encode_coroutine);
    write_member(writer, "coroutines_searched", cJSON_CreateBool(snapshot->has_coroutines));
}

struct error *saved_core_write(const struct saved_core *saved, const struct snapshot *snapshot,
                               FILE *out) {
    struct arena *arena = arena_create();
    struct writer writer = {
        .out = out,
        .encoder = {.scratch = arena_create(),
                    .arena = arena,
                    .frames = id_table_create(arena, 0),
                    .names = table_create()},
    };
    json_use_memory();
    fputs("{\"schema\": \"" SAVED_CORE_SCHEMA "\"", out);
    write_saved(&writer, saved);
    write_picture(&writer, snapshot, saved->walked_tasks);
    fputs("}\n", out);
    errno = 0;
    bool failed = fflush(out) != 0 || ferror(out);
    int error_number = errno;
    table_destroy(writer.encoder.names);
    arena_destroy(arena);
    arena_destroy(writer.encoder.scratch);
    return failed ? error_create_os(error_number, "writing what a core says") : NULL;
}
