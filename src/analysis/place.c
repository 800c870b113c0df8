#include "asyncspy/analysis/place.h"

#include <ctype.h>
#include <string.h>

/* The path behind "/lib/python3.11/" or "/lib64/python3.13t/"; NULL: it is not below one. */
static const char *skip_stdlib(const char *file) {
    for (const char *at = strstr(file, "/python3."); at; at = strstr(at + 1, "/python3.")) {
        bool lib = at - file >= 3 && strncmp(at - 3, "lib", 3) == 0;
        bool lib64 = at - file >= 5 && strncmp(at - 5, "lib64", 5) == 0;
        const char *end = at + strlen("/python3.");
        while (isalnum((unsigned char)*end))
            end++;
        if ((lib || lib64) && *end == '/')
            return end + 1;
    }
    return NULL;
}

/* The path behind the last "/site-packages/" or "/dist-packages/"; NULL: it has none. */
static const char *skip_packages(const char *file) {
    const char *found = NULL;
    for (const char *at = strstr(file, "-packages/"); at; at = strstr(at + 1, "-packages/"))
        if (at - file >= 5 &&
            (strncmp(at - 5, "/site", 5) == 0 || strncmp(at - 5, "/dist", 5) == 0))
            found = at + strlen("-packages/");
    return found;
}

/* Cython leaves the path from the folder where it was built: nobody looks there for his own code.
 */
static bool is_compiled(const char *file) {
    size_t length = strlen(file), end = strlen(".pyx");
    return *file != '/' && length > end && strcmp(file + length - end, ".pyx") == 0;
}

enum frame_origin frame_get_origin(const struct snapshot_frame *frame) {
    if (frame->native || !frame->file || strncmp(frame->file, "<frozen", 7) == 0)
        return FRAME_STDLIB;
    if (skip_packages(frame->file) || is_compiled(frame->file))
        return FRAME_PACKAGE;
    return skip_stdlib(frame->file) ? FRAME_STDLIB : FRAME_USER;
}

const char *frame_get_name(const struct snapshot_frame *frame) {
    static const char locals[] = "<locals>.";
    const char *name = frame->qualified_name ? frame->qualified_name : frame->function;
    if (!name)
        return "?";
    for (const char *at = strstr(name, locals); at; at = strstr(name, locals))
        name = at + strlen(locals);
    return name;
}

const char *frame_get_short_file(const struct snapshot_frame *frame) {
    if (!frame->file)
        return "?";
    const char *shorter = frame->native ? NULL : skip_packages(frame->file);
    if (!frame->native && !shorter)
        shorter = skip_stdlib(frame->file);
    return shorter && *shorter ? shorter : frame->file;
}

const char *frame_get_known_file(const struct snapshot_frame *frame) {
    const char *file = frame_get_short_file(frame);
    const char *slash = file == frame->file && !frame->native ? strrchr(file, '/') : NULL;
    while (slash && slash > file && slash[-1] != '/')
        slash--;
    return slash ? slash : file;
}

const struct snapshot_frame *stack_find_user(const struct snapshot_stack *stack) {
    const struct snapshot_frame *package = NULL;
    for (size_t i = 0; i < stack->count; i++) {
        enum frame_origin origin = frame_get_origin(stack->frames[i]);
        if (origin == FRAME_USER)
            return stack->frames[i];
        if (origin == FRAME_PACKAGE && !package)
            package = stack->frames[i];
    }
    return package || !stack->count ? package : stack->frames[0];
}

const struct snapshot_frame *stack_find_creator(const struct snapshot_frame *const *frames,
                                                size_t count) {
    const struct snapshot_frame *package = NULL;
    for (size_t i = 0; i < count; i++) {
        if (frame_get_origin(frames[i]) == FRAME_USER)
            return frames[i];
        if (!package && frame_get_origin(frames[i]) != FRAME_STDLIB)
            package = frames[i];
    }
    return package || !count ? package : frames[0];
}
