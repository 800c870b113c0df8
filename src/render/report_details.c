#include "report_details.h"

#include <inttypes.h>

#include "frames.h"
#include "label.h"
#include "names.h"
#include "report_facts.h"
#include "report_stack.h"

#define FACT_COLUMN 12
#define NAMES_LINES 4 /* that names of many tasks take */
#define HOLDERS_MAX 3 /* whose stacks are shown */
#define WAITERS_MAX 50

static void put_fact(struct report *report, const char *label, const char *text) {
    struct page *page = &report->page;
    if (!text || !*text)
        return;
    page_put_styled(page, PAGE_DIM, label);
    page_move(page, FACT_COLUMN);
    page_put_lines(page, text, SIZE_MAX);
}

static void put_title(struct report *report, const char *title, const char *text) {
    report_title(report, arena_format(report->page.scratch, "%s  %s", title, text));
    page_end_line(&report->page);
}

static const struct snapshot_object *find_awaited(const struct report *report,
                                                  const struct snapshot_wait *wait) {
    return wait ? label_find_object(report, wait->object) : NULL;
}

/* The object that something waits for, as a part of its own. */
static void put_awaited(struct report *report, const struct snapshot_wait *wait) {
    const struct snapshot_object *object = find_awaited(report, wait);
    if (!object)
        return;
    page_end_line(&report->page);
    report_object_details(report, object);
}

static const struct snapshot_wait *get_wait(const struct snapshot_task *task) {
    return task->state == SNAPSHOT_TASK_WAITING ? task->awaiting : NULL;
}

/* Facts of many tasks are told in brief, or they would take a line for each. */
static void put_facts(struct report *report, const size_t *tasks, size_t count) {
    const struct text_options *options = report->options;
    struct text_options brief = *options;
    brief.verbose = options->verbose && count == 1;
    report->options = &brief;
    report_facts(report, tasks, count, false);
    report->options = options;
}

static const char *describe_timeout(struct report *report, const struct snapshot_wait *wait) {
    struct arena *arena = report->page.scratch;
    if (!wait || wait->kind == SNAPSHOT_WAIT_SLEEP)
        return "";
    if (wait->deadline_s >= 0)
        return arena_format(arena, "in %s", label_duration(report, wait->deadline_s));
    if (wait->deadline_s < 0)
        return arena_format(arena, "overdue for %s", label_duration(report, -wait->deadline_s));
    return wait->has_timeout == SNAPSHOT_NO ? "none" : "";
}

void report_task_details(struct report *report, size_t place) {
    const struct snapshot_task *task = &report->snapshot->tasks.items[place];
    const struct snapshot_wait *wait = get_wait(task);
    if (task->state != SNAPSHOT_TASK_RUNNING)
        put_fact(report, "waits for", label_wait(report, task));
    else if (task->tid != SNAPSHOT_UNKNOWN)
        put_fact(report, "runs in", label_thread(report, task->tid));
    put_fact(report, "timeout", describe_timeout(report, wait));
    put_fact(report, "coroutine", task->coroutine);
    page_end_line(&report->page);
    report_stack(report, task, REPORT_FOLDED, true);
    put_facts(report, &place, 1);
    put_awaited(report, wait);
}

static const char *describe_names(struct report *report, const size_t *tasks, size_t count) {
    struct names *names = names_create(&report->page);
    for (size_t i = 0; i < count; i++)
        names_add(names, report->snapshot->tasks.items[tasks[i]].name);
    return names_describe(names, NAMES_LINES * (report->page.width - FACT_COLUMN));
}

void report_group_details(struct report *report, const struct snapshot_group *group) {
    const struct snapshot_task *first = &report->snapshot->tasks.items[group->tasks[0]];
    const struct snapshot_wait *wait = get_wait(first);
    if (first->state != SNAPSHOT_TASK_RUNNING)
        put_fact(report, "waits for", report_group_wait(report, group));
    put_fact(report, group->task_count == 1 ? "task" : "tasks",
             describe_names(report, group->tasks, group->task_count));
    put_fact(report, "timeout", group->task_count == 1 ? describe_timeout(report, wait) : "");
    page_end_line(&report->page);
    report_stack(report, first, REPORT_FOLDED, true);
    put_facts(report, group->tasks, group->task_count);
    put_awaited(report, wait);
}

static void put_thread_stack(struct report *report, const struct snapshot_thread *thread) {
    stack_print(&report->page, &thread->frames,
                (struct stack_style){.whole = report->options->verbose});
    if (!thread->frames.count)
        put_fact(report, "stack", "no Python frames");
}

static void put_holder(struct report *report, const struct snapshot_holder *holder) {
    const struct snapshot_task *task = label_find_task(report, holder->task);
    const struct snapshot_thread *thread = label_find_thread(report, holder->tid);
    if (task) {
        put_title(report, "HOLDER", label_task(report, task));
        put_fact(report, "waits for", label_wait(report, task));
        report_stack(report, task, REPORT_FOLDED, true);
    } else if (!holder->task && thread) {
        put_title(report, "HOLDER", label_thread(report, holder->tid));
        put_thread_stack(report, thread);
    }
}

