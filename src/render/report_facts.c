#include "report_facts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "label.h"
#include "names.h"
#include "report_holds.h"
#include "report_tally.h"

#define CONTEXT_LINES 2 /* of context variables */

/* The tasks that facts are collected of. */
struct members {
    struct report *report;
    const size_t *tasks;
    size_t count;
};

static const struct snapshot_task *get_member(const struct members *members, size_t i) {
    return &members->report->snapshot->tasks.items[members->tasks[i]];
}

static void print_tally(struct members *members, const char *label, struct tally *tally) {
    report_tally(members->report, label, tally, members->count == 1);
}

/* A place of creation as text. */
struct place {
    const char *name, *place;
};

/* Different columns of one line are one place. */
static void add_place(struct page *page, struct tally *places, const struct tally_item *item,
                      bool whole) {
    const struct snapshot_frame *const *frames = item->key;
    const struct snapshot_frame *frame = stack_find_creator(frames, item->length / sizeof *frames);
    const char *text = arena_format(page->scratch, "%s\n%s", frame_get_name(frame),
                                    frame_get_place(page, frame, whole));
    tally_add(places, text, strlen(text), item->count);
}

static void print_place(struct page *page, const struct tally_item *item, const char *creator) {
    const char *text = item->key, *newline = strrchr(text, '\n');
    stack_print_fact(page, "created by",
                     arena_format(page->scratch, "%.*s", (int)(newline - text), text),
                     arena_format(page->scratch, "%s%s", newline + 1, creator), item->count);
}

/* The task that made all of them; NULL where that is not known or there are several. */
static const struct snapshot_task *find_creator(const struct members *members) {
    snapshot_id creator = members->count ? get_member(members, 0)->creator : 0;
    for (size_t i = 1; i < members->count; i++)
        if (get_member(members, i)->creator != creator)
            return NULL;
    return label_find_task(members->report, creator);
}

static void print_places(struct members *members, struct tally *stacks, const char *creator) {
    struct page *page = &members->report->page;
    struct tally places = tally_create(page->scratch);
    size_t rest = 0, most = report_get_most(members->report);
    for (size_t i = 0; i < stacks->count; i++)
        add_place(page, &places, stacks->items[i], members->report->options->verbose);
    tally_sort(&places);
    for (size_t i = 0; i < places.count; i++) {
        if (i < most)
            print_place(page, places.items[i], creator);
        else
            rest += places.items[i]->count;
    }
    if (rest)
        report_more(members->report, "created by", places.count - most, rest, false);
    tally_destroy(&places);
}

/* Who made them; of a group in brief only where they were made. */
static void print_created(struct members *members, bool brief) {
    struct page *page = &members->report->page;
    struct tally stacks = tally_create(page->scratch);
    const struct snapshot_task *creator = find_creator(members);
    const char *label = creator ? label_task(members->report, creator) : NULL;
    for (size_t i = 0; i < members->count; i++) {
        const struct snapshot_stack *stack = &get_member(members, i)->created_at;
        if (stack->count)
            tally_add(&stacks, stack->frames, stack->count * sizeof *stack->frames, 1);
    }
    if (stacks.count)
        print_places(members, &stacks, label ? arena_format(page->scratch, "  in %s", label) : "");
    else if (label && !brief)
        stack_print_fact(page, "created in", label, NULL, members->count);
    tally_destroy(&stacks);
}

static void print_awaited_by(struct members *members) {
    struct page *page = &members->report->page;
    struct names *names = NULL;
    for (size_t i = 0; i < members->count; i++) {
        const struct snapshot_task *task = get_member(members, i);
        for (size_t j = 0; j < task->awaited_by_count; j++) {
            size_t place = task_index_find(members->report->index, task->awaited_by[j]);
            if (place == TASK_INDEX_NONE)
                continue;
            if (!names)
                names = names_create(page);
            names_add(names,
                      label_task(members->report, &members->report->snapshot->tasks.items[place]));
        }
    }
    if (names) {
        stack_start_fact(page, "awaited by");
        names_print(names, page->width - page->column);
        page_end_line(page);
    }
}

