/* What was looked at, and how. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/text.h"
#include "label.h"

#define COMMAND_LEAST 12

static const char *get_base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static const char *describe_command(struct report *report) {
    const struct snapshot_target *target = &report->snapshot->target;
    const char *text =
        label_command(report->page.scratch, target->command_line, target->command_line_count);
    if (!*text && target->executable)
        text = get_base_name(target->executable);
    return page_escape(&report->page, text);
}

static const char *describe_python(struct report *report) {
    const struct snapshot_target *target = &report->snapshot->target;
    return arena_format(report->page.scratch, "CPython %s%s%s",
                        target->python_version ? target->python_version : "of unknown version",
                        target->free_threaded == SNAPSHOT_YES ? " free-threaded" : "",
                        target->debug_build == SNAPSHOT_YES ? " debug" : "");
}

/* "  up 3d04h", "  up 5m12s", "  up 41 s". */
static const char *describe_uptime(struct report *report) {
    struct arena *arena = report->page.scratch;
    double seconds = clock_parse_stamp(report->snapshot->captured_at) -
                     clock_parse_stamp(report->snapshot->target.started_at);
    if (!(seconds >= 0 && seconds < 1e12))
        return "";
    return seconds < 99.95 ? arena_format(arena, "  up %.0f s", seconds)
                           : arena_format(arena, "  up %s", label_duration(report, seconds));
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

/* `target`: the word, where there is room for it. */
static const char *describe_reading(struct report *report, const char *target) {
    struct arena *arena = report->page.scratch;
    const struct snapshot_capture *capture = &report->snapshot->capture;
    const char *mode = capture->mode ? capture->mode : "";
    const char *read =
        isnan(capture->duration_s)
            ? "read"
            : arena_format(arena, "read in %s", label_duration(report, capture->duration_s));
    if (strcmp(mode, "running") == 0)
        return arena_format(arena, "%s, %snever stopped", read, target);
    if (strcmp(mode, "nonblocking") == 0)
        return arena_format(arena, "%s, nonblocking: may be torn", read);
    if (strcmp(mode, "core") == 0)
        return arena_format(arena, "%s from a core file", read);
    if (strcmp(mode, "paused") == 0 && !isnan(capture->pause_s))
        return arena_format(arena, "%s, %sstopped for %s", read, target,
                            label_duration(report, capture->pause_s));
    return read;
}

static const char *describe_capture(struct report *report) {
    double second_look = report->snapshot->capture.second_look_s;
    if (isnan(second_look))
        return describe_reading(report, "target ");
    return arena_format(report->page.scratch, "%s; looked twice in %s",
                        describe_reading(report, ""), label_duration(report, second_look));
}

static void print_first_line(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    const char *tail =
        arena_format(page->scratch, "  %s%s", describe_python(report), describe_uptime(report));
    page_format(page, "asyncspy %s  ", snapshot->asyncspy ? snapshot->asyncspy : "?");
    if (snapshot->target.pid != SNAPSHOT_UNKNOWN)
        page_format(page, "pid %" PRId64 "  ", snapshot->target.pid);
    if (snapshot->target.core) {
        const char *name = get_base_name(snapshot->target.core);
        page_format(page, "%s%s  ", strncmp(name, "core", 4) == 0 ? "" : "core ", name);
    }
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