static const char *describe_waiters(struct report *report, const struct snapshot_object *object) {
    struct page *page = &report->page;
    size_t most = object->waiter_count < WAITERS_MAX ? object->waiter_count : WAITERS_MAX;
    const char *text = "";
    for (size_t i = 0; i < most; i++)
        text = arena_format(page->scratch, "%s%s%s", text, i ? ", " : "",
                            label_task_id(report, object->waiters[i]));
    if (object->waiter_count > most)
        text = arena_format(page->scratch, "%s, +%s more", text,
                            page_count(page, object->waiter_count - most));
    return text;
}

void report_object_details(struct report *report, const struct snapshot_object *object) {
    struct page *page = &report->page;
    page_put_styled(page, PAGE_BOLD, label_object(report, object));
    page_end_line(page);
    put_fact(report, "type", object->type);
    put_fact(report, "state", label_object_state(report, object));
    put_fact(report, "holders", label_holders(report, object, NAMES_LINES * page->width));
    if (object->waiter_count)
        put_fact(report, "waiters",
                 arena_format(page->scratch, "%s: %s", page_count(page, object->waiter_count),
                              describe_waiters(report, object)));
    for (size_t i = 0; i < object->holder_count && i < HOLDERS_MAX; i++)
        put_holder(report, &object->holders[i]);
}

/* The tasks that wait for the file. */
static const char *describe_waiting(struct report *report, int64_t fd) {
    const struct snapshot *snapshot = report->snapshot;
    struct names *names = names_create(&report->page);
    size_t count = 0;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_wait *wait = get_wait(&snapshot->tasks.items[i]);
        if (!wait || wait->fd != fd)
            continue;
        names_add(names, snapshot->tasks.items[i].name);
        count++;
    }
    const char *text = names_describe(names, NAMES_LINES * (report->page.width - FACT_COLUMN));
    return count ? text : "no task";
}

static const char *describe_accepted(enum snapshot_tristate accepted) {
    return accepted == SNAPSHOT_YES  ? "a client has connected"
           : accepted == SNAPSHOT_NO ? "this process has connected"
                                     : "";
}

static const char *describe_silence(struct report *report, double seconds, const char *what) {
    const char *text = label_duration(report, seconds);
    return *text ? arena_format(report->page.scratch, "%s %s ago", what, text) : "";
}

void report_socket_details(struct report *report, const struct snapshot_socket *socket) {
    struct page *page = &report->page;
    page_put_styled(page, PAGE_BOLD, arena_format(page->scratch, "fd %" PRId64, socket->fd));
    page_format(page, "  %s", socket->family ? socket->family : "");
    page_end_line(page);
    put_fact(report, "local", socket->local);
    put_fact(report, "peer", socket->peer);
    put_fact(report, "begun by", describe_accepted(socket->accepted));
    put_fact(report, "state", label_socket_state(report, socket, ""));
    put_fact(report, "received", describe_silence(report, socket->last_received_s, "last"));
    put_fact(report, "sent", describe_silence(report, socket->last_sent_s, "last"));
    put_fact(report, "protocol", socket->protocol_type);
    put_fact(report, "waited for", describe_waiting(report, socket->fd));
}

static const char *describe_loop(struct report *report, snapshot_id id) {
    const struct snapshot *snapshot = report->snapshot;
    for (size_t i = 0; id && i < snapshot->event_loops.count; i++) {
        const struct snapshot_loop *loop = &snapshot->event_loops.items[i];
        const char *state = snapshot_loop_state_name(loop->state);
        if (loop->id == id)
            return arena_format(report->page.scratch, "%s%s%s", loop->type ? loop->type : "yes",
                                state ? ", " : "", state ? state : "");
    }
    return "";
}

static const char *describe_gil(const struct snapshot_thread *thread) {
    return thread->holds_gil == SNAPSHOT_YES       ? "held"
           : thread->waits_for_gil == SNAPSHOT_YES ? "waits for it"
                                                   : "";
}

static const char *describe_thread_wait(const struct snapshot_wait *wait) {
    if (!wait)
        return "";
    return wait->text ? wait->text : snapshot_wait_kind_name(wait->kind);
}

void report_thread_details(struct report *report, const struct snapshot_thread *thread) {
    struct page *page = &report->page;
    page_put_styled(page, PAGE_BOLD, label_thread(report, thread->tid));
    page_end_line(page);
    put_fact(report, "state", label_thread_state(report, thread));
    put_fact(report, "GIL", describe_gil(thread));
    put_fact(report, "event loop", describe_loop(report, thread->event_loop));
    if (thread->current_task)
        put_fact(report, "runs", label_task_id(report, thread->current_task));
    put_fact(report, "waits for", describe_thread_wait(thread->awaiting));
    page_end_line(page);
    put_thread_stack(report, thread);
    put_awaited(report, thread->awaiting);
}

void report_finding_details(struct report *report, const struct snapshot_finding *finding) {
    const struct snapshot_task *task =
        finding->task_count ? label_find_task(report, finding->tasks[0]) : NULL;
    const struct snapshot_object *object =
        finding->object_count ? label_find_object(report, finding->objects[0]) : NULL;
    report_finding(report, finding, SIZE_MAX, true);
    put_fact(report, snapshot_finding_code_name(finding->code),
             snapshot_finding_code_meaning(finding->code));
    if (object) {
        page_end_line(&report->page);
        report_object_details(report, object);
    }
    if (task) {
        put_title(report, "TASK", label_task(report, task));
        report_stack(report, task, REPORT_FOLDED, true);
    }
}
