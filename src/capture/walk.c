#include "walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/asyncio/asyncio.h"
#include "asyncspy/base/text.h"
#include "asyncspy/python/frame.h"

/* What a walk over one interpreter needs at hand. */
struct interpreter_walk {
    struct py *py;
    struct snapshot *snapshot;
    const struct py_interpreter *interpreter;
    const struct walk_kernel *kernel;
    struct walk_search *search; /* NULL: what runs now is all that is wanted */
    struct py_thread *threads;
    size_t thread_count;
    struct aio_thread *aio_threads;
    size_t first;             /* index of the first of `threads` in the snapshot */
    struct walk_looks *looks; /* NULL: it is a walk of its own */
    walk_sample *sample;
};

static const struct target_thread *find_kernel_thread(const struct interpreter_walk *walk,
                                                      int64_t native_thread_id) {
    for (size_t i = 0; i < walk->kernel->thread_count; i++)
        if (walk->kernel->threads[i].namespace_tid == native_thread_id)
            return &walk->kernel->threads[i];
    return NULL;
}

/* Whether a system call waits for events of files. select() of no files is how time.sleep() slept
 * before 3.11. */
static bool is_polling(const char *syscall, uint64_t argument) {
    static const char *const names[] = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll",
                                        "ppoll",      "select",      "pselect6"};
    bool is_select =
        syscall && (strcmp(syscall, "select") == 0 || strcmp(syscall, "pselect6") == 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (syscall && strcmp(syscall, names[i]) == 0)
            return !is_select || argument > 0;
    return false;
}

static const char *copy_text(struct arena *arena, const char *text) {
    return *text ? text_from_bytes(arena, text, strlen(text)) : NULL;
}

#define FD_MAX (1 << 24) /* no kernel gives out higher ones */

/* The only file of a struct pollfd: the file and, above it, the events. The thread may have left
 * poll() since, then there may be anything. */
static int64_t read_polled_fd(struct interpreter_walk *walk, uint64_t address) {
    uint64_t words = 0;
    struct error *err = py_read_u64(walk->py, address, &words);
    int32_t fd = (int32_t)(uint32_t)words;
    bool is_fd = !err && fd >= 0 && fd < FD_MAX;
    error_destroy(err);
    return is_fd ? fd : SNAPSHOT_UNKNOWN;
}

static int64_t find_syscall_fd(struct interpreter_walk *walk, const struct target_thread *kernel) {
    int64_t fd = process_syscall_fd(kernel);
    if (fd >= 0)
        return fd;
    uint64_t polled = process_syscall_poll(kernel);
    return polled ? read_polled_fd(walk, polled) : SNAPSHOT_UNKNOWN;
}

/* A wait with a timeout goes on under this name when the thread was stopped in it. */
static bool is_restarted(const struct snapshot_thread *thread) {
    return thread->syscall && strcmp(thread->syscall, "restart_syscall") == 0;
}

/* take_gil() waits for a condition variable inside the structure of the GIL, in Linux with
 * futex(2) at an address of it (Python/ceval_gil.c). */
static enum snapshot_tristate waits_for_gil(const struct interpreter_walk *walk,
                                            const struct target_thread *kernel,
                                            const struct snapshot_thread *thread) {
    const struct py_interpreter *interpreter = walk->interpreter;
    uint64_t address = process_syscall_futex(kernel);
    bool is_elsewhere = kernel->syscall >= 0 && !address && !is_restarted(thread);
    if (thread->holds_gil == SNAPSHOT_YES || is_elsewhere)
        return SNAPSHOT_NO;
    if (!address || !interpreter->gil)
        return SNAPSHOT_MAYBE;
    return address - interpreter->gil < interpreter->gil_size ? SNAPSHOT_YES : SNAPSHOT_NO;
}

/* The facts of the kernel about one thread. */
static void add_kernel_facts(struct interpreter_walk *walk, const struct target_thread *kernel,
                             struct snapshot_thread *thread, struct aio_thread *aio_thread) {
    struct arena *arena = walk->snapshot->arena;
    thread->tid = kernel->tid;
    thread->kernel_name = copy_text(arena, kernel->name);
    thread->os_state = kernel->state ? arena_format(arena, "%c", kernel->state) : NULL;
    thread->wait_channel = copy_text(arena, kernel->wait_channel);
    thread->cpu_s = kernel->cpu_s;
    if (kernel->syscall >= 0) {
        thread->syscall = process_syscall_name(kernel->syscall);
        if (!thread->syscall)
            thread->syscall = arena_format(arena, "%lld", (long long)kernel->syscall);
    }
    thread->syscall_fd = find_syscall_fd(walk, kernel);
    thread->waits_for_gil = waits_for_gil(walk, kernel, thread);
    if (thread->waits_for_gil != SNAPSHOT_YES)
        aio_thread->futex = process_syscall_futex(kernel);
    if (kernel->on_cpu || kernel->syscall >= 0)
        aio_thread->polls =
            is_polling(thread->syscall, kernel->arguments[0]) ? SNAPSHOT_YES : SNAPSHOT_NO;
}

