#include "report_stack.h"

#include <stdint.h>

#include "asyncspy/base/text.h"
#include "frames.h"
#include "label.h"

void report_whole_wait(struct report *report, const char *wait, int columns) {
    struct page *page = &report->page;
    if (!report->options->verbose || text_width(page_escape(page, wait)) <= columns)
        return;
    stack_start_fact(page, "waits for");
    page_put_lines(page, wait, SIZE_MAX);
}

static void print(struct report *report, const struct snapshot_stack *stack,
                  struct stack_style style, enum report_depth depth) {
    if (depth == REPORT_BRIEF && !style.whole)
        stack_print_brief(&report->page, stack, style);
    else
        stack_print(&report->page, stack, style);
}

/* "[EXECUTOR]  ThreadPoolExecutor-0_3, tid 4250, asleep in clock_nanosleep" */
static void print_boundary(struct report *report, const struct snapshot_thread *thread) {
    struct page *page = &report->page;
    const char *state = label_thread_state(report, thread);
    page->column = page->margin + 2;
    page_put_styled(page, PAGE_BOLD, "[EXECUTOR]");
    page_put(page, "  ");
    page_put_head(page, label_thread(report, thread->tid), page->width / 2);
    if (*state)
        page_format(page, ", %s", state);
    page_end_line(page);
}

static const struct snapshot_thread *find_executor_thread(struct report *report,
                                                          const struct snapshot_task *task) {
    const struct snapshot_wait *wait = task->awaiting;
    if (task->state != SNAPSHOT_TASK_WAITING || !wait || wait->tid == SNAPSHOT_UNKNOWN)
        return NULL;
    return label_find_thread(report, wait->tid);
}

void report_stack(struct report *report, const struct snapshot_task *task, enum report_depth depth,
                  bool splice) {
    const struct snapshot_thread *thread = splice ? find_executor_thread(report, task) : NULL;
    struct stack_style style = {.whole = report->options->verbose,
                                .wait_known = label_wait_is_known(task)};
    if (thread) {
        report->spliced[thread - report->snapshot->threads.items] = true;
        struct stack_style other = {.whole = style.whole, .unmarked = true};
        print(report, &thread->frames, other, depth);
        print_boundary(report, thread);
    }
    print(report, &task->frames, style, depth);
    if (!task->frames.count)
        stack_print_fact(&report->page, "coroutine", task->coroutine ? task->coroutine : "unknown",
                         NULL, 1);
}
