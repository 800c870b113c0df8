#include "forgotten.h"

#include <string.h>

#include "asyncspy/asyncio/asyncio.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/log.h"
#include "asyncspy/python/gc.h"
#include "asyncspy/python/referrers.h"
#include "asyncspy/target/scan.h"
#include "asyncspy/target/stop.h"

/* The lists are long, and not in the order of memory: few large reads, all kept. */
#define FETCH ((size_t)256 << 10)
#define WINDOW ((size_t)256 << 20)
#define UNITS_MAX 200000000u /* of work, see memory_set_work() */
/* Of the scans for who refers to what was found; there are none where nothing was found. */
#define SCAN_BYTES_MAX ((uint64_t)2 << 30)
#define SCAN_SECONDS_MAX 0.25
#define LEVELS 3 /* containers in containers */
#define NODES_MAX 4000

/* A coroutine, or a container that holds one. */
struct node {
    struct py_referred referred;
    const char *holder; /* the type of an owner that was found, or NULL */
    size_t parents[4];  /* containers that hold it: places among the nodes */
    size_t parent_count;
    bool is_used; /* somebody may await it, or not all is known of who holds it */
};

struct search {
    const struct forgotten_request *request;
    struct snapshot *snapshot;
    struct target_memory *memory; /* a cache of its own */
    struct py *py;
    struct arena *arena;
    struct id_table *by_address; /* of the nodes */
    struct node *nodes;
    size_t count;
};

/* --- who holds what --- */

/* Place of the node of `address`, from 1; 0: there is no room for one more. */
static size_t find_node(struct search *search, uint64_t address) {
    const struct node *known = id_table_find(search->by_address, address);
    if (known)
        return (size_t)(known - search->nodes) + 1;
    if (search->count == NODES_MAX)
        return 0;
    struct node *node = &search->nodes[search->count++];
    *node = (struct node){.referred = {.address = address}};
    id_table_add(search->by_address, address, node);
    return search->count;
}

static void add_parent(struct search *search, struct node *node, uint64_t container) {
    size_t place = find_node(search, container);
    if (!place || node->parent_count == sizeof node->parents / sizeof *node->parents)
        node->is_used = true; /* not known */
    else
        node->parents[node->parent_count++] = place - 1;
}

/* One owner that is no module tells more than all modules. */
static void set_holder(struct search *search, struct node *node, const struct py_type *type) {
    const char *name = type->full_name;
    if (!node->holder || type->kind != PY_KIND_MODULE)
        node->holder = string_pool_add(search->snapshot->strings, name, strlen(name));
}

static void judge(struct search *search, struct node *node) {
    const struct py_referred *item = &node->referred;
    node->is_used |= item->found != item->reference_count;
    for (size_t i = 0; i < item->referrer_count && !node->is_used; i++) {
        const struct py_referrer *referrer = &item->referrers[i];
        enum aio_holder holder =
            referrer->type ? aio_holder_classify(referrer->type) : AIO_HOLDER_USER;
        if (holder == AIO_HOLDER_USER)
            node->is_used = true;
        else if (holder == AIO_HOLDER_CONTAINER)
            add_parent(search, node, referrer->object);
        else
            set_holder(search, node, referrer->type);
    }
}

/* Who refers to the nodes from `first` to `end`; containers become new nodes. */
static struct error *scan_level(struct search *search, size_t first, size_t end) {
    struct py_referrers_request request = {
        .limits = {.bytes = SCAN_BYTES_MAX, .seconds = SCAN_SECONDS_MAX}};
    struct py_referrers_summary summary = {0};
    struct scan_span *spans = NULL;
    struct py_referred *items = arena_alloc_array(search->arena, end - first, sizeof *items);
    for (size_t i = first; i < end; i++)
        items[i - first] = search->nodes[i].referred;
    struct error *err =
        scan_list_spans(search->request->process, search->arena, &spans, &request.span_count);
    request.spans = spans;
    if (!err)
        err = py_referrers_find(search->py, &request, items, end - first, &summary);
    for (size_t i = first; !err && i < end; i++) {
        search->nodes[i].referred = items[i - first];
        judge(search, &search->nodes[i]);
    }
    return err;
}

/* What a container's holders are to what it holds: containers come behind what they hold. */
static void inherit(struct search *search) {
    for (size_t round = 0; round < LEVELS; round++)
        for (size_t i = search->count; i-- > 0;) {
            struct node *node = &search->nodes[i];
            for (size_t j = 0; j < node->parent_count; j++) {
                const struct node *parent = &search->nodes[node->parents[j]];
                node->is_used |= parent->is_used;
                if (!node->holder)
                    node->holder = parent->holder;
            }
        }
}

static struct error *find_holders(struct search *search, const struct aio_forgotten *found,
                                  const char **holders) {
    struct error *err = NULL;
    size_t first = 0, end;
    search->count = 0;
    search->by_address = id_table_create(search->arena, 0);
    for (size_t i = 0; i < found->coroutines.count; i++)
        find_node(search, found->coroutines.items[i]);
    end = search->count;
    for (int level = 0; !err && first < end && level < LEVELS; level++) {
        err = scan_level(search, first, end);
        first = end;
        end = search->count;
    }
    for (size_t i = first; i < end; i++) /* too deep */
        search->nodes[i].is_used = true;
    if (!err)
        inherit(search);
    for (size_t i = 0; !err && i < found->coroutines.count; i++)
        holders[i] = search->nodes[i].is_used ? NULL : search->nodes[i].holder;
    return err;
}

