/* The Python stacks of threads; equal threads are folded. */
#include <inttypes.h>
#include <string.h>

#include "frames.h"
#include "label.h"
#include "names.h"

#define THREAD_MARGIN 2
#define FACTS_COLUMNS 26 /* ", asleep in pthread_cond..." */

static bool equal_texts(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Threads that do the same: one of them stands for all. Loops are never folded. */
static bool are_equal(const struct snapshot_thread *a, const struct snapshot_thread *b) {
    return !a->event_loop && !b->event_loop && !a->current_task && !b->current_task &&
           a->holds_gil == b->holds_gil && a->frames.count == b->frames.count &&
           (a->frames.count == 0 || memcmp(a->frames.frames, b->frames.frames,
                                           a->frames.count * sizeof *a->frames.frames) == 0) &&
           equal_texts(a->os_state, b->os_state) && equal_texts(a->syscall, b->syscall);
}

/* The running task whose stack holds the innermost frames of the thread; `ret_shared` is how many
 * those are. NULL: there is none. */
static const struct snapshot_task *
find_shown(const struct report *report, const struct snapshot_thread *thread, size_t *ret_shared) {
    size_t place = task_index_find(report->index, thread->current_task), shared = 0;
    *ret_shared = 0;
    if (!thread->current_task || place == TASK_INDEX_NONE)
        return NULL;
    const struct snapshot_task *task = &report->snapshot->tasks.items[place];
    while (task->state == SNAPSHOT_TASK_RUNNING && shared < task->frames.count &&
           shared < thread->frames.count &&
           task->frames.frames[shared] == thread->frames.frames[shared])
        shared++;
    *ret_shared = shared;
    return task;
}

static void print_stack(struct report *report, const struct snapshot_thread *thread) {
    struct page *page = &report->page;
    size_t shared;
    const struct snapshot_task *task = find_shown(report, thread, &shared);
    struct snapshot_stack rest = {.count = thread->frames.count - shared,
                                  .frames = thread->frames.frames ? thread->frames.frames + shared
                                                                  : NULL};
    if (shared) {
        page->column = page->margin + 4;
        page_put_styled(page, PAGE_DIM,
                        arena_format(page->scratch, "... %zu frames of %s, see RUNNING", shared,
                                     label_task(report, task)));
        page_end_line(page);
    }
    if (!thread->frames.count) {
        page->column = page->margin + 4;
        page_put_styled(page, PAGE_DIM, "no Python frames");
        page_end_line(page);
    }
    struct stack_style style = {.whole = report->options->verbose};
    stack_print(page, &rest, style);
}

/* What the thread does, behind its name. */
static void print_facts(struct report *report, const struct snapshot_thread *thread) {
    struct page *page = &report->page;
    const char *state = label_thread_state(report, thread);
    if (*state)
        page_format(page, ", %s", state);
    if (thread->event_loop)
        page_put(page, ", event loop");
    if (thread->holds_gil == SNAPSHOT_YES)
        page_put(page, ", holds the GIL");
    page_end_line(page);
}

static void print_thread(struct report *report, const struct snapshot_thread *thread) {
    struct page *page = &report->page;
    const char *name = label_thread_name(thread);
    page->column = THREAD_MARGIN;
    if (thread->tid == SNAPSHOT_UNKNOWN)
        page_put_styled(page, PAGE_BOLD, "tid unknown");
    else
        page_put_styled(page, PAGE_BOLD, arena_format(page->scratch, "tid %" PRId64, thread->tid));
    if (name) {
        page_put(page, " ");
        page_put_head(page, name, page->width / 3);
    }
    print_facts(report, thread);
    print_stack(report, thread);
}

static void print_equal_threads(struct report *report, size_t first, const bool *same,
                                size_t count) {
    struct page *page = &report->page;
    const struct snapshot_thread *threads = report->snapshot->threads.items;
    struct names *names = names_create(page);
    for (size_t i = first; i < report->snapshot->threads.count; i++)
        if (same[i])
            names_add(names, label_thread_name(&threads[i]));
    page->column = THREAD_MARGIN;
    page_put_styled(page, PAGE_BOLD,
                    arena_format(page->scratch, "%s threads", page_count(page, count)));
    page_put(page, " ");
    names_print(names, page->width - page->column - FACTS_COLUMNS);
    print_facts(report, &threads[first]);
    print_stack(report, &threads[first]);
}

/* Prints the thread and all that are equal to it and not printed yet. */
static void print_with_equals(struct report *report, size_t first, bool *printed) {
    const struct snapshot *snapshot = report->snapshot;
    bool *same = arena_alloc_array(report->page.scratch, snapshot->threads.count, sizeof *same);
    size_t count = 0;
    for (size_t i = first; i < snapshot->threads.count; i++) {
        same[i] = !printed[i] && (i == first || are_equal(&snapshot->threads.items[first],
                                                          &snapshot->threads.items[i]));
        printed[i] = printed[i] || same[i];
        count += same[i];
    }
    if (count == 1)
        print_thread(report, &snapshot->threads.items[first]);
    else
        print_equal_threads(report, first, same, count);
    arena_reset(report->page.scratch);
}

/* A thread of an executor that waits for work (Lib/concurrent/futures/thread.py). */
static bool is_idle_worker(const struct snapshot_thread *thread) {
    static const char file[] = "concurrent/futures/thread.py";
    const struct snapshot_frame *frame = thread->frames.count ? thread->frames.frames[0] : NULL;
    if (!frame || !frame->file || !equal_texts(frame->function, "_worker"))
        return false;
    size_t length = strlen(frame->file), tail = strlen(file);
    return length >= tail && strcmp(frame->file + length - tail, file) == 0;
}

/* Whether the stack says nothing that is not told above: of an idle loop, of a running task, of an
 * idle thread of an executor. */
static bool is_told(const struct report *report, const struct snapshot_thread *thread) {
    const struct snapshot *snapshot = report->snapshot;
    size_t shared;
    if (is_idle_worker(thread) || (find_shown(report, thread, &shared) && shared))
        return true;
    for (size_t i = 0; thread->event_loop && i < snapshot->event_loops.count; i++)
        if (snapshot->event_loops.items[i].id == thread->event_loop)
            return snapshot->event_loops.items[i].state == SNAPSHOT_LOOP_IDLE;
    return false;
}

/* Marks the threads that need no stack here; gives how many. */
static size_t mark_told(const struct report *report, bool *told) {
    size_t count = 0;
    for (size_t i = 0; i < report->snapshot->threads.count && !report->options->verbose; i++) {
        told[i] = is_told(report, &report->snapshot->threads.items[i]);
        count += told[i];
    }
    return count;
}

void report_threads(struct report *report) {
    size_t count = report->snapshot->threads.count;
    struct arena *arena = arena_create();
    bool *printed = arena_alloc_array(arena, count, sizeof *printed);
    size_t told = mark_told(report, printed);
    if (told < count)
        report_title_with(report, "THREAD STACKS",
                          told ? arena_format(report->page.scratch,
                                              "%s more, idle or shown above: -v",
                                              page_count(&report->page, told))
                               : "");
    report->page.margin = THREAD_MARGIN;
    for (size_t i = 0; i < count; i++)
        if (!printed[i])
            print_with_equals(report, i, printed);
    arena_destroy(arena);
    report->page.margin = 0;
}
