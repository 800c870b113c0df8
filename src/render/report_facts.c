#include "report_facts.h"

#include <string.h>

#include "frames.h"
#include "names.h"
#include "tally.h"

#define ROWS_MAX 3 /* of each kind of fact */

/* The tasks that facts are collected of. */
struct members {
    struct report *report;
    const size_t *tasks;
    size_t count;
};

static const struct snapshot_task *get_member(const struct members *members, size_t i) {
    return &members->report->snapshot->tasks.items[members->tasks[i]];
}

static void print_more(struct members *members, const char *label, size_t count, size_t tasks) {
    struct page *page = &members->report->page;
    stack_print_fact(page, label,
                     arena_format(page->scratch, "... %s more (%s tasks)", page_count(page, count),
                                  page_count(page, tasks)),
                     NULL, 1);
}

/* Prints the head of a sorted tally of texts, and how many are left out. */
static void print_tally(struct members *members, const char *label, struct tally *tally) {
    struct page *page = &members->report->page;
    size_t rest = 0;
    tally_sort(tally);
    for (size_t i = 0; i < tally->count; i++) {
        if (i < ROWS_MAX)
            stack_print_fact(page, label, tally->items[i]->key, NULL, tally->items[i]->count);
        else
            rest += tally->items[i]->count;
    }
    if (rest)
        print_more(members, label, tally->count - ROWS_MAX, rest);
}

/* A place of creation as text. */
struct place {
    const char *name, *place;
};

/* Different columns of one line are one place. */
static void add_place(struct page *page, struct tally *places, const struct tally_item *item) {
    const struct snapshot_frame *const *frames = item->key;
    const struct snapshot_frame *frame = stack_find_creator(frames, item->length / sizeof *frames);
    const char *text = arena_format(page->scratch, "%s\n%s", frame_get_name(frame),
                                    frame_get_place(page, frame, false));
    tally_add(places, text, strlen(text), item->count);
}

static void print_place(struct page *page, const struct tally_item *item) {
    const char *text = item->key, *newline = strrchr(text, '\n');
    stack_print_fact(page, "created by",
                     arena_format(page->scratch, "%.*s", (int)(newline - text), text), newline + 1,
                     item->count);
}

static void print_places(struct members *members, struct tally *stacks) {
    struct page *page = &members->report->page;
    struct tally places = tally_create(page->scratch);
    size_t rest = 0;
    for (size_t i = 0; i < stacks->count; i++)
        add_place(page, &places, stacks->items[i]);
    tally_sort(&places);
    for (size_t i = 0; i < places.count; i++) {
        if (i < ROWS_MAX)
            print_place(page, places.items[i]);
        else
            rest += places.items[i]->count;
    }
    if (rest)
        print_more(members, "created by", places.count - ROWS_MAX, rest);
    tally_destroy(&places);
}

static void print_created(struct members *members) {
    struct tally stacks = tally_create(members->report->page.scratch);
    for (size_t i = 0; i < members->count; i++) {
        const struct snapshot_stack *stack = &get_member(members, i)->created_at;
        if (stack->count)
            tally_add(&stacks, stack->frames, stack->count * sizeof *stack->frames, 1);
    }
    print_places(members, &stacks);
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
            names_add(names, report_task_label(members->report,
                                               &members->report->snapshot->tasks.items[place]));
        }
    }
    if (names) {
        stack_start_fact(page, "awaited by");
        names_print(names, page->width - page->column);
        page_end_line(page);
    }
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

void report_facts(struct report *report, const size_t *tasks, size_t count) {
    struct members members = {.report = report, .tasks = tasks, .count = count};
    print_created(&members);
    print_awaited_by(&members);
    print_types(&members);
    print_cancelled(&members);
    print_exceptions(&members);
    print_notes(&members);
}
