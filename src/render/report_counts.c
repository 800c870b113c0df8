/* One line each for loops, tasks and threads. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/text.h"
#include "label.h"

#define LABEL_COLUMNS 8 /* "THREADS " */
#define COUNT_COLUMNS 7
#define LOOPS_MAX 10
#define LABEL_COLUMNS_MAX 30 /* of a loop's thread */

void report_start_count(struct report *report, const char *label, size_t count) {
    page_put_styled(&report->page, PAGE_BOLD, label);
    report->page.column = LABEL_COLUMNS;
    page_put_count(&report->page, count, COUNT_COLUMNS);
    report->page.column = REPORT_COUNT_COLUMN;
}

/* From the loop to how many tasks it has. */
static const struct id_table *count_loop_tasks(struct arena *arena,
                                               const struct snapshot *snapshot) {
    struct id_table *counts = id_table_create(arena, snapshot->event_loops.count);
    size_t *all = arena_alloc_array(arena, snapshot->event_loops.count, sizeof *all);
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        id_table_add(counts, snapshot->event_loops.items[i].id, &all[i]);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        size_t *count = id_table_find(counts, snapshot->tasks.items[i].event_loop);
        if (count)
            ++*count;
    }
    return counts;
}

static const char *describe_loop_place(struct report *report, const struct snapshot_loop *loop) {
    return loop->tid == SNAPSHOT_UNKNOWN ? "in no thread" : label_thread(report, loop->tid);
}

/* "BLOCKED 41.2 s", "idle 12.3 s", "running". */
static const char *describe_loop_state(struct report *report, const struct snapshot_loop *loop) {
    const char *name = snapshot_loop_state_name(loop->state);
    bool idle = loop->state == SNAPSHOT_LOOP_IDLE;
    bool busy = loop->state == SNAPSHOT_LOOP_RUNNING || loop->state == SNAPSHOT_LOOP_BLOCKED;
    double seconds = idle ? loop->idle_s : busy ? loop->iteration_age_s : NAN;
    if (loop->state == SNAPSHOT_LOOP_BLOCKED)
        name = "BLOCKED";
    bool is_bound = busy && loop->callback_count == SNAPSHOT_UNKNOWN;
    const char *sign = isnan(seconds) ? "" : is_bound ? " >= " : " ";
    return arena_format(report->page.scratch, "%s%s%s", name ? name : "unknown", sign,
                        is_bound ? label_at_least(report, seconds)
                                 : label_duration(report, seconds));
}

static const char *describe_timers(struct report *report, const struct snapshot_loop *loop) {
    struct arena *arena = report->page.scratch;
    const char *late = "";
    if (loop->overdue_timers != SNAPSHOT_UNKNOWN && loop->overdue_timers > 0)
        late = arena_format(arena, " (%" PRId64 " late)", loop->overdue_timers);
    else if (!isnan(loop->overdue_s))
        late = arena_format(arena, " (%s late)", label_duration(report, loop->overdue_s));
    return arena_format(arena, "timers %" PRId64 "%s", loop->timers, late);
}

/* Adds a fact to the line of a loop where there is room for it, or to a line of its own where
 * everything is told or the fact `must` be. */
static void put_fact(struct report *report, const char *text, int column, bool must) {
    struct page *page = &report->page;
    int width = text_width(page_escape(page, text));
    bool fits = page->column + 2 + width <= page->width;
    if (!*text || (!fits && !report->options->verbose && !must))
        return;
    if (!fits) {
        page_end_line(page);
        page->column = column - 2;
    }
    page->column += 2;
    page_put(page, text);
}

/* "uvloop.Loop" whole, of asyncio's own loops only the class. */
static const char *describe_loop_type(const struct snapshot_loop *loop) {
    const char *type = loop->type ? loop->type : "of unknown type";
    const char *dot = strrchr(type, '.');
    return strncmp(type, "asyncio.", 8) == 0 && dot ? dot + 1 : type;
}

static void put_callback(struct report *report, const struct snapshot_loop *loop, int column) {
    struct arena *arena = report->page.scratch;
    if (loop->callback_index == SNAPSHOT_UNKNOWN || loop->callback_count == SNAPSHOT_UNKNOWN)
        return;
    const char *callee = report->options->verbose && loop->callback ? loop->callback : "";
    put_fact(report,
             arena_format(arena, "callback %" PRId64 " of %" PRId64 "%s%s",
                          loop->callback_index + 1, loop->callback_count, *callee ? ": " : "",
                          callee),
             column, false);
}

