#include "report_holds.h"

#include <string.h>

#include "frames.h"
#include "label.h"
#include "report_tally.h"

/* A pool that a task took something from, and the next one. */
struct taken {
    const struct snapshot_object *pool;
    struct taken *next;
};

static void add_taken(struct arena *arena, struct id_table *table, snapshot_id task,
                      const struct snapshot_object *pool) {
    struct taken *first = id_table_find(table, task), *taken = arena_alloc(arena, sizeof *taken);
    *taken = (struct taken){pool, first ? first->next : NULL};
    if (first)
        first->next = taken;
    else
        id_table_add(table, task, taken);
}

const struct id_table *report_index_pools(struct arena *arena, const struct snapshot *snapshot) {
    struct id_table *table = id_table_create(arena, 0);
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        const struct snapshot_object *object = &snapshot->objects.items[i];
        bool is_pool = object->kind == SNAPSHOT_OBJECT_QUEUE;
        for (size_t j = 0; is_pool && j < object->holder_count; j++)
            if (object->holders[j].task && object->holders[j].confidence != SNAPSHOT_POSSIBLE)
                add_taken(arena, table, object->holders[j].task, object);
    }
    return table;
}

enum worth {
    WORTH_NOTHING,
    WORTH_A_WORD, /* its kind */
    WORTH_A_LINE,
};

/* A manager that a task is in. */
struct entry {
    const struct snapshot_object *object;
    const struct snapshot_frame *frame; /* that entered it; NULL: not known */
};

static struct entry get_entry(const struct report *report, const struct snapshot_task *task,
                              const struct snapshot_hold *hold) {
    bool known = hold->frame >= 0 && (size_t)hold->frame < task->frames.count;
    return (struct entry){label_find_object(report, hold->object),
                          known ? task->frames.frames[hold->frame] : NULL};
}

/* Managers that say how code is built, not what it waits for. */
static bool is_plumbing(const char *type) {
    static const char *const modules[] = {"contextlib.", "asyncio.",   "anyio.",
                                          "concurrent.", "threading.", "async_timeout."};
    for (size_t i = 0; type && i < sizeof modules / sizeof *modules; i++)
        if (strncmp(type, modules[i], strlen(modules[i])) == 0)
            return true;
    return false;
}

static bool is_lock(const struct snapshot_object *object) {
    return object->kind == SNAPSHOT_OBJECT_LOCK || object->kind == SNAPSHOT_OBJECT_SEMAPHORE ||
           object->kind == SNAPSHOT_OBJECT_CONDITION || object->kind == SNAPSHOT_OBJECT_THREAD_LOCK;
}

static enum worth judge(const struct report *report, const struct entry *entry) {
    if (report->options->verbose)
        return WORTH_A_LINE;
    if (!entry->object)
        return WORTH_NOTHING;
    if (entry->object->waiter_count && entry->object->kind != SNAPSHOT_OBJECT_TASK_GROUP)
        return WORTH_A_LINE;
    if (entry->frame && frame_get_origin(entry->frame) == FRAME_STDLIB)
        return WORTH_NOTHING;
    if (is_lock(entry->object))
        return WORTH_A_LINE;
    return is_plumbing(entry->object->type) ? WORTH_NOTHING : WORTH_A_WORD;
}

/* "Lock" of "Lock#1": the class. */
static const char *describe_kind(struct report *report, const struct snapshot_object *object) {
    const char *label = label_object(report, object), *number = strchr(label, '#');
    return number ? arena_format(report->page.scratch, "%.*s", (int)(number - label), label)
                  : label;
}

/* "Lock#1 'first' in transfer": the frame is told of one task. Locks of many tasks that nobody
 * waits for differ in their numbers only. */
static const char *describe(struct report *report, const struct entry *entry, bool of_one) {
    if (!entry->object)
        return "an object";
    if (!of_one && !entry->object->waiter_count && entry->object->holder_count < 2 &&
        !report->options->verbose)
        return describe_kind(report, entry->object);
    const char *label = label_object(report, entry->object);
    if (!of_one || !entry->frame)
        return label;
    return arena_format(report->page.scratch, "%s in %s", label, frame_get_name(entry->frame));
}

/* "PoolAcquireContext x 5, _Atomic x 5" */
static void print_kinds(struct report *report, struct tally *tally) {
    struct page *page = &report->page;
    tally_sort(tally);
    if (!tally->count)
        return;
    stack_start_fact(page, "within");
    for (size_t i = 0; i < tally->count && page->column < page->width; i++) {
        const struct tally_item *item = tally->items[i];
        page_put(page, i ? ", " : "");
        page_put(page, item->key);
        if (item->count > 1)
            page_format(page, " x %s", page_count(page, item->count));
    }
    page_end_line(page);
}

static void print_taken(struct report *report, const size_t *tasks, size_t count) {
    struct tally tally = tally_create(report->page.scratch);
    for (size_t i = 0; i < count; i++) {
        snapshot_id id = report->snapshot->tasks.items[tasks[i]].id;
        for (struct taken *it = id_table_find(report->pools, id); it; it = it->next) {
            const char *text = label_object(report, it->pool);
            tally_add(&tally, text, strlen(text), 1);
        }
    }
    report_tally(report, "took from", &tally, count == 1);
    tally_destroy(&tally);
}

void report_holds(struct report *report, const size_t *tasks, size_t count) {
    struct tally lines = tally_create(report->page.scratch);
    struct tally kinds = tally_create(report->page.scratch);
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_task *task = &report->snapshot->tasks.items[tasks[i]];
        for (size_t j = 0; j < task->hold_count; j++) {
            struct entry entry = get_entry(report, task, &task->holds[j]);
            enum worth worth = judge(report, &entry);
            if (worth == WORTH_NOTHING)
                continue;
            bool line = worth == WORTH_A_LINE;
            const char *text =
                line ? describe(report, &entry, count == 1) : describe_kind(report, entry.object);
            tally_add(line ? &lines : &kinds, text, strlen(text), 1);
        }
    }
    report_tally(report, count == 1 ? "holds" : "hold", &lines, count == 1);
    print_taken(report, tasks, count);
    print_kinds(report, &kinds);
    tally_destroy(&lines);
    tally_destroy(&kinds);
}
