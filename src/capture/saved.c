/* What a small core says of itself. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/snapshot/saved_core.h"
#include "asyncspy/target/core.h"
#include "save.h"

struct saved {
    struct snapshot *owner; /* of what `core` refers to */
    struct saved_core core;
    const char *text; /* of the process */
    size_t length;
};

struct error *saved_open(const struct target_process *process, struct saved **ret) {
    size_t length;
    const char *text = core_get_note(process, &length);
    *ret = NULL;
    if (!text)
        return NULL;
    struct saved *saved = memory_alloc(sizeof *saved);
    *saved = (struct saved){.owner = snapshot_create(), .text = text, .length = length};
    struct error *err = saved_core_read(text, length, saved->owner, &saved->core);
    if (!err) {
        *ret = saved;
        return NULL;
    }
    saved_close(saved);
    return error_add_context(err, "the note of asyncspy in it is damaged");
}

void saved_close(struct saved *saved) {
    if (!saved)
        return;
    snapshot_destroy(saved->owner);
    free(saved);
}

static const char *copy_text(struct arena *arena, const char *text) {
    return text ? arena_copy_string(arena, text, strlen(text)) : "";
}

struct error *saved_get_discovery(const struct saved *saved, const struct target_process *process,
                                  struct arena *arena, struct py_discovery *ret) {
    static const char source[] = "the core, as it was saved";
    const struct saved_python *python = &saved->core.python;
    *ret = (struct py_discovery){
        .roots = {.runtime = python->runtime,
                  .current_thread = python->current_thread,
                  .gc_generations = python->gc_generations,
                  .asyncio_data = python->asyncio_data,
                  .asyncio_data_size = (uint64_t)python->asyncio_data_size,
                  .lacks_files = python->lacks_files},
        .runtime_size = (uint64_t)python->runtime_size,
        .runtime_source = source,
        .module_path = copy_text(arena, python->module),
        .build_id = copy_text(arena, python->build_id),
        .hexversion = (uint32_t)python->hexversion,
        .version_source = source,
        .debug_build = python->debug_build,
        .free_threaded = python->free_threaded,
        .asyncio_debug_address = python->asyncio_debug,
        .asyncio_debug_size = (uint64_t)python->asyncio_debug_size,
        .asyncio_debug_module = copy_text(arena, python->module),
    };
    return py_discovery_adopt(process, arena, ret);
}

static struct target_thread make_thread(const struct saved_thread *thread) {
    struct target_thread ret = {.tid = (pid_t)thread->tid,
                                .namespace_tid = (pid_t)thread->namespace_tid,
                                .on_cpu = thread->on_cpu,
                                .syscall = thread->syscall < 0 ? -1 : thread->syscall,
                                .cpu_s = thread->cpu_s};
    if (thread->state)
        ret.state = thread->state[0];
    snprintf(ret.name, sizeof ret.name, "%s", thread->name ? thread->name : "");
    snprintf(ret.wait_channel, sizeof ret.wait_channel, "%s",
             thread->wait_channel ? thread->wait_channel : "");
    memcpy(ret.arguments, thread->arguments, sizeof ret.arguments);
    return ret;
}

void saved_get_kernel(const struct saved *saved, struct arena *arena, struct walk_kernel *ret) {
    const struct saved_core *core = &saved->core;
    struct target_thread *threads = arena_alloc_array(arena, core->thread_count, sizeof *threads);
    for (size_t i = 0; i < core->thread_count; i++)
        threads[i] = make_thread(&core->threads[i]);
    *ret = (struct walk_kernel){
        .threads = threads, .thread_count = core->thread_count, .now = core->monotonic};
}

static struct aio_addresses copy_addresses(const snapshot_id *ids, size_t count) {
    struct aio_addresses ret = {
        .items = memory_alloc(count * sizeof *ids + 1), .count = count, .capacity = count};
    if (count)
        memcpy(ret.items, ids, count * sizeof *ids);
    return ret;
}

void saved_get_search(const struct saved *saved, struct arena *arena, struct walk_search *ret) {
    const struct saved_core *core = &saved->core;
    ret->items = arena_alloc_array(arena, core->search_count, sizeof *ret->items);
    ret->count = ret->capacity = core->search_count;
    for (size_t i = 0; i < core->search_count; i++) {
        const struct saved_search *search = &core->searches[i];
        ret->items[i] = (struct walk_found){
            .interpreter = search->interpreter,
            .found = {.tasks = copy_addresses(search->tasks, search->task_count),
                      .loops = copy_addresses(search->loops, search->loop_count)}};
    }
}

bool saved_is_searched(const struct saved *saved) {
    return saved->core.is_searched;
}

struct error *saved_complete(const struct saved *saved, struct snapshot *snapshot) {
    struct error *err = saved_core_complete(saved->text, saved->length, snapshot);
    return err ? error_add_context(err, "the note of asyncspy in it is damaged") : NULL;
}