/* What is known of a loop beside its state, the most telling first. */
static void put_facts(struct report *report, const struct snapshot_loop *loop, size_t tasks,
                      int column) {
    struct page *page = &report->page;
    struct arena *arena = page->scratch;
    if (loop->ready != SNAPSHOT_UNKNOWN)
        put_fact(report, arena_format(arena, "ready %" PRId64, loop->ready), column, false);
    if (loop->timers != SNAPSHOT_UNKNOWN)
        put_fact(report, describe_timers(report, loop), column, loop->overdue_timers > 0);
    if (report->snapshot->event_loops.count > 1 || report->options->verbose) {
        put_fact(
            report,
            arena_format(arena, "%s %s", page_count(page, tasks), tasks == 1 ? "task" : "tasks"),
            column, false);
    }
    if (loop->debug == SNAPSHOT_YES)
        put_fact(report, "debug", column, false);
    if (loop->state == SNAPSHOT_LOOP_IDLE && !isnan(loop->next_timer_s))
        put_fact(
            report,
            arena_format(arena, "next timer in %s", label_duration(report, loop->next_timer_s)),
            column, false);
    put_callback(report, loop, column);
    const char *type = describe_loop_type(loop);
    if (report->options->verbose || strcmp(type, "_UnixSelectorEventLoop") != 0)
        put_fact(report, type, column, false);
}

static void print_loop(struct report *report, const struct snapshot_loop *loop, size_t tasks,
                       int columns) {
    struct page *page = &report->page;
    int column = REPORT_COUNT_COLUMN + columns + 2;
    page->column = REPORT_COUNT_COLUMN;
    page_put_head(page, describe_loop_place(report, loop), columns);
    page_move(page, column);
    page_put_styled(page, loop->state == SNAPSHOT_LOOP_BLOCKED ? PAGE_ALARM : PAGE_BOLD,
                    describe_loop_state(report, loop));
    put_facts(report, loop, tasks, column);
    page_end_line(page);
}

/* The columns that the threads of the printed loops take. */
static int measure_places(struct report *report, size_t count) {
    int columns = 0;
    for (size_t i = 0; i < count; i++) {
        const char *text = describe_loop_place(report, &report->snapshot->event_loops.items[i]);
        int width = text_width(page_escape(&report->page, text));
        columns = width > columns ? width : columns;
    }
    return columns < LABEL_COLUMNS_MAX ? columns : LABEL_COLUMNS_MAX;
}

static void print_loops(struct report *report) {
    struct page *page = &report->page;
    size_t count = report->snapshot->event_loops.count;
    size_t most = report->options->verbose || count < LOOPS_MAX ? count : LOOPS_MAX;
    int columns = measure_places(report, most);
    const struct id_table *tasks = count_loop_tasks(page->scratch, report->snapshot);
    report_start_count(report, "LOOPS", count);
    if (!count) {
        if (report->snapshot->missing.count == 0)
            page_put(page, "no event loop runs, and no task knows one");
        page_end_line(page);
    }
    for (size_t i = 0; i < most; i++) {
        const struct snapshot_loop *loop = &report->snapshot->event_loops.items[i];
        print_loop(report, loop, *(size_t *)id_table_find(tasks, loop->id), columns);
    }
    if (count > most) {
        page->column = REPORT_COUNT_COLUMN;
        page_format(page, "... %s more loops (-v)", page_count(page, count - most));
        page_end_line(page);
    }
}

static void print_tasks(struct report *report) {
    struct page *page = &report->page;
    size_t counts[SNAPSHOT_TASK_STATE_COUNT] = {0}, idle = 0;
    const char *separator = "";
    for (size_t i = 0; i < report->snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &report->snapshot->tasks.items[i];
        counts[task->state]++;
        idle += task->state == SNAPSHOT_TASK_WAITING && task->idle == SNAPSHOT_YES;
    }
    report_start_count(report, "TASKS", report->snapshot->tasks.count);
    for (int i = 0; i < SNAPSHOT_TASK_STATE_COUNT; i++) {
        if (!counts[i])
            continue;
        page_format(page, "%s%s %s", separator, page_count(page, counts[i]),
                    label_state((enum snapshot_task_state)i));
        if (i == SNAPSHOT_TASK_WAITING && idle)
            page_format(page, " (%s idle%s)", page_count(page, idle),
                        page->width < 100 ? "" : " by design");
        separator = ", ";
    }
    page_end_line(page);
}