static struct error *read_frames(struct interpreter_walk *walk, const struct py_thread *thread,
                                 struct aio_thread *aio_thread, struct snapshot_thread *ret) {
    struct py_frame *frames;
    const char *why;
    struct error *err =
        py_frames_read(walk->py, thread->top_frame, &frames, &aio_thread->frame_count, &why);
    if (err)
        return err;
    aio_thread->frames = frames;
    if (why)
        snapshot_add_missing(
            walk->snapshot,
            arena_format(walk->snapshot->arena, "frames of thread %lld", (long long)ret->tid), why);
    ret->frames.count = aio_thread->frame_count;
    ret->frames.frames = arena_alloc_array(walk->snapshot->arena, aio_thread->frame_count,
                                           sizeof *ret->frames.frames);
    for (size_t i = 0; i < aio_thread->frame_count; i++)
        ret->frames.frames[i] = frames[i].decoded;
    return NULL;
}

static struct error *add_thread(struct interpreter_walk *walk, size_t index) {
    const struct py_thread *thread = &walk->threads[index];
    struct aio_thread *aio_thread = &walk->aio_threads[index];
    struct snapshot_thread *ret = SNAPSHOT_APPEND(walk->snapshot, &walk->snapshot->threads);
    py_charge(walk->py, walk->kernel->thread_count / 8);
    const struct target_thread *kernel = find_kernel_thread(walk, thread->native_thread_id);
    *ret = snapshot_thread_blank;
    ret->ident = thread->ident;
    ret->interpreter = walk->interpreter->id;
    *aio_thread = (struct aio_thread){.thread = thread, .polls = SNAPSHOT_MAYBE};
    if (walk->interpreter->gil_known)
        ret->holds_gil =
            walk->interpreter->gil_holder == thread->address ? SNAPSHOT_YES : SNAPSHOT_NO;
    if (kernel)
        add_kernel_facts(walk, kernel, ret, aio_thread);
    aio_thread->tid = ret->tid;
    return read_frames(walk, thread, aio_thread, ret);
}

static struct error *add_threads(struct interpreter_walk *walk) {
    struct error *err =
        py_threads_read(walk->py, walk->interpreter, &walk->threads, &walk->thread_count);
    if (err) {
        walk->thread_count = 0;
        return err;
    }
    walk->first = walk->snapshot->threads.count;
    walk->aio_threads =
        arena_alloc_array(walk->snapshot->arena, walk->thread_count, sizeof *walk->aio_threads);
    for (size_t i = 0; !err && i < walk->thread_count; i++)
        err = add_thread(walk, i);
    return err;
}

static void set_thread_name(void *context, uint64_t ident, const char *name) {
    struct interpreter_walk *walk = context;
    py_charge(walk->py, walk->thread_count / 8);
    for (size_t i = walk->first; i < walk->snapshot->threads.count; i++)
        if (walk->snapshot->threads.items[i].ident == ident)
            walk->snapshot->threads.items[i].name = name;
}

static struct error *name_threads(struct interpreter_walk *walk) {
    struct error *err = py_thread_names_visit(walk->py, walk->interpreter, set_thread_name, walk);
    if (err && !error_is_fatal(err)) {
        snapshot_add_missing(walk->snapshot, "names of threads", error_get_message(err));
        error_destroy(err);
        err = NULL;
    }
    return err;
}

static void add_interpreter(struct interpreter_walk *walk) {
    struct snapshot_interpreter *ret =
        SNAPSHOT_APPEND(walk->snapshot, &walk->snapshot->interpreters);
    *ret = (struct snapshot_interpreter){.id = walk->interpreter->id,
                                         .gil_holder = SNAPSHOT_UNKNOWN,
                                         .gc_collecting = SNAPSHOT_MAYBE};
    if (walk->interpreter->gc_collecting >= 0)
        ret->gc_collecting = walk->interpreter->gc_collecting ? SNAPSHOT_YES : SNAPSHOT_NO;
    for (size_t i = 0; i < walk->thread_count; i++)
        if (walk->threads[i].address == walk->interpreter->gil_holder)
            ret->gil_holder = walk->aio_threads[i].tid;
}

