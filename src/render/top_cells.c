#include "top_cells.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "frames.h"
#include "label.h"

#define CALLERS_MAX 4
#define JOIN "join of " /* as waits for a queue to be done with begin */
#define PER_SECOND_MAX 1e9
#define AGE_STEP_S 0.1     /* of ages below a second */
#define AGE_LEAST_S 0.05   /* is told as such: 0.1 s */
#define CLOCK_NOISE_S 1e-6 /* of the time between pictures: of 1 s it may be 1.0000001 s */
#define AGE_NEW_MOST_S 100

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

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
    return arena_format(arena, fabs(per_second) < 0.95 ? "%+.1f" : "%+.0f", per_second);
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

/* The time between the picture and the one before; NaN: not known. */
static double get_between(const struct top_words *words) {
    const struct live *live = words->input->live;
    double between = live && live->snapshot ? live->snapshot->capture.second_look_s : NAN;
    return between > 0 || !live ? between : live->interval_s;
}

/* Of what is less than a tenth of a second old only that is known: between pictures nobody looks at
 * what does not run. */
static const char *describe_new(struct top_words *words, struct live_age age) {
    double between = age.seconds > 0 ? AGE_LEAST_S : get_between(words);
    if (age.is_bound || !(between > 0 && between < AGE_NEW_MOST_S))
        return "-";
    double steps = ceil((between - CLOCK_NOISE_S) / AGE_STEP_S);
    return arena_format(words->report.page.scratch, "<%.1f s", fmax(steps, 1) * AGE_STEP_S);
}

/* Rounded down: it is at least so long. */
static const char *describe_bound(struct top_words *words, double seconds) {
    struct arena *arena = words->report.page.scratch;
    if (seconds >= 1) {
        const char *text = label_at_least(&words->report, seconds);
        return *text ? arena_format(arena, ">=%s", text) : "-";
    }
    double steps = floor((seconds + CLOCK_NOISE_S) / AGE_STEP_S);
    return steps > 0 ? arena_format(arena, ">=%.1f s", steps * AGE_STEP_S) : "-";
}