/* --- the search --- */

static struct error *search_interpreter(struct search *search,
                                        const struct py_interpreter *interpreter, double seconds,
                                        bool *done) {
    struct aio_forgotten found = {.why = NULL};
    struct error *err = aio_forgotten_find(search->py, interpreter, seconds, &found);
    const char **holders =
        arena_alloc_array(search->arena, found.coroutines.count + 1, sizeof *holders);
    if (!err && found.why) {
        log_debug(LOG_CAPTURE, "forgotten coroutines: %s", found.why);
        *done = false;
    }
    if (!err && *done && found.coroutines.count)
        err = find_holders(search, &found, holders);
    if (!err && *done)
        err = aio_forgotten_add(search->py, interpreter, &found, holders);
    log_debug(LOG_CAPTURE, "%zu coroutines not started, %zu tasks with an exception",
              found.coroutines.count, found.tasks.count);
    aio_forgotten_free(&found);
    return err;
}

static struct error *search_all(struct search *search, bool *done) {
    struct py_interpreter *interpreters;
    size_t count;
    double deadline = clock_monotonic() + search->request->seconds;
    py_begin_walk(search->py, search->snapshot);
    struct error *err = py_interpreters_read(search->py, &interpreters, &count);
    *done = true;
    /* The newest comes first; lists that all share are those of the oldest. */
    for (size_t i = py_gc_is_shared(search->py) && count ? count - 1 : 0;
         !err && *done && i < count; i++)
        err = search_interpreter(search, &interpreters[i], deadline - clock_monotonic(), done);
    return err;
}

/* What was added behind the first `count` tasks is taken out again. */
static void take_out(struct snapshot *snapshot, size_t tasks, size_t coroutines, bool counts,
                     struct forgotten *ret) {
    if (counts) {
        ret->searched = true;
        ret->task_count = snapshot->tasks.count - tasks;
        ret->coroutine_count = snapshot->coroutines.count - coroutines;
        ret->tasks = arena_alloc_array(snapshot->arena, ret->task_count, sizeof *ret->tasks);
        ret->coroutines =
            arena_alloc_array(snapshot->arena, ret->coroutine_count, sizeof *ret->coroutines);
        for (size_t i = 0; i < ret->task_count; i++)
            ret->tasks[i] = snapshot->tasks.items[tasks + i];
        for (size_t i = 0; i < ret->coroutine_count; i++)
            ret->coroutines[i] = snapshot->coroutines.items[coroutines + i];
    }
    snapshot->tasks.count = tasks;
    snapshot->coroutines.count = coroutines;
}

/* An object that is torn, or too much work, costs the search alone. */
static struct error *forgive(struct error *err) {
    if (!err || (error_is_fatal(err) && error_get_kind(err) != ERROR_EXHAUSTED))
        return err;
    log_debug(LOG_CAPTURE, "forgotten coroutines: %s", error_get_message(err));
    error_destroy(err);
    return NULL;
}

static struct error *search_quiet(struct search *search, struct forgotten *ret) {
    struct snapshot *snapshot = search->snapshot;
    struct target_quiet *quiet = NULL;
    bool starts_quiet = false, done = false;
    size_t tasks = snapshot->tasks.count, coroutines = snapshot->coroutines.count;
    struct error *err = quiet_begin(search->request->process, &quiet, &starts_quiet);
    if (!err && starts_quiet) {
        err = search_all(search, &done);
        done = !err && done && quiet_check(quiet);
        take_out(snapshot, tasks, coroutines, done, ret);
    }
    quiet_end(quiet);
    return forgive(err);
}

struct error *forgotten_search(const struct forgotten_request *request, struct snapshot *snapshot,
                               struct forgotten *ret) {
    struct search search = {.request = request,
                            .snapshot = snapshot,
                            .memory = process_create_memory(request->process),
                            .arena = arena_create()};
    double start = clock_monotonic();
    search.nodes = arena_alloc_array(search.arena, NODES_MAX, sizeof *search.nodes);
    memory_set_window(search.memory, WINDOW);
    memory_set_fetch_size(search.memory, FETCH);
    search.py = py_create(search.memory, request->layout, request->roots);
    py_set_walk_units(search.py, UNITS_MAX);
    struct error *err = search_quiet(&search, ret);
    log_debug(LOG_CAPTURE, "looked for what is forgotten in %.1f ms: %zu coroutines, %zu tasks%s",
              1e3 * (clock_monotonic() - start), ret->coroutine_count, ret->task_count,
              ret->searched ? "" : ", not to the end");
    py_destroy(search.py);
    arena_destroy(search.arena);
    memory_destroy(search.memory);
    return err;
}

void forgotten_add(const struct forgotten *forgotten, struct snapshot *snapshot) {
    if (!forgotten->searched)
        return;
    snapshot->has_coroutines = true;
    for (size_t i = 0; i < forgotten->task_count; i++) {
        struct snapshot_task *task = SNAPSHOT_APPEND(snapshot, &snapshot->tasks);
        *task = forgotten->tasks[i];
        task->moved = SNAPSHOT_NO; /* it has ended */
    }
    for (size_t i = 0; i < forgotten->coroutine_count; i++)
        *SNAPSHOT_APPEND(snapshot, &snapshot->coroutines) = forgotten->coroutines[i];
}
