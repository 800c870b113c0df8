/*
 * Who reads these lines takes a number behind a space at the end of a stack for a second weight
 * (flamegraph.pl, inferno: a differential profile): names that end so stand in brackets.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "asyncspy/render/profile_formats.h"
#include "profile_units.h"

/* A ";" ends a frame: one inside of a name is escaped as the control characters are. */
static void write_text(FILE *out, struct arena *scratch, const char *text) {
    const char *safe = text_escape(scratch, text);
    for (size_t length; *safe; safe += length) {
        length = strcspn(safe, ";");
        fwrite(safe, 1, length, out);
        if (safe[length]) {
            fputs("\\x3b", out);
            length++;
        }
    }
}

/* The last two parts of a whole path, as people know their own files; that of a library is short.
 */
static const char *shorten(const char *file) {
    const char *slash = *file == '/' ? strrchr(file, '/') : NULL;
    while (slash && slash > file && slash[-1] != '/')
        slash--;
    return slash ? slash : file;
}

static bool ends_with_weight(const char *name) {
    size_t length = strlen(name), digits = 0;
    while (digits < length && strchr("0123456789.", name[length - 1 - digits]))
        digits++;
    return digits && digits < length && !strchr("#:_-/)", name[length - 1 - digits]) &&
           !isalnum((unsigned char)name[length - 1 - digits]);
}

static void write_frame(FILE *out, struct arena *scratch, const struct profile_frame *frame) {
    bool is_quoted = !frame->file && ends_with_weight(frame->name);
    arena_reset(scratch);
    fputs(is_quoted ? "[" : "", out);
    write_text(out, scratch, frame->name);
    fputs(is_quoted ? "]" : "", out);
    if (!frame->file)
        return;
    fputs(" (", out);
    write_text(out, scratch, shorten(frame->file));
    if (frame->line >= 0)
        fprintf(out, ":%" PRId32, frame->line);
    fputs(")", out);
}

struct error *render_collapsed(const struct profile *profile, FILE *out) {
    struct arena *scratch = arena_create();
    errno = 0;
    for (size_t i = 0; i < profile->stack_count; i++) {
        const struct profile_stack *stack = &profile->stacks[i];
        int64_t microseconds = profile_units_round(stack->weight_s * 1e6);
        if (!microseconds)
            continue;
        for (size_t j = 0; j < stack->frame_count; j++) {
            fputs(j ? ";" : "", out);
            write_frame(out, scratch, stack->frames[j]);
        }
        fprintf(out, " %" PRId64 "\n", microseconds);
    }
    arena_destroy(scratch);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    return ferror(out) ? error_create_os(error_number, "writing the stacks") : NULL;
}
