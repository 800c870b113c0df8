/* The Python stacks of threads; equal threads are folded. */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"
#include "frames.h"
#include "label.h"
#include "names.h"

#define THREAD_MARGIN 2
#define FACTS_COLUMNS 26 /* ", asleep in pthread_cond..." */
#define STACKS_MAX 20    /* unless everything is told */

/* Threads that do the same: one of them stands for all. */
struct class {
    size_t first, last; /* places of threads */
    size_t count;
};

struct classes {
    struct class **items;
    size_t count;
    size_t *next; /* of each thread the next one of its class */
};

static bool equal_texts(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What equal threads have in common; NULL: loops and what runs a task are never folded. */
static const char *make_key(struct arena *arena, const struct snapshot_thread *thread,
                            size_t *ret_size) {
    if (thread->event_loop || thread->current_task)
        return NULL;
    const char *head = arena_format(
        arena, "%d\n%s\n%s\n%s", (int)thread->holds_gil, thread->os_state ? thread->os_state : "",
        thread->syscall ? thread->syscall : "", thread->wait_channel ? thread->wait_channel : "");
    size_t size = strlen(head) + 1, frames = thread->frames.count * sizeof *thread->frames.frames;
    char *key = arena_alloc(arena, size + frames);
    memcpy(key, head, size);
    if (frames)
        memcpy(key + size, thread->frames.frames, frames);
    *ret_size = size + frames;
    return key;
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

/* Where Python starts every thread (Lib/threading.py). */
static bool is_bootstrap(const struct snapshot_frame *frame) {
    static const char *const functions[] = {"run", "_bootstrap_inner", "_bootstrap"};
    if (frame_get_origin(frame) != FRAME_STDLIB || !frame->file ||
        strcmp(frame_get_short_file(frame), "threading.py") != 0)
        return false;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (equal_texts(frame->function, functions[i]))
            return true;
    return false;
}

/* The frames without the innermost ones that are told already, and without those that start every
 * thread. */
static struct snapshot_stack get_rest(const struct report *report,
                                      const struct snapshot_thread *thread, size_t told) {
    struct snapshot_stack rest = thread->frames;
    rest.count -= told;
    rest.frames += told;
    while (!report->options->verbose && rest.count > 1 && is_bootstrap(rest.frames[rest.count - 1]))
        rest.count--;
    return rest;
}

static void print_note(struct page *page, const char *text) {
    page->column = page->margin + 4;
    page_put_styled(page, PAGE_DIM, text);
    page_end_line(page);
}

static void print_stack(struct report *report, const struct snapshot_thread *thread) {
    struct page *page = &report->page;
    size_t shared;
    const struct snapshot_task *task = find_shown(report, thread, &shared);
    struct snapshot_stack rest = get_rest(report, thread, shared);
    if (shared)
        print_note(page, arena_format(page->scratch, "... %zu frames of %s, see RUNNING", shared,
                                      label_task(report, task)));
    if (!thread->frames.count)
        print_note(page, "no Python frames");
    stack_print(page, &rest, (struct stack_style){.whole = report->options->verbose});
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

static void print_equal_threads(struct report *report, const struct classes *classes,
                                const struct class *class) {
    struct page *page = &report->page;
    const struct snapshot_thread *threads = report->snapshot->threads.items;
    struct names *names = names_create(page);
    for (size_t i = 0, place = class->first; i < class->count; i++, place = classes->next[place])
        names_add(names, label_thread_name(&threads[place]));
    page->column = THREAD_MARGIN;
    page_put_styled(page, PAGE_BOLD,
                    arena_format(page->scratch, "%s threads", page_count(page, class->count)));
    page_put(page, " ");
    names_print(names, page->width - page->column - FACTS_COLUMNS);
    print_facts(report, &threads[class->first]);
    print_stack(report, &threads[class->first]);
}

static void print_class(struct report *report, const struct classes *classes,
                        const struct class *class) {
    if (class->count == 1)
        print_thread(report, &report->snapshot->threads.items[class->first]);
    else
        print_equal_threads(report, classes, class);
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

/* The loops that wait for something to do. */
static const struct id_table *collect_idle_loops(struct arena *arena,
                                                 const struct snapshot *snapshot) {
    struct id_table *idle = id_table_create(arena, 0);
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        if (snapshot->event_loops.items[i].state == SNAPSHOT_LOOP_IDLE)
            id_table_add(idle, snapshot->event_loops.items[i].id, &snapshot->event_loops.items[i]);
    return idle;
}

/* Whether the stack says nothing that is not told above: of an idle loop, of a running task, of an
 * idle thread of an executor, of one whose stack stands with the task that waits for it. */
static bool is_told(const struct report *report, const struct id_table *idle_loops, size_t place) {
    const struct snapshot_thread *thread = &report->snapshot->threads.items[place];
    size_t shared;
    if (report->options->verbose)
        return false;
    if (report->spliced[place] || is_idle_worker(thread) ||
        (find_shown(report, thread, &shared) && shared))
        return true;
    return thread->event_loop && id_table_find(idle_loops, thread->event_loop);
}

static bool has_user_frame(const struct snapshot_thread *thread) {
    for (size_t i = 0; i < thread->frames.count; i++)
        if (frame_get_origin(thread->frames.frames[i]) == FRAME_USER)
            return true;
    return false;
}

static void add_thread(struct arena *arena, struct table *table, struct classes *classes,
                       const struct snapshot_thread *threads, size_t place) {
    size_t size = 0;
    const char *key = make_key(arena, &threads[place], &size);
    struct class *class = key ? table_find(table, key, size) : NULL;
    if (class) {
        class->last = classes->next[class->last] = place;
        class->count++;
        return;
    }
    class = arena_alloc(arena, sizeof *class);
    *class = (struct class){.first = place, .last = place, .count = 1};
    classes->items[classes->count++] = class;
    if (key)
        table_add(table, key, size, class);
}

/* The threads that are not told yet; those that are in somebody's own code come first. */
static struct classes make_classes(const struct report *report, struct arena *arena,
                                   size_t *ret_told) {
    const struct snapshot *snapshot = report->snapshot;
    size_t count = snapshot->threads.count;
    const struct id_table *idle_loops = collect_idle_loops(arena, snapshot);
    struct classes classes = {.items = arena_alloc_array(arena, count, sizeof(struct class *)),
                              .next = arena_alloc_array(arena, count, sizeof(size_t))};
    struct table *table = table_create();
    *ret_told = 0;
    for (int library = 0; library < 2; library++)
        for (size_t i = 0; i < count; i++) {
            if (has_user_frame(&snapshot->threads.items[i]) == library)
                continue;
            if (is_told(report, idle_loops, i))
                ++*ret_told;
            else
                add_thread(arena, table, &classes, snapshot->threads.items, i);
        }
    table_destroy(table);
    return classes;
}

static void print_classes(struct report *report, const struct classes *classes) {
    struct page *page = &report->page;
    size_t most = classes->count, rest = 0;
    if (!report->options->verbose && most > STACKS_MAX + 1)
        most = STACKS_MAX;
    for (size_t i = 0; i < classes->count; i++)
        if (i < most)
            print_class(report, classes, classes->items[i]);
        else
            rest += classes->items[i]->count;
    page->column = THREAD_MARGIN;
    if (rest) {
        page_put_styled(page, PAGE_DIM,
                        arena_format(page->scratch, "... %s more stacks, %s threads (-v)",
                                     page_count(page, classes->count - most),
                                     page_count(page, rest)));
        page_end_line(page);
    }
    page->column = 0;
}

void report_threads(struct report *report) {
    size_t told;
    struct arena *arena = arena_create();
    struct classes classes = make_classes(report, arena, &told);
    if (classes.count)
        report_title_with(report, "THREAD STACKS",
                          told ? arena_format(report->page.scratch,
                                              "-v %s more: idle, or told above",
                                              page_count(&report->page, told))
                               : "");
    report->page.margin = THREAD_MARGIN;
    print_classes(report, &classes);
    report->page.margin = 0;
    arena_destroy(arena);
}
