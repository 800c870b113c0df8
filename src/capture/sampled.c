#include "sampled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "sampled_labels.h"
#include "sampled_task.h"

/* A task from its first sample to its last. */
struct known {
    snapshot_id id;
    uint64_t version; /* of the aio_sampled_task that `shown` was made of */
    uint64_t sample;  /* the last one of all tasks that has it */
    size_t place;     /* in `all` */
    uint64_t awaited_by, awaited_sample;
    uint64_t epoch; /* that `shown` is of */
    const struct recording_task *shown;
    const struct snapshot_task *task; /* of this sample; NULL: it could not be had, and shows what
                                       * it showed before */
    struct known *next;
};

/* A vector that keeps its memory. */
#define LIST(type)                                                                                 \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count, capacity;                                                                    \
    }

struct sampled {
    struct arena *arena; /* of the tables that live as long as an epoch */
    struct id_table *table;
    struct known *known; /* all of them */
    uint64_t epoch, tasks, numbers;
    uint64_t samples; /* of all tasks */
    struct sampled_labels *labels;
    LIST(const struct recording_task *) all;
    LIST(struct recording_change) changes;
    LIST(struct recording_thread) threads;
    LIST(struct recording_loop) loops;
    struct recording_sample sample;
};

static void *add_item(void *items, size_t *count, size_t *capacity, size_t size) {
    if (*count == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 64;
        items = memory_realloc(items, *capacity * size);
    }
    ++*count;
    return items;
}
#define ADD(list, item)                                                                            \
    ((list)->items =                                                                               \
         add_item((list)->items, &(list)->count, &(list)->capacity, sizeof *(list)->items),        \
     (list)->items[(list)->count - 1] = (item))

struct sampled *sampled_create(void) {
    struct sampled *sampled = memory_alloc(sizeof *sampled);
    memset(sampled, 0, sizeof *sampled);
    sampled->arena = arena_create();
    sampled->table = id_table_create(sampled->arena, 0);
    sampled->labels = sampled_labels_create();
    return sampled;
}

void sampled_destroy(struct sampled *sampled) {
    if (!sampled)
        return;
    sampled_labels_destroy(sampled->labels);
    arena_destroy(sampled->arena);
    free(sampled->all.items);
    free(sampled->changes.items);
    free(sampled->threads.items);
    free(sampled->loops.items);
    free(sampled);
}

/* --- tasks --- */

/* Names tell one task from the next at the same address; in 3.6 and 3.7, where tasks have none,
 * only their coroutines do. */
static bool is_other_task(const struct known *known, const struct aio_sampled_task *it) {
    return known->version != it->version &&
           (!sampled_text_is_same(known->shown->name, it->task.name) ||
            !sampled_text_is_same(known->shown->coroutine, it->task.coroutine));
}

static bool is_of_socket(const struct snapshot_wait *wait) {
    return wait->fd != SNAPSHOT_UNKNOWN && wait->kind >= SNAPSHOT_WAIT_SOCKET_READ &&
           wait->kind <= SNAPSHOT_WAIT_STREAM_DRAIN;
}

/* The number of a descriptor tells less than where it leads, and that a client is there more than
 * which of thousands. */
static void find_peer(const struct sampled_input *input, struct recording_wait *wait) {
    struct peer peer;
    if (!peers_find(input->peers, wait->fd, input->arena, &peer))
        return;
    bool accepts = wait->kind == SNAPSHOT_WAIT_SOCKET_ACCEPT;
    wait->is_client = peer.is_client;
    wait->peer = accepts ? peer.local : peer.is_client ? NULL : peer.peer;
    if (wait->peer || wait->is_client)
        wait->fd = SNAPSHOT_UNKNOWN;
}

static bool is_for_one_task(const struct snapshot_wait *wait) {
    return wait->task_count <= 1 &&
           (wait->kind == SNAPSHOT_WAIT_TASK || wait->kind == SNAPSHOT_WAIT_SHIELD ||
            wait->kind == SNAPSHOT_WAIT_TIMEOUT);
}

