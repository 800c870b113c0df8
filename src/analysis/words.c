#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/base/clock.h"

#define FILE_MOST 80

const char *words_shorten_in(struct arena *arena, const char *text, size_t most) {
    if (strlen(text) <= most)
        return text;
    size_t length = most - strlen("...");
    while (length && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return arena_format(arena, "%.*s...", (int)length, text);
}

const char *words_shorten(const struct analysis *analysis, const char *text, size_t most) {
    return words_shorten_in(analysis->snapshot->arena, text, most);
}

const char *words_task(const struct analysis *analysis, const struct snapshot_task *task) {
    if (task->name && *task->name)
        return words_shorten(analysis, task->name, WORDS_NAME);
    return arena_format(analysis->snapshot->arena, "task 0x%" PRIx64, task->id);
}

const char *words_label(const struct snapshot_object *object) {
    return object->label ? object->label : snapshot_object_kind_name(object->kind);
}

const char *words_labelled(struct arena *arena, const char *label, const char *name) {
    return name ? arena_format(arena, "%s '%s'", label, words_shorten_in(arena, name, WORDS_NAME))
                : label;
}

const char *words_object(struct analysis *analysis, const struct snapshot_object *object) {
    const char **known = &analysis->object_words[object - analysis->snapshot->objects.items];
    if (!*known)
        *known = words_labelled(analysis->snapshot->arena, words_label(object), object->name);
    return *known;
}

const char *words_thread(const struct analysis *analysis, int64_t tid) {
    const struct snapshot_thread *thread = find_thread(analysis, tid);
    const char *name = thread && thread->name ? thread->name : NULL;
    if (tid == SNAPSHOT_UNKNOWN)
        return name ? name : "a thread";
    if (!name)
        return arena_format(analysis->snapshot->arena, "tid %" PRId64, tid);
    return arena_format(analysis->snapshot->arena, "%s (tid %" PRId64 ")",
                        words_shorten(analysis, name, WORDS_NAME), tid);
}

const char *words_frame(const struct analysis *analysis, const struct snapshot_frame *frame) {
    if (!frame)
        return NULL;
    const char *name = words_shorten(analysis, frame_get_name(frame), WORDS_NAME);
    const char *file = words_shorten(analysis, frame_get_known_file(frame), FILE_MOST);
    if (frame->line < 0)
        return arena_format(analysis->snapshot->arena, "%s  %s", name, file);
    return arena_format(analysis->snapshot->arena, "%s  %s:%d", name, file, (int)frame->line);
}

const char *words_call(const struct analysis *analysis, const struct snapshot_frame *innermost,
                       const struct snapshot_frame *caller) {
    if (!caller || caller == innermost)
        return words_frame(analysis, caller);
    return arena_format(analysis->snapshot->arena, "%s <- %s",
                        words_shorten(analysis, frame_get_name(innermost), WORDS_NAME),
                        words_frame(analysis, caller));
}

const char *words_where(const struct analysis *analysis, const struct snapshot_stack *stack) {
    return words_call(analysis, stack->count ? stack->frames[0] : NULL, stack_find_user(stack));
}

static const char *format_count(struct arena *arena, int64_t count) {
    char digits[32], text[48];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count);
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && digits[i - 1] != '-')
            text[at++] = ',';
        text[at++] = digits[i];
    }
    return arena_copy_string(arena, text, at);
}

const char *words_count(const struct analysis *analysis, int64_t count) {
    return format_count(analysis->snapshot->arena, count);
}

const char *words_many_in(struct arena *arena, int64_t count, const char *noun) {
    return arena_format(arena, "%s %s%s", format_count(arena, count), noun, count == 1 ? "" : "s");
}

const char *words_many(const struct analysis *analysis, int64_t count, const char *noun) {
    return words_many_in(analysis->snapshot->arena, count, noun);
}

const char *words_seconds(const struct analysis *analysis, double seconds) {
    return clock_format_seconds(analysis->snapshot->arena, seconds);
}

const char *words_at_least(const struct analysis *analysis, double seconds) {
    return clock_format_at_least(analysis->snapshot->arena, seconds);
}

const char *words_ordinal(const struct analysis *analysis, int64_t number) {
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    int64_t last = number % 10, tens = number / 10 % 10;
    const char *ending = tens == 1 || last < 0 || last > 3 ? "th" : endings[last];
    return arena_format(analysis->snapshot->arena, "%s%s", words_count(analysis, number), ending);
}