const char *top_age(struct top_words *words, struct live_age age) {
    struct arena *arena = words->report.page.scratch;
    if (!(age.seconds >= 0))
        return "-";
    if (age.seconds < AGE_LEAST_S)
        return describe_new(words, age);
    if (age.is_bound)
        return describe_bound(words, age.seconds);
    const char *text = age.seconds < 1 ? arena_format(arena, "%.1f s", age.seconds)
                                       : label_duration(&words->report, age.seconds);
    return *text ? text : "-";
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

/* --- what tasks wait for --- */

/* What `text` says at its end of how long the wait may last: ", timeout in 3.0 s"; or NULL. */
static const char *find_time_limit(const char *text) {
    const char *last = NULL;
    for (const char *at = strstr(text, ", "); at; at = strstr(at + 1, ", "))
        last = at;
    bool is_limit = last && (starts_with(last, ", timeout in ") || strstr(last, " overdue"));
    return is_limit ? last : NULL;
}

/* Whether `text` begins with the label: "Lock#1" is not that of "Lock#12". */
static bool has_label(const char *text, const char *label) {
    return starts_with(text, label) && !isdigit((unsigned char)text[strlen(label)]);
}

static const char *describe_state(struct top_words *words, const struct snapshot_object *object,
                                  bool is_join) {
    int64_t unfinished;
    if (!is_join)
        return label_object_brief(&words->report, object);
    if (!snapshot_object_get_fact(object, "unfinished", &unfinished))
        return "";
    return arena_format(words->report.page.scratch, "%" PRId64 " unfinished", unfinished);
}

/* The state of an object tells more than its name. `text` begins with its label, or several tasks
 * wait for different ones. */
static struct top_cell make_object_wait(struct top_words *words,
                                        const struct snapshot_object *object, const char *text) {
    struct arena *arena = words->report.page.scratch;
    bool is_join = starts_with(text, JOIN);
    if (!object->label || !has_label(text + (is_join ? strlen(JOIN) : 0), object->label))
        return top_cell_text(text);
    const char *state = describe_state(words, object, is_join), *limit = find_time_limit(text);
    struct top_cell cell = top_cell_text(arena_format(arena, "%s%s%s%s", is_join ? JOIN : "",
                                                      object->label, *state ? " " : "", state));
    const char *name = object->name ? arena_format(arena, " '%s'", object->name) : "";
    if (*name || limit)
        cell.rest = arena_format(arena, "%s%s", name, limit ? limit : "");
    return cell;
}

/* What follows from `at` on is the rest. */
static struct top_cell cut_before(struct top_words *words, const char *text, const char *at) {
    struct top_cell cell = top_cell_text(text);
    cell.rest = strstr(text, at);
    if (cell.rest)
        cell.text = arena_copy_string(words->report.page.scratch, text, (size_t)(cell.rest - text));
    return cell;
}

struct top_cell top_cell_wait(struct top_words *words, const struct snapshot_task *task,
                              const char *text) {
    const struct snapshot_wait *wait = task->state == SNAPSHOT_TASK_WAITING ? task->awaiting : NULL;
    const struct snapshot_object *object =
        wait ? label_find_object(&words->report, wait->object) : NULL;
    if (object)
        return make_object_wait(words, object, text);
    if (wait && starts_with(text, "socket ")) /* "socket 10.0.3.7:5432 (read)" */
        return cut_before(words, text, " (");
    if (wait && wait->kind == SNAPSHOT_WAIT_SLEEP) /* "sleep, due in 3.0 s .. 30.0 s" */
        return cut_before(words, text, " .. ");
    return top_cell_text(text);
}

/* --- where they are --- */

/* " < caller < its caller": the user's frames around `own`; NULL: there are none. */
static const char *describe_callers(struct top_words *words, const struct snapshot_stack *stack,
                                    size_t own) {
    const char *last = frame_get_name(stack->frames[own]), *text = NULL;
    size_t callers = 0;
    for (size_t i = own + 1; i < stack->count && callers < CALLERS_MAX; i++) {
        const char *name = frame_get_name(stack->frames[i]);
        if (frame_get_origin(stack->frames[i]) != FRAME_USER || strcmp(name, last) == 0)
            continue;
        text = arena_format(words->report.page.scratch, "%s < %s", text ? text : "", name);
        last = name;
        callers++;
    }
    return text;
}

/* The name of the file, with its folder where all packages have such a file. */
static const char *get_file_name(const char *file) {
    const char *slash = strrchr(file, '/');
    if (!slash)
        return file;
    if (!starts_with(slash, "/__init__.") && !starts_with(slash, "/__main__."))
        return slash + 1;
    while (slash > file && slash[-1] != '/')
        slash--;
    return slash;
}

/* "db.py:71". */
static const char *describe_place(struct top_words *words, const struct snapshot_frame *frame) {
    if (!frame->file)
        return NULL;
    const char *file = get_file_name(frame_get_known_file(frame));
    if (frame->native || frame->line < 0)
        return file;
    return arena_format(words->report.page.scratch, "%s:%d", file, (int)frame->line);
}

struct top_cell top_cell_where(struct top_words *words, const struct snapshot_stack *stack,
                               const char *otherwise) {
    const struct snapshot_frame *frame = stack_find_user(stack);
    size_t own = 0;
    if (!frame)
        return top_cell_text(otherwise);
    while (stack->frames[own] != frame)
        own++;
    return (struct top_cell){.text = frame_get_name(frame),
                             .place = describe_place(words, frame),
                             .rest = describe_callers(words, stack, own),
                             .order = NAN};
}

void top_cells_set_style(struct top_cell *cells, size_t count, enum screen_style style) {
    for (size_t i = 0; i < count; i++)
        cells[i].style = style;
}
