/* The report as a whole, and the words that its parts share. */
#include "asyncspy/render/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report.h"

void report_title(struct report *report, const char *title) {
    page_end_line(&report->page);
    page_put_styled(&report->page, PAGE_BOLD, title);
}

const char *report_task_label(struct report *report, const struct snapshot_task *task) {
    if (!task->name)
        return arena_format(report->page.scratch, "task 0x%" PRIx64, task->id);
    return *task->name ? task->name : "''";
}

const struct snapshot_thread *report_find_thread(struct report *report, int64_t tid) {
    if (tid == SNAPSHOT_UNKNOWN)
        return NULL;
    for (size_t i = 0; i < report->snapshot->threads.count; i++)
        if (report->snapshot->threads.items[i].tid == tid)
            return &report->snapshot->threads.items[i];
    return NULL;
}

const char *report_thread_label(struct report *report, int64_t tid) {
    const struct snapshot_thread *thread = report_find_thread(report, tid);
    const char *name = thread ? thread->name ? thread->name : thread->kernel_name : NULL;
    if (tid == SNAPSHOT_UNKNOWN)
        return "tid unknown";
    return arena_format(report->page.scratch, "tid %" PRId64 "%s%s", tid, name ? " " : "",
                        name ? name : "");
}

const char *report_thread_state(struct report *report, const struct snapshot_thread *thread) {
    static const struct {
        char letter;
        const char *words;
    } states[] = {{'R', "on CPU"},  {'S', "asleep"}, {'D', "uninterruptible"},
                  {'T', "stopped"}, {'t', "traced"}, {'Z', "dead"},
                  {'X', "dead"},    {'I', "idle"}};
    const char *words = "";
    for (size_t i = 0; thread->os_state && i < sizeof states / sizeof *states; i++)
        if (states[i].letter == thread->os_state[0])
            words = states[i].words;
    const char *where = thread->syscall ? thread->syscall : thread->wait_channel;
    if (!where || !*where || (thread->os_state && thread->os_state[0] == 'R'))
        return words;
    return arena_format(report->page.scratch, "%s%sin %s", words, *words ? " " : "", where);
}

const char *report_state_name(enum snapshot_task_state state) {
    return state == SNAPSHOT_TASK_NOT_STARTED ? "not started" : snapshot_task_state_name(state);
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
    for (size_t i = 0; i < snapshot->missing.count; i++) {
        const struct snapshot_missing *it = &snapshot->missing.items[i];
        page->column = 2;
        page_put_styled(page, PAGE_WARNING, "! ");
        page_put_head(page, it->what, page->width * 2 / 5);
        page_put(page, ": ");
        page_put(page, it->why);
        page_end_line(page);
        arena_reset(page->scratch);
    }
}

struct error *render_text(const struct snapshot *snapshot, const struct text_options *options,
                          FILE *out) {
    struct arena *arena = arena_create();
    struct report report = {
        .snapshot = snapshot,
        .options = options,
        .index = task_index_create(arena, snapshot),
        .page = {.out = out,
                 .width = options->width < TEXT_WIDTH_LEAST ? TEXT_WIDTH_LEAST : options->width,
                 .color = options->color,
                 .ascii = options->ascii,
                 .scratch = arena_create()},
    };
    errno = 0;
    report_header(&report);
    report_summary(&report);
    report_running(&report);
    if (options->all_tasks)
        report_all_tasks(&report);
    else
        report_groups(&report);
    report_threads(&report);
    report_missing(&report);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    arena_destroy(report.page.scratch);
    arena_destroy(arena);
    errno = error_number;
    return ferror(out) ? error_create_os(error_number, "writing the text") : NULL;
}
