/* The report as a whole. */
#include "asyncspy/render/text.h"

#include <errno.h>

#include "label.h"
#include "report_holds.h"

#define MISSING_MAX 20 /* unless everything is told */

void report_title(struct report *report, const char *title) {
    page_end_line(&report->page);
    page_put_styled(&report->page, PAGE_BOLD, title);
}

void report_title_with(struct report *report, const char *title, const char *hint) {
    report_title(report, title);
    page_put_right(&report->page, hint);
    page_end_line(&report->page);
}

void report_missing(struct report *report) {
    struct page *page = &report->page;
    const struct snapshot *snapshot = report->snapshot;
    if (!snapshot->missing.count)
        return;
    report_title(report, "MISSING");
    page_format(page, "  %s %s not read", page_count(page, snapshot->missing.count),
                snapshot->missing.count == 1 ? "thing" : "things");
    page_end_line(page);
    size_t count = snapshot->missing.count, most = count;
    if (!report->options->verbose && count > MISSING_MAX + 1)
        most = MISSING_MAX;
    for (size_t i = 0; i < most; i++) {
        const struct snapshot_missing *it = &snapshot->missing.items[i];
        page->column = 2;
        page_put_styled(page, PAGE_WARNING, "! ");
        page_put_head(page, it->what, page->width * 2 / 5);
        page_put(page, ": ");
        page_put(page, it->why);
        page_end_line(page);
        arena_reset(page->scratch);
    }
    if (count > most) {
        page->column = 2;
        page_format(page, "... %s more (-v)", page_count(page, count - most));
        page_end_line(page);
    }
}

/* Whatever stands below the header and the verdict. */
static void print_evidence(struct report *report) {
    report_counts(report);
    report_locks(report);
    report_sockets(report);
    report_running(report);
    if (report->options->graph)
        report_graph(report);
    if (report->options->all_tasks)
        report_all_tasks(report);
    else if (!report->options->graph)
        report_groups(report);
    report_threads(report);
    report_missing(report);
}

static void print_report(struct report *report) {
    if (!report->options->verdict_only)
        report_header(report);
    report_verdict(report);
    if (!report->options->verdict_only)
        print_evidence(report);
}

struct error *render_text(const struct snapshot *snapshot, const struct text_options *options,
                          FILE *out) {
    struct arena *arena = arena_create();
    struct report report = {
        .snapshot = snapshot,
        .options = options,
        .index = task_index_create(arena, snapshot),
        .labels = label_index_create(arena, snapshot),
        .pools = report_index_pools(arena, snapshot),
        .spliced = arena_alloc_array(arena, snapshot->threads.count, sizeof(bool)),
        .page = {.out = out,
                 .width = options->width < TEXT_WIDTH_LEAST ? TEXT_WIDTH_LEAST : options->width,
                 .color = options->color,
                 .ascii = options->ascii,
                 .scratch = arena_create()},
    };
    errno = 0;
    print_report(&report);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    arena_destroy(report.page.scratch);
    arena_destroy(arena);
    errno = error_number;
    return ferror(out) ? error_create_os(error_number, "writing the text") : NULL;
}