/* The one task that is waited for, as far as it is known so far. */
static const struct known *find_awaited_task(const struct sampled *sampled,
                                             const struct snapshot_wait *wait) {
    const struct known *known =
        is_for_one_task(wait)
            ? id_table_find(sampled->table, wait->task_count ? wait->tasks[0] : wait->id)
            : NULL;
    return known && known->shown ? known : NULL;
}

static const struct recording_wait *make_wait(struct sampled *sampled,
                                              const struct sampled_input *input,
                                              const struct aio_sampled_task *it) {
    const struct snapshot_wait *wait = it->task.awaiting;
    if (!wait)
        return NULL;
    const struct known *awaited = find_awaited_task(sampled, wait);
    struct recording_wait *ret = arena_alloc(input->arena, sizeof *ret);
    *ret = (struct recording_wait){
        .task = awaited ? sampled_text_copy(input->arena, awaited->shown->name) : NULL,
        .kind = wait->kind,
        .object = it->object ? sampled_label_get(sampled->labels, input->arena, it->object) : NULL,
        .name = it->object ? it->object->name : NULL,
        .callee = wait->callee,
        .tasks = wait->total,
        .fd = wait->fd,
        .pid = wait->pid};
    if (wait->kind == SNAPSHOT_WAIT_FUTURE || wait->kind == SNAPSHOT_WAIT_UNKNOWN)
        ret->type = wait->type;
    if (is_of_socket(wait))
        find_peer(input, ret);
    return ret;
}

static struct recording_task *make_task(struct sampled *sampled, const struct sampled_input *input,
                                        const struct aio_sampled_task *it) {
    const struct snapshot_task *task = &it->task;
    struct sampled_task *shown = arena_alloc(input->arena, sizeof *shown);
    shown->stack = task->frames;
    shown->task = (struct recording_task){
        .id = task->id,
        .name = task->name,
        .coroutine = task->coroutine,
        .event_loop = task->event_loop,
        .state = task->state,
        .tid = task->state == SNAPSHOT_TASK_RUNNING ? task->tid : SNAPSHOT_UNKNOWN,
        .stack = &shown->stack,
        .wait = make_wait(sampled, input, it),
        .since_s = input->time_s};
    return &shown->task;
}

static struct known *add_known(struct sampled *sampled, snapshot_id id) {
    struct known *known = id_table_find(sampled->table, id);
    if (known)
        return known;
    known = arena_alloc(sampled->arena, sizeof *known);
    *known = (struct known){.id = id, .next = sampled->known};
    sampled->known = known;
    id_table_add(sampled->table, known->id, known);
    return known;
}

static void note_change(struct sampled *sampled, const struct recording_task *before,
                        const struct recording_task *after) {
    ADD(&sampled->changes, ((struct recording_change){before, after}));
}

/* A task that comes anew and shows what it showed goes on. */
static void show(struct sampled *sampled, struct known *known, struct recording_task *task) {
    const struct recording_task *before = known->shown;
    if (before && sampled_task_is_same(before, task))
        task->since_s = before->since_s;
    else
        note_change(sampled, before, task);
    known->shown = task;
    known->epoch = sampled->epoch;
}

static void take_task(struct sampled *sampled, const struct sampled_input *input,
                      const struct aio_sampled_task *it) {
    struct known *known = add_known(sampled, it->task.id);
    if (known->shown && is_other_task(known, it)) {
        note_change(sampled, known->shown, NULL);
        known->shown = NULL;
    }
    known->sample = sampled->samples;
    known->task = &it->task;
    if (known->shown && known->version == it->version)
        return;
    struct recording_task *task = make_task(sampled, input, it);
    task->number = known->shown ? known->shown->number : ++sampled->tasks;
    task->awaited_by = known->shown ? known->shown->awaited_by : 0;
    known->version = it->version;
    show(sampled, known, task);
}

static bool is_torn(const struct sampled_input *input, const struct aio_sampled_task *it) {
    return input->needs_proof && !it->is_verified;
}

/* It is known to be there, but not what it does now. */
static void keep_task(struct sampled *sampled, const struct sampled_input *input,
                      const struct aio_sampled_task *it) {
    struct known *known = id_table_find(sampled->table, it->task.id);
    if (!known || !known->shown)
        return;
    if (known->epoch != sampled->epoch)
        known->shown = sampled_task_copy(input->arena, known->shown);
    known->epoch = sampled->epoch;
    known->sample = sampled->samples;
    known->task = NULL;
}