void walk_search_free(struct walk_search *search) {
    for (size_t i = 0; i < search->count; i++)
        aio_found_free(&search->items[i].found);
    search->count = 0;
}

static struct error *walk_asyncio(struct interpreter_walk *walk) {
    enum aio_registry registry;
    struct aio_input input = {.interpreter = walk->interpreter,
                              .threads = walk->aio_threads,
                              .thread_count = walk->thread_count,
                              .want_context = walk->search->want_context,
                              .want_addresses = walk->search->want_addresses,
                              .now = walk->kernel->now,
                              .newest = &walk->search->clock};
    for (size_t i = 0; i < walk->search->count; i++)
        if (walk->search->items[i].interpreter == walk->interpreter->address)
            input.found = &walk->search->items[i].found;
    struct error *err = aio_walk(walk->py, &input, &registry);
    if (registry > walk->search->registry)
        walk->search->registry = registry;
    return err;
}

/* --- looks --- */

/* A thread is named once. */
static void keep_names(struct interpreter_walk *walk) {
    for (size_t i = walk->first; i < walk->snapshot->threads.count; i++) {
        struct snapshot_thread *thread = &walk->snapshot->threads.items[i];
        if (thread->name)
            id_table_remove(walk->looks->thread_names, thread->ident);
        if (thread->name)
            id_table_add(
                walk->looks->thread_names, thread->ident,
                arena_copy_string(walk->snapshot->arena, thread->name, strlen(thread->name)));
    }
}

static struct error *name_sampled_threads(struct interpreter_walk *walk) {
    struct arena *arena = walk->snapshot->arena;
    if (!walk->looks->thread_names)
        walk->looks->thread_names = id_table_create(arena, 0);
    if (walk->sample == aio_sample) {
        struct error *err = name_threads(walk);
        keep_names(walk);
        return err;
    }
    for (size_t i = walk->first; i < walk->snapshot->threads.count; i++) {
        struct snapshot_thread *thread = &walk->snapshot->threads.items[i];
        thread->name = id_table_find(walk->looks->thread_names, thread->ident);
    }
    return NULL;
}

void walk_looks_free(struct walk_looks *looks) {
    for (size_t i = 0; i < looks->count; i++)
        aio_memo_destroy(looks->items[i].memo);
    free(looks->items);
    memory_footprint_free(&looks->roots);
    *looks = (struct walk_looks){0};
}

static struct aio_memo *get_memo(struct walk_looks *looks, uint64_t interpreter) {
    for (size_t i = 0; i < looks->count; i++)
        if (looks->items[i].interpreter == interpreter) {
            looks->items[i].is_met = true;
            return looks->items[i].memo;
        }
    if (looks->count == looks->capacity) {
        looks->capacity = looks->capacity ? 2 * looks->capacity : 4;
        looks->items = memory_realloc(looks->items, looks->capacity * sizeof *looks->items);
    }
    struct walk_memo *item = &looks->items[looks->count++];
    *item = (struct walk_memo){interpreter, aio_memo_create(), true};
    return item->memo;
}

/* Of an interpreter that has ended no task is left. */
static void forget_ended(struct walk_looks *looks) {
    size_t count = 0;
    for (size_t i = 0; i < looks->count; i++)
        if (looks->items[i].is_met)
            looks->items[count++] = looks->items[i];
        else
            aio_memo_destroy(looks->items[i].memo);
    looks->count = count;
}

static struct error *look_at_asyncio(struct interpreter_walk *walk) {
    struct aio_input input = {.interpreter = walk->interpreter,
                              .threads = walk->aio_threads,
                              .thread_count = walk->thread_count,
                              .now = walk->kernel->now,
                              .memo = get_memo(walk->looks, walk->interpreter->address)};
    return walk->sample(walk->py, &input);
}

void walk_look_distrust(const struct walk_looks *looks) {
    for (size_t i = 0; i < looks->count; i++)
        aio_memo_distrust(looks->items[i].memo);
}

