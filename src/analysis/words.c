#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/base/clock.h"

#define NAME_MOST 48
#define FILE_MOST 80

const char *words_shorten(const struct analysis *analysis, const char *text, size_t most) {
    if (strlen(text) <= most)
        return text;
    size_t length = most - strlen("...");
    while (length && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return arena_format(analysis->snapshot->arena, "%.*s...", (int)length, text);
}

const char *words_task(const struct analysis *analysis, const struct snapshot_task *task) {
    if (task->name && *task->name)
        return words_shorten(analysis, task->name, NAME_MOST);
    return arena_format(analysis->snapshot->arena, "task 0x%" PRIx64, task->id);
}

const char *words_label(const struct snapshot_object *object) {
    return object->label ? object->label : snapshot_object_kind_name(object->kind);
}

const char *words_object(struct analysis *analysis, const struct snapshot_object *object) {
    const char **known = &analysis->object_words[object - analysis->snapshot->objects.items];
    const char *label = words_label(object);
    if (!*known && !object->name)
        *known = label;
    else if (!*known)
        *known = arena_format(analysis->snapshot->arena, "%s '%s'", label,
                              words_shorten(analysis, object->name, NAME_MOST));
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
                        words_shorten(analysis, name, NAME_MOST), tid);
}

const char *words_frame(const struct analysis *analysis, const struct snapshot_frame *frame) {
    if (!frame)
        return NULL;
    const char *name = words_shorten(analysis, frame_get_name(frame), NAME_MOST);
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
                        words_shorten(analysis, frame_get_name(innermost), NAME_MOST),
                        words_frame(analysis, caller));
}

const char *words_where(const struct analysis *analysis, const struct snapshot_stack *stack) {
    return words_call(analysis, stack->count ? stack->frames[0] : NULL, stack_find_user(stack));
}

const char *words_count(const struct analysis *analysis, int64_t count) {
    char digits[32], text[48];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count);
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && digits[i - 1] != '-')
            text[at++] = ',';
        text[at++] = digits[i];
    }
    return arena_copy_string(analysis->snapshot->arena, text, at);
}

const char *words_many(const struct analysis *analysis, int64_t count, const char *noun) {
    return arena_format(analysis->snapshot->arena, "%s %s%s", words_count(analysis, count), noun,
                        count == 1 ? "" : "s");
}

const char *words_seconds(const struct analysis *analysis, double seconds) {
    return clock_format_seconds(analysis->snapshot->arena, seconds);
}

const char *words_ordinal(const struct analysis *analysis, int64_t number) {
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    int64_t last = number % 10, tens = number / 10 % 10;
    const char *ending = tens == 1 || last < 0 || last > 3 ? "th" : endings[last];
    return arena_format(analysis->snapshot->arena, "%s%s", words_count(analysis, number), ending);
}