static void take_or_keep(struct sampled *sampled, const struct sampled_input *input,
                         const struct aio_sampled_task *it) {
    if (!it->is_valid)
        return;
    if (is_torn(input, it)) {
        keep_task(sampled, input, it);
        sampled->sample.torn++;
    } else {
        take_task(sampled, input, it);
    }
}

static void take_tasks(struct sampled *sampled, const struct sampled_input *input) {
    for (size_t i = 0; i < input->looks->count; i++) {
        uint64_t failed;
        const struct aio_sampled_tasks *tasks =
            aio_memo_get_tasks(input->looks->items[i].memo, &failed);
        for (size_t j = 0; j < tasks->count; j++)
            take_or_keep(sampled, input, tasks->items[j]);
        sampled->sample.reads_failed += failed;
    }
}

/* --- who waits for whom --- */

static void note_awaited(struct sampled *sampled, const struct known *waiter, snapshot_id id) {
    struct known *known = id_table_find(sampled->table, id);
    uint64_t number = waiter->shown->number;
    if (!known || known == waiter ||
        (known->awaited_sample == sampled->samples && known->awaited_by < number))
        return;
    known->awaited_sample = sampled->samples;
    known->awaited_by = number;
}

static bool is_in_sample(const struct sampled *sampled, const struct known *known) {
    return known->shown && known->sample == sampled->samples;
}

/* The name of the one task that is waited for; what another sample showed of it may be gone. */
static const char *find_name(const struct sampled *sampled, const struct snapshot_wait *wait) {
    const struct known *known = find_awaited_task(sampled, wait);
    return known && is_in_sample(sampled, known) ? known->shown->name : NULL;
}

static void find_awaited(struct sampled *sampled) {
    for (struct known *it = sampled->known; it; it = it->next) {
        const struct snapshot_wait *wait =
            is_in_sample(sampled, it) && it->task ? it->task->awaiting : NULL;
        if (!wait)
            continue;
        if (wait->kind == SNAPSHOT_WAIT_TASK)
            note_awaited(sampled, it, wait->id);
        for (size_t i = 0; i < wait->task_count; i++)
            note_awaited(sampled, it, wait->tasks[i]);
    }
}

/* Takes what only all tasks together tell into those that show something else. */
static void link_task(struct sampled *sampled, const struct sampled_input *input,
                      struct known *known) {
    const struct snapshot_wait *wait = known->task->awaiting;
    const struct recording_task *shown = known->shown;
    uint64_t awaited_by = known->awaited_sample == sampled->samples ? known->awaited_by : 0;
    const char *name = wait ? find_name(sampled, wait) : NULL;
    bool is_named = !shown->wait || sampled_text_is_same(shown->wait->task, name);
    if (shown->awaited_by == awaited_by && is_named)
        return;
    struct recording_task *task = arena_alloc(input->arena, sizeof *task);
    *task = *shown;
    task->awaited_by = awaited_by;
    if (!is_named) {
        struct recording_wait *named = arena_alloc(input->arena, sizeof *named);
        *named = *shown->wait;
        named->task = name;
        task->wait = named;
    }
    known->shown = task;
    if (shown->since_s < input->time_s) {
        task->since_s = input->time_s;
        note_change(sampled, shown, task);
    }
}

/* A change that was made of the first look at a task is one to what it shows in the end. */
static void update_changes(struct sampled *sampled) {
    for (size_t i = 0; i < sampled->changes.count; i++) {
        struct recording_change *change = &sampled->changes.items[i];
        const struct known *known =
            change->after ? id_table_find(sampled->table, change->after->id) : NULL;
        if (known)
            change->after = known->shown;
    }
}

static void link_tasks(struct sampled *sampled, const struct sampled_input *input) {
    find_awaited(sampled);
    for (struct known *it = sampled->known; it; it = it->next)
        if (is_in_sample(sampled, it) && it->task)
            link_task(sampled, input, it);
    update_changes(sampled);
}

