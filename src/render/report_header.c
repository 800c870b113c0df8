/* What was looked at, how, and the first numbers. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/text.h"
#include "report.h"

#define LABEL_COLUMNS 8 /* "THREADS " */
#define COUNT_COLUMNS 7
#define TEXT_COLUMN (LABEL_COLUMNS + COUNT_COLUMNS + 2)
#define LOOPS_MAX 10
#define COMMAND_LEAST 12

static const char *get_base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The command line without directories, and without the interpreter where a script follows. */
static const char *describe_command(struct report *report) {
    struct arena *arena = report->page.scratch;
    const struct snapshot_target *target = &report->snapshot->target;
    const char *const *words = target->command_line;
    size_t count = target->command_line_count, first = 0;
    if (!count)
        return target->executable ? get_base_name(target->executable) : "";
    if (count > 1 && strncmp(get_base_name(words[0]), "python", 6) == 0 && words[1][0] != '-')
        first = 1;
    const char *text = get_base_name(words[first]);
    for (size_t i = first + 1; i < count && i < first + 20; i++)
        text = arena_format(arena, "%s %s", text, words[i]);
    return page_escape(&report->page, text);
}

static const char *describe_python(struct report *report) {
    const struct snapshot_target *target = &report->snapshot->target;
    return arena_format(report->page.scratch, "CPython %s%s%s",
                        target->python_version ? target->python_version : "of unknown version",
                        target->free_threaded == SNAPSHOT_YES ? " free-threaded" : "",
                        target->debug_build == SNAPSHOT_YES ? " debug" : "");
}

/* "3d04h", "2h05m", "5m12s", "41s". */
static const char *describe_uptime(struct report *report) {
    struct arena *arena = report->page.scratch;
    double seconds = clock_parse_stamp(report->snapshot->captured_at) -
                     clock_parse_stamp(report->snapshot->target.started_at);
    if (!(seconds >= 0 && seconds < 1e12))
        return "";
    long long all = (long long)seconds;
    if (all < 60)
        return arena_format(arena, "  up %llds", all);
    if (all < 3600)
        return arena_format(arena, "  up %lldm%02llds", all / 60, all % 60);
    if (all < 86400)
        return arena_format(arena, "  up %lldh%02lldm", all / 3600, all / 60 % 60);
    return arena_format(arena, "  up %lldd%02lldh", all / 86400, all / 3600 % 24);
}

/* The stamp without fractions of seconds. */
static const char *describe_stamp(struct report *report) {
    const char *stamp = report->snapshot->captured_at;
    if (!stamp)
        return "";
    const char *point = strchr(stamp, '.');
    if (!point)
        return stamp;
    return arena_format(report->page.scratch, "%.*sZ", (int)(point - stamp), stamp);
}

static const char *describe_seconds(struct report *report, double seconds) {
    struct arena *arena = report->page.scratch;
    if (seconds < 0.01)
        return arena_format(arena, "%.1f ms", seconds * 1e3);
    if (seconds < 1)
        return arena_format(arena, "%.0f ms", seconds * 1e3);
    return arena_format(arena, "%.1f s", seconds);
}

static const char *describe_capture(struct report *report) {
    struct arena *arena = report->page.scratch;
    const struct snapshot_capture *capture = &report->snapshot->capture;
    const char *mode = capture->mode ? capture->mode : "";
    const char *read =
        isnan(capture->duration_s)
            ? "read"
            : arena_format(arena, "read in %s", describe_seconds(report, capture->duration_s));
    if (strcmp(mode, "running") == 0)
        return arena_format(arena, "%s, target never stopped", read);
    if (strcmp(mode, "nonblocking") == 0)
        return arena_format(arena, "%s, nonblocking: may be torn", read);
    if (strcmp(mode, "core") == 0)
        return arena_format(arena, "%s from a core file", read);
    if (strcmp(mode, "paused") == 0 && !isnan(capture->pause_s))
        return arena_format(arena, "%s, target stopped for %s", read,
                            describe_seconds(report, capture->pause_s));
    return read;
}

static void print_first_line(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    const char *tail =
        arena_format(page->scratch, "  %s%s", describe_python(report), describe_uptime(report));
    page_format(page, "asyncspy %s  ", snapshot->asyncspy ? snapshot->asyncspy : "?");
    if (snapshot->target.pid != SNAPSHOT_UNKNOWN)
        page_format(page, "pid %" PRId64 "  ", snapshot->target.pid);
    if (snapshot->target.core)
        page_format(page, "core %s  ", get_base_name(snapshot->target.core));
    int room = page->width - page->column - text_width(page_escape(page, tail));
    page_put_head(page, describe_command(report), room > COMMAND_LEAST ? room : COMMAND_LEAST);
    page_put(page, tail);
}

