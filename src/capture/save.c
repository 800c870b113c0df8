/* A small core of a picture: its memory, then what was concluded from other memory. */
#include "save.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/snapshot/saved_core.h"
#include "asyncspy/target/core_writer.h"

struct save {
    struct core_writer *writer;
    struct arena *arena;
    struct error *err; /* of the memory */
    struct saved_core core;
    const struct target_thread *threads;
};

struct error *save_open(const char *path, struct save **ret) {
    struct core_writer *writer;
    struct error *err = core_writer_open(path, &writer);
    if (err)
        return err;
    *ret = memory_alloc(sizeof **ret);
    **ret = (struct save){.writer = writer, .arena = arena_create()};
    return NULL;
}

void save_close(struct save *save) {
    if (!save)
        return;
    core_writer_close(save->writer);
    error_destroy(save->err);
    arena_destroy(save->arena);
    free(save);
}

/* ---- what the walk began with ---- */

static struct saved_python describe_python(const struct py_discovery *discovery) {
    const struct py_roots *roots = &discovery->roots;
    return (struct saved_python){.hexversion = discovery->hexversion,
                                 .debug_build = discovery->debug_build,
                                 .free_threaded = discovery->free_threaded,
                                 .lacks_files = roots->lacks_files,
                                 .module = discovery->module_path,
                                 .build_id = discovery->build_id,
                                 .runtime = roots->runtime,
                                 .runtime_size = (int64_t)discovery->runtime_size,
                                 .current_thread = roots->current_thread,
                                 .gc_generations = roots->gc_generations,
                                 .asyncio_data = roots->asyncio_data,
                                 .asyncio_data_size = (int64_t)roots->asyncio_data_size,
                                 .asyncio_debug = discovery->asyncio_debug_address,
                                 .asyncio_debug_size = (int64_t)discovery->asyncio_debug_size};
}

static struct saved_thread describe_thread(struct arena *arena,
                                           const struct target_thread *thread) {
    struct saved_thread ret = {.tid = thread->tid,
                               .namespace_tid = thread->namespace_tid,
                               .name = thread->name,
                               .wait_channel = thread->wait_channel,
                               .on_cpu = thread->on_cpu,
                               .syscall = thread->syscall < 0 ? SNAPSHOT_UNKNOWN : thread->syscall,
                               .cpu_s = thread->cpu_s};
    if (thread->state)
        ret.state = arena_format(arena, "%c", thread->state);
    memcpy(ret.arguments, thread->arguments, sizeof ret.arguments);
    return ret;
}

static void keep_threads(struct save *save, const struct walk_kernel *kernel) {
    size_t count = kernel->thread_count;
    struct target_thread *threads = arena_alloc_array(save->arena, count, sizeof *threads);
    save->core.threads = arena_alloc_array(save->arena, count, sizeof *save->core.threads);
    save->core.thread_count = count;
    for (size_t i = 0; i < count; i++) {
        threads[i] = kernel->threads[i];
        save->core.threads[i] = describe_thread(save->arena, &threads[i]);
    }
    save->threads = threads;
}

static snapshot_id *copy_addresses(struct arena *arena, const struct aio_addresses *addresses) {
    snapshot_id *ids = arena_alloc_array(arena, addresses->count, sizeof *ids);
    if (addresses->count)
        memcpy(ids, addresses->items, addresses->count * sizeof *ids);
    return ids;
}

static void keep_search(struct save *save, const struct walk_search *search) {
    struct saved_core *core = &save->core;
    core->is_searched = search->count > 0;
    core->searches = arena_alloc_array(save->arena, search->count, sizeof *core->searches);
    core->search_count = search->count;
    for (size_t i = 0; i < search->count; i++) {
        const struct aio_found *found = &search->items[i].found;
        core->searches[i] =
            (struct saved_search){.interpreter = search->items[i].interpreter,
                                  .tasks = copy_addresses(save->arena, &found->tasks),
                                  .task_count = found->tasks.count,
                                  .loops = copy_addresses(save->arena, &found->loops),
                                  .loop_count = found->loops.count};
    }
}

void save_memory(struct save *save, const struct save_walk *walk) {
    struct py_layout layout;
    save->core.monotonic = walk->kernel->now;
    save->core.python = describe_python(walk->discovery);
    save->core.walked_tasks = walk->tasks;
    keep_threads(save, walk->kernel);
    keep_search(save, walk->search);
    /* Read once more, so that what it reads is among the rest. It never changes. */
    save->err = py_discovery_get_layout(walk->process, walk->discovery, &layout);
    if (!save->err)
        save->err = core_writer_add_memory(save->writer, walk->process);
}

/* ---- what came later ---- */

struct error *save_finish(struct save *save, struct target_process *process,
                          const struct snapshot *snapshot, uint64_t *ret_size) {
    struct error *err = save->err;
    char *text = NULL;
    size_t size = 0;
    save->err = NULL;
    FILE *out = err ? NULL : open_memstream(&text, &size);
    if (err)
        return err;
    if (!out)
        memory_exhausted();
    err = saved_core_write(&save->core, snapshot, out);
    if (fclose(out) != 0)
        memory_exhausted();
    if (!err)
        err = core_writer_finish(save->writer, process, save->threads, save->core.thread_count,
                                 text, size, ret_size);
    free(text);
    return err;
}