static void list_tasks(struct sampled *sampled) {
    sampled->all.count = 0;
    for (struct known *it = sampled->known; it; it = it->next) {
        if (is_in_sample(sampled, it)) {
            it->place = sampled->all.count;
            ADD(&sampled->all, it->shown);
        } else if (it->shown) {
            note_change(sampled, it->shown, NULL);
            it->shown = NULL;
        }
    }
}

/* Those that are gone need not be remembered any more. */
void sampled_begin_epoch(struct sampled *sampled) {
    struct arena *arena = arena_create();
    struct known *known = sampled->known, **last = &sampled->known;
    sampled->epoch++;
    sampled->known = NULL;
    sampled->table = id_table_create(arena, 0);
    for (; known; known = known->next) {
        if (!known->shown)
            continue;
        struct known *copy = arena_alloc(arena, sizeof *copy);
        *copy = *known;
        copy->version = 0;
        copy->task = NULL;
        copy->next = NULL;
        *last = copy;
        last = &copy->next;
        id_table_add(sampled->table, copy->id, copy);
    }
    arena_destroy(sampled->arena);
    sampled->arena = arena;
}

/* --- threads and loops --- */

static uint64_t find_number(const struct sampled *sampled, snapshot_id id) {
    const struct known *known = id ? id_table_find(sampled->table, id) : NULL;
    return known && is_in_sample(sampled, known) ? known->shown->number : 0;
}

static enum snapshot_tristate is_on_cpu(const struct snapshot_thread *thread,
                                        const struct walk_kernel *kernel) {
    for (size_t i = 0; i < kernel->thread_count; i++)
        if (kernel->threads[i].tid == thread->tid)
            return kernel->threads[i].on_cpu || kernel->threads[i].state == 'R' ? SNAPSHOT_YES
                                                                                : SNAPSHOT_NO;
    return SNAPSHOT_MAYBE;
}

/* What a thread that ran meanwhile was seen to do may never have been so. */
static bool is_thread_torn(const struct sampled_input *input, const struct snapshot_thread *it) {
    return !input->has_threads && is_on_cpu(it, input->kernel) != SNAPSHOT_NO;
}

static void take_threads(struct sampled *sampled, const struct sampled_input *input) {
    sampled->threads.count = 0;
    for (size_t i = 0; i < input->snapshot->threads.count; i++) {
        const struct snapshot_thread *thread = &input->snapshot->threads.items[i];
        enum snapshot_tristate on_cpu = is_on_cpu(thread, input->kernel);
        bool is_torn = is_thread_torn(input, thread);
        const char *name = thread->name ? thread->name : thread->kernel_name;
        struct snapshot_stack *stack = arena_alloc(input->arena, sizeof *stack);
        if (!is_torn)
            *stack = thread->frames;
        sampled->sample.torn += is_torn;
        ADD(&sampled->threads,
            ((struct recording_thread){.tid = thread->tid,
                                       .ident = thread->ident,
                                       .name = name,
                                       .holds_gil = thread->holds_gil,
                                       .waits_for_gil = thread->waits_for_gil,
                                       .on_cpu = on_cpu,
                                       .cpu_s = thread->cpu_s,
                                       .event_loop = thread->event_loop,
                                       .task = find_number(sampled, thread->current_task),
                                       .stack = stack}));
    }
}

static uint64_t find_running_task(const struct sampled *sampled, const struct snapshot_loop *loop) {
    for (size_t i = 0; i < sampled->threads.count; i++)
        if (sampled->threads.items[i].event_loop == loop->id)
            return sampled->threads.items[i].task;
    return 0;
}

static bool is_loop_torn(const struct sampled_input *input, const struct snapshot_loop *loop) {
    for (size_t i = 0; i < input->snapshot->threads.count; i++)
        if (input->snapshot->threads.items[i].event_loop == loop->id)
            return is_thread_torn(input, &input->snapshot->threads.items[i]);
    return false;
}