static const char *describe_context(struct page *page, const struct snapshot_task *task) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        memory_exhausted();
    for (size_t i = 0; i < task->context_count; i++)
        fprintf(out, "%s%s=%s", i ? ", " : "", task->context[i].name ? task->context[i].name : "?",
                task->context[i].value ? task->context[i].value : "?");
    if (fclose(out) != 0)
        memory_exhausted();
    const char *copy = arena_copy_string(page->scratch, text, size);
    free(text);
    return copy;
}

/* The context variables of one task; all of them where everything is told. */
static void print_context(struct members *members) {
    struct page *page = &members->report->page;
    const struct snapshot_task *task = members->count == 1 ? get_member(members, 0) : NULL;
    if (!task || !task->context_count)
        return;
    stack_start_fact(page, "context");
    page_put_lines(page, describe_context(page, task),
                   members->report->options->verbose ? SIZE_MAX : CONTEXT_LINES);
}

static void print_cancelled(struct members *members) {
    struct page *page = &members->report->page;
    size_t requested = 0;
    for (size_t i = 0; i < members->count; i++) {
        const struct snapshot_task *task = get_member(members, i);
        requested += (task->cancel_requests != SNAPSHOT_UNKNOWN && task->cancel_requests > 0) ||
                     task->must_cancel == SNAPSHOT_YES;
    }
    if (requested)
        stack_print_fact(page, "cancelling",
                         members->count == 1
                             ? "cancel() was called"
                             : arena_format(page->scratch, "cancel() was called on %s of them",
                                            page_count(page, requested)),
                         NULL, 1);
}

static const char *describe_exception(struct page *page,
                                      const struct snapshot_exception *exception) {
    if (!exception->text || !*exception->text)
        return exception->type ? exception->type : "?";
    return arena_format(page->scratch, "%s: %s", exception->type ? exception->type : "?",
                        exception->text);
}

static void print_exceptions(struct members *members) {
    struct tally tally = tally_create(members->report->page.scratch);
    for (size_t i = 0; i < members->count; i++) {
        const struct snapshot_exception *exception = get_member(members, i)->exception;
        if (!exception)
            continue;
        const char *text = describe_exception(&members->report->page, exception);
        tally_add(&tally, text, strlen(text), 1);
    }
    print_tally(members, "exception", &tally);
    tally_destroy(&tally);
}

static bool is_plain_task(const char *type) {
    return !type || strcmp(type, "_asyncio.Task") == 0 || strcmp(type, "asyncio.tasks.Task") == 0;
}

static void print_types(struct members *members) {
    struct tally tally = tally_create(members->report->page.scratch);
    for (size_t i = 0; i < members->count; i++) {
        const char *type = get_member(members, i)->type;
        if (!is_plain_task(type))
            tally_add(&tally, type, strlen(type), 1);
    }
    print_tally(members, "type", &tally);
    tally_destroy(&tally);
}

static void print_notes(struct members *members) {
    struct tally tally = tally_create(members->report->page.scratch);
    for (size_t i = 0; i < members->count; i++) {
        const struct snapshot_task *task = get_member(members, i);
        for (size_t j = 0; j < task->note_count; j++)
            tally_add(&tally, task->notes[j], strlen(task->notes[j]), 1);
    }
    print_tally(members, "note", &tally);
    tally_destroy(&tally);
}

void report_facts(struct report *report, const size_t *tasks, size_t count, bool brief) {
    struct members members = {.report = report, .tasks = tasks, .count = count};
    print_context(&members);
    report_holds(report, tasks, count);
    print_created(&members, brief);
    if (!brief || count == 1)
        print_awaited_by(&members);
    print_types(&members);
    print_cancelled(&members);
    print_exceptions(&members);
    print_notes(&members);
}
