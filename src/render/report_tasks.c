/* The tasks one by one: those that run, and all others. */
#include <stdlib.h>
#include <string.h>

#include "label.h"
#include "report_facts.h"
#include "report_stack.h"

#define RUNNING_MAX 12 /* unless everything is told; of them all are compared with all */

static bool is_running(const struct snapshot_group *group) {
    return group->state == SNAPSHOT_TASK_RUNNING;
}

static void print_task(struct report *report, size_t place) {
    struct page *page = &report->page;
    const struct snapshot_task *task = &report->snapshot->tasks.items[place];
    int name_columns = page->width / 3;
    page_put_head_styled(page, PAGE_BOLD, label_task(report, task), name_columns);
    page_move(page, name_columns + 2);
    page_put_styled(page, PAGE_BOLD, label_task_state(task));
    page_move(page, name_columns + 15);
    int columns = page->width - page->column;
    const char *wait = label_wait(report, task);
    page_put(page, wait);
    page_end_line(page);
    report_whole_wait(report, wait, columns);
    report_stack(report, task, REPORT_FOLDED, true);
    report_facts(report, &place, 1, false);
    arena_reset(page->scratch);
}

/* By name, "Task-9" before "Task-10": the numbers of asyncio's own names tell the order in which
 * tasks were made. */
static int compare_names(const void *a, const void *b, void *snapshot) {
    const size_t *first = a, *second = b;
    const struct snapshot_task *tasks = ((const struct snapshot *)snapshot)->tasks.items;
    const char *name = tasks[*first].name, *other = tasks[*second].name;
    int order = name && other ? strverscmp(name, other) : !name - !other;
    return order ? order : (*first > *second) - (*first < *second);
}

static void print_members(struct report *report, const struct snapshot_group *group) {
    size_t *places = memory_alloc((group->task_count + 1) * sizeof *places);
    memcpy(places, group->tasks, group->task_count * sizeof *places);
    qsort_r(places, group->task_count, sizeof *places, compare_names,
            (void *)(uintptr_t)report->snapshot);
    for (size_t i = 0; i < group->task_count; i++)
        print_task(report, places[i]);
    free(places);
}

void report_all_tasks(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    size_t count = 0;
    for (size_t i = 0; i < snapshot->groups.count; i++)
        count += is_running(&snapshot->groups.items[i]) ? 0 : snapshot->groups.items[i].task_count;
    if (!count)
        return;
    report_title_with(report,
                      arena_format(page->scratch, "EVERY TASK   %s%s", page_count(page, count),
                                   count == snapshot->tasks.count ? "" : ", and the running above"),
                      report->options->verbose ? "" : "-v all frames");
    for (size_t i = 0; i < snapshot->groups.count; i++)
        if (!is_running(&snapshot->groups.items[i]))
            print_members(report, &snapshot->groups.items[i]);
}

/* A task that runs, and the one that it started eagerly within its own step: the innermost frames
 * of the first are all of the second (3.12 on: eager_task_factory of Lib/asyncio/tasks.py). */
struct running {
    size_t number, place;
    const struct snapshot_task *task;
    const struct snapshot_task *inner; /* NULL: none */
};

static bool contains(const struct snapshot_task *task, const struct snapshot_task *inner) {
    return inner->frames.count && inner->frames.count < task->frames.count &&
           memcmp(task->frames.frames, inner->frames.frames,
                  inner->frames.count * sizeof *inner->frames.frames) == 0;
}

/* Of several that are within each other, the outermost: its own stack tells of the others. */
static void find_inner(struct running *running, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            const struct snapshot_task *inner = running[j].task, *best = running[i].inner;
            if (running[i].task->event_loop == inner->event_loop &&
                contains(running[i].task, inner) &&
                (!best || best->frames.count < inner->frames.count))
                running[i].inner = inner;
        }
}

static void put_where(struct report *report, const struct running *running) {
    struct page *page = &report->page;
    const struct snapshot_task *task = running->task;
    if (running->inner) {
        page_put(page, "  has started ");
        page_put_head(page, label_task(report, running->inner), page->width / 3);
        page_put(page, " eagerly, which runs");
        return;
    }
    const struct snapshot_thread *thread = label_find_thread(report, task->tid);
    page_put(page, "  in ");
    page_put_head(page,
                  task->tid == SNAPSHOT_UNKNOWN ? "a thread that is not known"
                                                : label_thread(report, task->tid),
                  page->width / 3);
    const char *state = thread ? label_thread_state(report, thread) : "";
    if (*state)
        page_format(page, ", %s", state);
    if (thread && thread->holds_gil == SNAPSHOT_YES)
        page_put(page, ", holds the GIL");
}

/* The innermost first. */
static int compare_running(const void *a, const void *b) {
    const struct running *first = a, *second = b;
    if (!first->inner != !second->inner)
        return first->inner ? 1 : -1;
    if (first->inner && first->task->frames.count != second->task->frames.count)
        return first->task->frames.count < second->task->frames.count ? -1 : 1;
    return first->number < second->number ? -1 : 1;
}

/* The stack of the task itself, without the frames of the one that it has started. */
static void print_own_stack(struct report *report, const struct running *running) {
    struct snapshot_task own = *running->task;
    size_t inner = running->inner ? running->inner->frames.count : 0;
    own.frames.count -= inner;
    own.frames.frames += inner;
    report_stack(report, &own, REPORT_FOLDED, false);
}

static void print_running(struct report *report, const struct running *running) {
    struct page *page = &report->page;
    report_title(report, "RUNNING  ");
    page_put_head(page, label_task(report, running->task), page->width / 3);
    put_where(report, running);
    page_end_line(page);
    print_own_stack(report, running);
    report_facts(report, &running->place, 1, false);
    arena_reset(page->scratch);
}

static size_t list_running(const struct report *report, struct running *ret) {
    const struct snapshot *snapshot = report->snapshot;
    size_t count = 0;
    for (size_t i = 0; i < snapshot->groups.count; i++)
        for (size_t j = 0;
             is_running(&snapshot->groups.items[i]) && j < snapshot->groups.items[i].task_count;
             j++) {
            size_t place = snapshot->groups.items[i].tasks[j];
            ret[count] = (struct running){
                .number = count, .place = place, .task = &snapshot->tasks.items[place]};
            count++;
        }
    return count;
}

void report_running(struct report *report) {
    struct arena *arena = arena_create();
    struct running *running =
        arena_alloc_array(arena, report->snapshot->tasks.count, sizeof *running);
    size_t count = list_running(report, running), most = count;
    if (!report->options->verbose && !report->options->all_tasks && count > RUNNING_MAX)
        most = RUNNING_MAX;
    find_inner(running, count < RUNNING_MAX ? count : RUNNING_MAX);
    if (count)
        qsort(running, count, sizeof *running, compare_running);
    for (size_t i = 0; i < most; i++)
        print_running(report, &running[i]);
    if (count > most) {
        report_title(report, "RUNNING  ");
        page_format(&report->page, "... %s more (-v)", page_count(&report->page, count - most));
        page_end_line(&report->page);
    }
    arena_destroy(arena);
}
