/*
 * Modules by the paths of their files. Of a library's file the whole dotted name is known
 * ("asyncio.tasks"). Where a user's packages begin is not: of /srv/app/shop/db.py every end is
 * tried ("db", "shop.db", "app.shop.db", ...).
 */
#include "asyncspy/analysis/sample_filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/base/id_table.h"
#include "asyncspy/base/text.h"

#define SUBJECTS (FILTER_TASK + 1)
#define ENDS_MAX 16 /* of a path that are tried, the shortest ones, and the whole */
#define MODULE_MAX 1023
#define ANSWERS_MAX 1000000 /* that are kept */

struct pattern {
    const struct pattern *next;
    const char *text;
    const char *below; /* TEXT.*: the modules of a package */
    bool is_path;
};

/* The patterns of one subject, by whether they exclude. */
typedef const struct pattern *patterns[2];

struct sample_filter {
    struct arena *arena; /* patterns */
    patterns patterns[SUBJECTS];
    struct arena *answer_arena;
    struct id_table *answers; /* from the address of a stack to one of `answer` */
    size_t answer_count;
    bool answer[2];
    bool has_frames; /* patterns for modules or functions */
};

struct sample_filter *sample_filter_create(void) {
    struct sample_filter *filter = memory_alloc(sizeof *filter);
    *filter = (struct sample_filter){
        .arena = arena_create(), .answer_arena = arena_create(), .answer = {false, true}};
    sample_filter_forget(filter);
    return filter;
}

void sample_filter_destroy(struct sample_filter *filter) {
    if (!filter)
        return;
    arena_destroy(filter->arena);
    arena_destroy(filter->answer_arena);
    free(filter);
}

void sample_filter_forget(struct sample_filter *filter) {
    arena_reset(filter->answer_arena);
    filter->answers = id_table_create(filter->answer_arena, 0);
    filter->answer_count = 0;
}

void sample_filter_add(struct sample_filter *filter, enum sample_filter_subject subject,
                       bool is_excluded, const char *pattern) {
    struct pattern *row = arena_alloc(filter->arena, sizeof *row);
    const struct pattern **first = &filter->patterns[subject][is_excluded];
    *row = (struct pattern){.next = *first,
                            .text = arena_copy_string(filter->arena, pattern, strlen(pattern)),
                            .below = arena_format(filter->arena, "%s.*", pattern),
                            .is_path = strchr(pattern, '/') || text_ends_with(pattern, ".py")};
    *first = row;
    filter->has_frames = filter->has_frames || subject != FILTER_TASK;
    sample_filter_forget(filter);
}

bool sample_filter_is_empty(const struct sample_filter *filter) {
    for (size_t i = 0; i < SUBJECTS; i++)
        if (filter->patterns[i][false] || filter->patterns[i][true])
            return false;
    return true;
}

static bool matches(const char *pattern, const char *text) {
    return text && fnmatch(pattern, text, 0) == 0;
}

/* The whole text, or an end of it from behind a separator. */
static bool end_matches(const struct pattern *pattern, const char *text, char separator) {
    const char *end = text + strlen(text);
    for (int i = 0; i < ENDS_MAX && end; i++) {
        end = memrchr(text, separator, (size_t)(end - text));
        const char *part = end ? end + 1 : text;
        if (matches(pattern->text, part) || matches(pattern->below, part))
            return true;
    }
    return matches(pattern->text, text) || matches(pattern->below, text);
}

/* Puts "shop.db" of "shop/db.py", "shop" of "shop/__init__.py", "importlib._bootstrap" of
 * "<frozen importlib._bootstrap>" into `ret`; of a longer path the end. */
static void make_module(const char *path, char ret[MODULE_MAX + 1]) {
    static const char frozen[] = "<frozen ", package[] = "/__init__";
    size_t length = strlen(path);
    bool is_frozen = strncmp(path, frozen, strlen(frozen)) == 0;
    const char *skipped = length > MODULE_MAX ? path + length - MODULE_MAX
                          : is_frozen         ? path + strlen(frozen)
                                              : path + (*path == '/');
    const char *slash = strrchr(skipped, '/'), *dot = strrchr(slash ? slash : skipped, '.');
    length = is_frozen ? strcspn(skipped, ">") : dot ? (size_t)(dot - skipped) : strlen(skipped);
    if (length > strlen(package) &&
        strncmp(skipped + length - strlen(package), package, strlen(package)) == 0)
        length -= strlen(package);
    for (size_t i = 0; i < length; i++)
        ret[i] = (char)(skipped[i] == '/' ? '.' : skipped[i]);
    ret[length] = 0;
}

static bool module_matches(const struct pattern *pattern, const struct snapshot_frame *frame) {
    char module[MODULE_MAX + 1];
    if (!frame->file)
        return false;
    if (pattern->is_path)
        return end_matches(pattern, frame->file, '/');
    const char *path = frame_get_short_file(frame);
    bool is_library = path != frame->file || *path == '<';
    make_module(path, module);
    if (is_library)
        return matches(pattern->text, module) || matches(pattern->below, module);
    return end_matches(pattern, module, '.');
}

static bool function_matches(const struct pattern *pattern, const struct snapshot_frame *frame) {
    return matches(pattern->text, frame->function) ||
           matches(pattern->text, frame->qualified_name) ||
           matches(pattern->text, frame_get_name(frame));
}

static bool some_frame_matches(const struct pattern *first, enum sample_filter_subject subject,
                               const struct snapshot_stack *stack) {
    for (const struct pattern *pattern = first; pattern; pattern = pattern->next)
        for (size_t i = 0; i < stack->count; i++)
            if (subject == FILTER_MODULE ? module_matches(pattern, stack->frames[i])
                                         : function_matches(pattern, stack->frames[i]))
                return true;
    return false;
}

static bool wants_frames(const struct sample_filter *filter, const struct snapshot_stack *stack) {
    for (enum sample_filter_subject subject = FILTER_MODULE; subject <= FILTER_FUNCTION;
         subject++) {
        const struct pattern *included = filter->patterns[subject][false];
        if (some_frame_matches(filter->patterns[subject][true], subject, stack) ||
            (included && !some_frame_matches(included, subject, stack)))
            return false;
    }
    return true;
}

static bool wants_stack(struct sample_filter *filter, const struct snapshot_stack *stack) {
    const bool *answer = id_table_find(filter->answers, (uintptr_t)stack);
    if (answer)
        return *answer;
    if (filter->answer_count++ == ANSWERS_MAX)
        sample_filter_forget(filter);
    bool is_wanted = wants_frames(filter, stack);
    id_table_add(filter->answers, (uintptr_t)stack, &filter->answer[is_wanted]);
    return is_wanted;
}

static bool name_matches(const struct pattern *first, const char *name) {
    for (const struct pattern *pattern = first; pattern; pattern = pattern->next)
        if (matches(pattern->text, name))
            return true;
    return false;
}

bool sample_filter_wants(struct sample_filter *filter, const struct snapshot_stack *stack,
                         const char *task_name) {
    const struct pattern *included = filter->patterns[FILTER_TASK][false];
    if (name_matches(filter->patterns[FILTER_TASK][true], task_name) ||
        (included && !name_matches(included, task_name)))
        return false;
    return !filter->has_frames || wants_stack(filter, stack);
}