void report_header(struct report *report) {
    struct page *page = &report->page;
    size_t missing = report->snapshot->missing.count;
    const char *stamp = describe_stamp(report);
    print_first_line(report);
    bool stamped = page_put_right(page, stamp);
    page_end_line(page);
    page_put(page, describe_capture(report));
    if (missing)
        page_put_styled(page, PAGE_WARNING,
                        arena_format(page->scratch, "; %s %s not read, see MISSING",
                                     page_count(page, missing), missing == 1 ? "thing" : "things"));
    if (!stamped)
        stamped = page_put_right(page, stamp);
    page_end_line(page);
    if (!stamped) {
        page_put(page, stamp);
        page_end_line(page);
    }
    arena_reset(page->scratch);
}

static void print_label(struct report *report, const char *label, size_t count) {
    page_put_styled(&report->page, PAGE_BOLD, label);
    report->page.column = LABEL_COLUMNS;
    page_put_count(&report->page, count, COUNT_COLUMNS);
    report->page.column = TEXT_COLUMN;
}

static size_t count_loop_tasks(const struct snapshot *snapshot, snapshot_id loop) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        count += snapshot->tasks.items[i].event_loop == loop;
    return count;
}

/* "uvloop.Loop" whole, of asyncio's own loops only the class. */
static const char *describe_loop_type(const struct snapshot_loop *loop) {
    const char *type = loop->type ? loop->type : "of unknown type";
    const char *dot = strrchr(type, '.');
    return strncmp(type, "asyncio.", 8) == 0 && dot ? dot + 1 : type;
}

static void print_loop(struct report *report, const struct snapshot_loop *loop) {
    struct page *page = &report->page;
    const char *state = snapshot_loop_state_name(loop->state);
    size_t tasks = count_loop_tasks(report->snapshot, loop->id);
    int columns = page->width / 3;
    page->column = TEXT_COLUMN;
    page_put_head(page,
                  loop->tid == SNAPSHOT_UNKNOWN ? "in no thread"
                                                : report_thread_label(report, loop->tid),
                  columns);
    page_move(page, TEXT_COLUMN + columns + 2);
    page_put_styled(page, PAGE_BOLD, state ? state : "unknown");
    page_move(page, TEXT_COLUMN + columns + 11);
    page_format(page, "%s %s", page_count(page, tasks), tasks == 1 ? "task" : "tasks");
    if (loop->debug == SNAPSHOT_YES)
        page_put(page, "  debug");
    page_put(page, "  ");
    page_put(page, describe_loop_type(loop));
    page_end_line(page);
}

static void print_loops(struct report *report) {
    struct page *page = &report->page;
    size_t count = report->snapshot->event_loops.count;
    size_t most = report->options->verbose ? count : LOOPS_MAX;
    print_label(report, "LOOPS", count);
    if (!count) {
        if (report->snapshot->missing.count == 0)
            page_put(page, "no event loop runs, and no task knows one");
        page_end_line(page);
    }
    for (size_t i = 0; i < count && i < most; i++)
        print_loop(report, &report->snapshot->event_loops.items[i]);
    if (count > most) {
        page->column = TEXT_COLUMN;
        page_format(page, "... %s more loops (-v)", page_count(page, count - most));
        page_end_line(page);
    }
}

static void print_tasks(struct report *report) {
    struct page *page = &report->page;
    size_t counts[SNAPSHOT_TASK_STATE_COUNT] = {0};
    const char *separator = "";
    for (size_t i = 0; i < report->snapshot->tasks.count; i++)
        counts[report->snapshot->tasks.items[i].state]++;
    print_label(report, "TASKS", report->snapshot->tasks.count);
    for (int i = 0; i < SNAPSHOT_TASK_STATE_COUNT; i++) {
        if (!counts[i])
            continue;
        page_format(page, "%s%s %s", separator, page_count(page, counts[i]),
                    report_state_name((enum snapshot_task_state)i));
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
            page_format(&report->page, ", GIL held by %s",
                        report_thread_label(report, thread->tid));
            return;
        }
    }
    if (known)
        page_put(&report->page, ", GIL free");
}

static void print_threads(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    size_t loops = 0, collecting = 0;
    for (size_t i = 0; i < snapshot->threads.count; i++)
        loops += snapshot->threads.items[i].event_loop != 0;
    for (size_t i = 0; i < snapshot->interpreters.count; i++)
        collecting += snapshot->interpreters.items[i].gc_collecting == SNAPSHOT_YES;
    print_label(report, "THREADS", snapshot->threads.count);
    page_format(page, "%s in an event loop", page_count(page, loops));
    if (snapshot->interpreters.count > 1)
        page_format(page, ", %s interpreters", page_count(page, snapshot->interpreters.count));
    print_gil(report);
    if (collecting)
        page_put_styled(page, PAGE_WARNING, ", garbage collection runs");
    page_end_line(page);
}

void report_summary(struct report *report) {
    page_end_line(&report->page);
    print_loops(report);
    print_tasks(report);
    print_threads(report);
    arena_reset(report->page.scratch);
}
