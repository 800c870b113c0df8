#include "top_cells.h"

#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "frames.h"
#include "label.h"

#define CALLERS_MAX 4
#define PER_SECOND_MAX 1e9

struct top_cell top_cell_text(const char *text) {
    return (struct top_cell){.text = text && *text ? text : "-", .order = NAN};
}

static struct top_cell make_number(const char *text, double order) {
    return (struct top_cell){.text = text, .order = order};
}

struct top_cell top_cell_count(struct top_words *words, int64_t count) {
    if (count == SNAPSHOT_UNKNOWN)
        return top_cell_text(NULL);
    return make_number(arena_format(words->report.page.scratch, "%" PRId64, count), (double)count);
}

const char *top_rate(struct top_words *words, double per_second) {
    struct arena *arena = words->report.page.scratch;
    if (!(fabs(per_second) < PER_SECOND_MAX))
        return "-";
    if (fabs(per_second) < 0.05)
        return "0";
    return arena_format(arena, fabs(per_second) < 9.95 ? "%+.1f" : "%+.0f", per_second);
}

struct top_cell top_cell_rate(struct top_words *words, double per_second) {
    return make_number(top_rate(words, per_second), per_second);
}

const char *top_share(struct top_words *words, double share) {
    if (!(share >= 0 && share < PER_SECOND_MAX))
        return "-";
    return arena_format(words->report.page.scratch, "%.0f%%", share * 100);
}

struct top_cell top_cell_share(struct top_words *words, double share) {
    return make_number(top_share(words, share), share);
}

struct top_cell top_cell_cpu(struct top_words *words, double cpu) {
    if (!(cpu >= 0 && cpu < PER_SECOND_MAX))
        return top_cell_text(NULL);
    return make_number(arena_format(words->report.page.scratch, "%.1f", cpu * 100), cpu);
}

const char *top_age(struct top_words *words, struct live_age age) {
    const char *text = label_duration(&words->report, age.seconds);
    if (!*text)
        return "-";
    return age.is_bound ? arena_format(words->report.page.scratch, ">=%s", text) : text;
}

struct top_cell top_cell_age(struct top_words *words, struct live_age age) {
    return make_number(top_age(words, age), age.seconds);
}

const char *top_task_state(const struct snapshot_task *task) {
    switch (task->state) {
    case SNAPSHOT_TASK_RUNNING:
        return "run";
    case SNAPSHOT_TASK_READY:
        return "ready";
    case SNAPSHOT_TASK_NOT_STARTED:
        return "new";
    case SNAPSHOT_TASK_WAITING:
        return task->idle == SNAPSHOT_YES ? "idle" : "wait";
    case SNAPSHOT_TASK_DONE:
    case SNAPSHOT_TASK_CANCELLED:
        return "done";
    case SNAPSHOT_TASK_STATE_COUNT:
    default:
        return "-";
    }
}

const char *top_wait(struct top_words *words, const struct snapshot_task *task, const char *text) {
    struct report *report = &words->report;
    if (task->state != SNAPSHOT_TASK_WAITING || !task->awaiting)
        return text;
    const struct snapshot_object *object = label_find_object(report, task->awaiting->object);
    if (!object || strcmp(text, label_object(report, object)) != 0)
        return text;
    const char *state = label_object_state(report, object);
    return *state ? arena_format(report->page.scratch, "%s, %s", text, state) : text;
}

/* Adds " < caller" for the user's frames around `own`. */
static const char *add_callers(struct top_words *words, const struct snapshot_stack *stack,
                               size_t own) {
    const char *last = frame_get_name(stack->frames[own]), *text = last;
    size_t callers = 0;
    for (size_t i = own + 1; i < stack->count && callers < CALLERS_MAX; i++) {
        const char *name = frame_get_name(stack->frames[i]);
        if (frame_get_origin(stack->frames[i]) != FRAME_USER || strcmp(name, last) == 0)
            continue;
        text = arena_format(words->report.page.scratch, "%s < %s", text, name);
        last = name;
        callers++;
    }
    return text;
}

const char *top_where(struct top_words *words, const struct snapshot_stack *stack) {
    const struct snapshot_frame *frame = stack_find_user(stack);
    size_t own = 0;
    if (!frame)
        return "";
    while (stack->frames[own] != frame)
        own++;
    return arena_format(words->report.page.scratch, "%s  %s", add_callers(words, stack, own),
                        frame_get_place(&words->report.page, frame, false));
}

void top_cells_set_style(struct top_cell *cells, size_t count, enum screen_style style) {
    for (size_t i = 0; i < count; i++)
        cells[i].style = style;
}