/* Who holds the GIL: a thread, nobody, or not known. */
static void print_gil(struct report *report) {
    const struct snapshot *snapshot = report->snapshot;
    bool known = snapshot->threads.count > 0;
    for (size_t i = 0; i < snapshot->threads.count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads.items[i];
        known = known && thread->holds_gil != SNAPSHOT_MAYBE;
        if (thread->holds_gil == SNAPSHOT_YES) {
            page_format(&report->page, ", GIL held by %s", label_thread(report, thread->tid));
            return;
        }
    }
    if (known)
        page_put(&report->page, ", GIL free");
}

/* Adds up what is known. */
static void add_known(int64_t *sum, int64_t count) {
    if (count != SNAPSHOT_UNKNOWN && count > 0 && count < INT32_MAX)
        *sum += count;
}

static struct snapshot_executor sum_executors(const struct snapshot *snapshot) {
    struct snapshot_executor sum = {0};
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        const struct snapshot_executor *executor = &snapshot->event_loops.items[i].executor;
        add_known(&sum.max_workers, executor->max_workers);
        add_known(&sum.busy, executor->busy);
        add_known(&sum.idle, executor->idle);
        add_known(&sum.queued, executor->queued);
    }
    return sum;
}

/* The threads of the loops' default executors, and those that are neither these nor of a loop. */
static void print_executors(struct report *report, size_t loops) {
    struct page *page = &report->page;
    struct snapshot_executor sum = sum_executors(report->snapshot);
    if (!sum.busy && !sum.idle && !sum.queued)
        return;
    page_format(page, ", %" PRId64 " executor (%" PRId64 " busy", sum.busy + sum.idle, sum.busy);
    if (sum.idle || !sum.queued)
        page_format(page, ", %" PRId64 " idle", sum.idle);
    if (sum.queued)
        page_format(page, ", %" PRId64 " calls queued", sum.queued);
    page_put(page, ")");
    size_t known = loops + (size_t)(sum.busy + sum.idle);
    if (report->snapshot->threads.count > known)
        page_format(page, ", %s other%s", page_count(page, report->snapshot->threads.count - known),
                    report->snapshot->threads.count - known == 1 ? "" : "s");
}

static void print_threads(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    size_t loops = 0, collecting = 0;
    for (size_t i = 0; i < snapshot->threads.count; i++)
        loops += snapshot->threads.items[i].event_loop != 0;
    for (size_t i = 0; i < snapshot->interpreters.count; i++)
        collecting += snapshot->interpreters.items[i].gc_collecting == SNAPSHOT_YES;
    report_start_count(report, "THREADS", snapshot->threads.count);
    page_format(page, "%s in an event loop", page_count(page, loops));
    print_gil(report);
    print_executors(report, loops);
    if (snapshot->interpreters.count > 1)
        page_format(page, ", %s interpreters", page_count(page, snapshot->interpreters.count));
    if (collecting)
        page_put_styled(page, PAGE_WARNING, ", garbage collection runs");
    page_end_line(page);
}

/* Where there are few descriptors left, or everything is told. */
static void print_files(struct report *report) {
    const struct snapshot_files *files = &report->snapshot->files;
    bool is_known = files->open != SNAPSHOT_UNKNOWN && files->limit != SNAPSHOT_UNKNOWN;
    bool is_short = is_known && files->open >= files->limit - files->limit / 10;
    if (!is_known || (!is_short && !report->options->verbose))
        return;
    report_start_count(report, "FILES", (size_t)files->open);
    page_put_styled(&report->page, is_short ? PAGE_WARNING : PAGE_PLAIN,
                    arena_format(report->page.scratch, "open, of %s that may be",
                                 page_count(&report->page, (size_t)files->limit)));
    page_end_line(&report->page);
}

void report_counts(struct report *report) {
    page_end_line(&report->page);
    print_loops(report);
    print_tasks(report);
    print_threads(report);
    print_files(report);
    arena_reset(report->page.scratch);
}