static void take_loops(struct sampled *sampled, const struct sampled_input *input) {
    sampled->loops.count = 0;
    for (size_t i = 0; i < input->snapshot->event_loops.count; i++) {
        const struct snapshot_loop *loop = &input->snapshot->event_loops.items[i];
        bool is_torn = is_loop_torn(input, loop);
        ADD(&sampled->loops,
            ((struct recording_loop){.id = loop->id,
                                     .type = loop->type,
                                     .tid = loop->tid,
                                     .state = loop->state,
                                     .task = find_running_task(sampled, loop),
                                     .ready = loop->ready,
                                     .timers = is_torn ? SNAPSHOT_UNKNOWN : loop->timers,
                                     .overdue_s = is_torn ? NAN : loop->overdue_s,
                                     .blocked_s = is_torn ? NAN : loop->iteration_age_s}));
    }
}

static uint64_t find_collecting(const struct snapshot *snapshot) {
    uint64_t gc = 0;
    for (size_t i = 0; i < snapshot->interpreters.count && i < 64; i++)
        if (snapshot->interpreters.items[i].gc_collecting == SNAPSHOT_YES)
            gc |= (uint64_t)1 << i;
    return gc;
}

/* --- samples --- */

static const struct recording_sample *finish(struct sampled *sampled, double time_s,
                                             double pause_s) {
    struct recording_sample *sample = &sampled->sample;
    sample->number = ++sampled->numbers;
    sample->time_s = time_s;
    sample->pause_s = pause_s;
    sample->late_s = 0;
    sample->tasks = sampled->all.items;
    sample->task_count = sampled->all.count;
    sample->changes = sampled->changes.items;
    sample->change_count = sampled->changes.count;
    sample->threads = sampled->threads.items;
    sample->thread_count = sampled->threads.count;
    sample->loops = sampled->loops.items;
    sample->loop_count = sampled->loops.count;
    return sample;
}

static const struct recording_sample *finish_look(struct sampled *sampled,
                                                  const struct sampled_input *input) {
    for (size_t i = 0; i < input->looks->count; i++)
        aio_memo_forget_read(input->looks->items[i].memo);
    take_threads(sampled, input);
    take_loops(sampled, input);
    sampled->sample.gc = find_collecting(input->snapshot);
    return finish(sampled, input->time_s, input->pause_s);
}

static void begin(struct sampled *sampled, const struct sampled_input *input) {
    sampled->changes.count = 0;
    sampled->sample.torn = sampled->sample.reads_failed = 0;
    peers_begin(input->peers);
}

const struct recording_sample *sampled_add(struct sampled *sampled,
                                           const struct sampled_input *input) {
    begin(sampled, input);
    sampled->samples++;
    take_tasks(sampled, input);
    link_tasks(sampled, input);
    list_tasks(sampled);
    sampled->sample.is_whole = true;
    return finish_look(sampled, input);
}

/* Who waits for it is known already, or will be. */
static void list_again(struct sampled *sampled, const struct aio_sampled_task *it) {
    struct known *known = id_table_find(sampled->table, it->task.id);
    if (!known || !is_in_sample(sampled, known))
        return;
    if (known->place < sampled->all.count && sampled->all.items[known->place]->id == known->id) {
        sampled->all.items[known->place] = known->shown;
        return;
    }
    known->place = sampled->all.count;
    ADD(&sampled->all, known->shown);
}

const struct recording_sample *sampled_add_running(struct sampled *sampled,
                                                   const struct sampled_input *input) {
    begin(sampled, input);
    sampled->sample.is_whole = false;
    for (size_t i = 0; i < input->looks->count; i++) {
        const struct aio_sampled_tasks *tasks =
            aio_memo_get_read_tasks(input->looks->items[i].memo);
        for (size_t j = 0; j < tasks->count; j++) {
            take_or_keep(sampled, input, tasks->items[j]);
            list_again(sampled, tasks->items[j]);
        }
    }
    return finish_look(sampled, input);
}

/* What is late, or blocks, is so for longer. */
const struct recording_sample *sampled_repeat(struct sampled *sampled, double time_s) {
    double passed = time_s - sampled->sample.time_s;
    sampled->changes.count = 0;
    sampled->sample.torn = sampled->sample.reads_failed = 0;
    for (size_t i = 0; i < sampled->loops.count; i++) {
        sampled->loops.items[i].overdue_s += passed;
        sampled->loops.items[i].blocked_s += passed;
    }
    return finish(sampled, time_s, 0);
}