bool walk_look_verify(struct py *py, const struct walk_looks *looks, bool *ret_threads) {
    bool is_verified = *ret_threads = !py_has_changed(py, &looks->roots);
    for (size_t i = 0; i < looks->count; i++)
        is_verified &= aio_sample_verify(py, looks->items[i].memo, *ret_threads);
    return is_verified;
}

/* --- interpreters --- */

static struct error *read_running(struct interpreter_walk *walk) {
    struct aio_input input = {.interpreter = walk->interpreter,
                              .threads = walk->aio_threads,
                              .thread_count = walk->thread_count,
                              .now = walk->kernel->now};
    return aio_walk_running(walk->py, &input);
}

static struct error *read_asyncio(struct interpreter_walk *walk) {
    if (walk->looks)
        return look_at_asyncio(walk);
    return walk->search ? walk_asyncio(walk) : read_running(walk);
}

static struct error *walk_interpreter(struct interpreter_walk *walk) {
    struct error *err = add_threads(walk);
    if (!err)
        err = walk->looks ? name_sampled_threads(walk) : name_threads(walk);
    if (!err)
        err = read_asyncio(walk);
    if (err && error_get_kind(err) != ERROR_EXHAUSTED)
        return err;
    for (size_t i = 0; walk->first + i < walk->snapshot->threads.count; i++) {
        struct snapshot_thread *thread = &walk->snapshot->threads.items[walk->first + i];
        thread->event_loop = walk->aio_threads[i].event_loop;
        thread->current_task = walk->aio_threads[i].current_task;
        thread->awaiting = walk->aio_threads[i].awaiting;
    }
    add_interpreter(walk);
    return err;
}

/* A walk that takes too much work ends with what it has. */
static struct error *end_walk(struct snapshot *snapshot, struct error *err) {
    if (!err || error_get_kind(err) != ERROR_EXHAUSTED)
        return err;
    snapshot_add_missing_always(snapshot, "all that was not read yet", error_get_message(err));
    error_destroy(err);
    return NULL;
}

static struct error *walk_all(struct interpreter_walk *walk) {
    struct py_interpreter *interpreters;
    size_t count;
    py_begin_walk(walk->py, walk->snapshot);
    struct error *err = py_interpreters_read(walk->py, &interpreters, &count);
    for (size_t i = 0; !err && i < count; i++) {
        walk->interpreter = &interpreters[i];
        walk->first = walk->snapshot->threads.count;
        err = walk_interpreter(walk);
    }
    return end_walk(walk->snapshot, err);
}

struct error *walk_interpreters(struct py *py, struct snapshot *snapshot,
                                const struct walk_kernel *kernel, struct walk_search *search) {
    search->registry = AIO_REGISTRY_READ;
    search->clock = NAN;
    return walk_all(&(struct interpreter_walk){
        .py = py, .snapshot = snapshot, .kernel = kernel, .search = search});
}

struct error *walk_running(struct py *py, struct snapshot *snapshot,
                           const struct walk_kernel *kernel) {
    return walk_all(&(struct interpreter_walk){.py = py, .snapshot = snapshot, .kernel = kernel});
}

static void empty_for_look(struct snapshot *snapshot) {
    snapshot->missing.count = 0;
    snapshot->threads.count = 0;
    snapshot->interpreters.count = 0;
    snapshot->event_loops.count = 0;
}

static struct error *look_at_interpreters(struct interpreter_walk *walk) {
    struct py_interpreter *interpreters;
    size_t count;
    struct error *err = py_interpreters_read(walk->py, &interpreters, &count);
    for (size_t i = 0; i < walk->looks->count; i++)
        walk->looks->items[i].is_met = false;
    for (size_t i = 0; !err && i < count; i++) {
        walk->interpreter = &interpreters[i];
        walk->first = walk->snapshot->threads.count;
        err = walk_interpreter(walk);
    }
    if (!err && walk->sample == aio_sample && !walk->snapshot->missing.count)
        forget_ended(walk->looks);
    return end_walk(walk->snapshot, err);
}

struct error *walk_look(struct py *py, struct snapshot *snapshot, const struct walk_kernel *kernel,
                        struct walk_looks *looks, walk_sample *sample) {
    struct interpreter_walk walk = {
        .py = py, .snapshot = snapshot, .kernel = kernel, .looks = looks, .sample = sample};
    empty_for_look(snapshot);
    looks->roots.count = 0;
    struct memory_footprint *tracked = py_track(py, &looks->roots);
    struct error *err = look_at_interpreters(&walk);
    py_track(py, tracked);
    return err;
}
