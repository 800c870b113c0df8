#include "profile_text.h"

#include <stdio.h>
#include <stdlib.h>

static void write_stack(FILE *out, const struct profile_stack *stack) {
    for (size_t i = 0; i < stack->frame_count; i++) {
        const struct profile_frame *frame = stack->frames[i];
        fputs(i ? ";" : "", out);
        switch (frame->kind) {
        case PROFILE_FRAME_CODE:
            fprintf(out, "%s %s:%d", frame->name, frame->file ? frame->file : "-",
                    (int)frame->line);
            break;
        case PROFILE_FRAME_WAIT:
            fprintf(out, "[%s]", frame->name);
            break;
        case PROFILE_FRAME_TASK:
            fprintf(out, "<%s>", frame->name);
            break;
        case PROFILE_FRAME_ROOT:
            fprintf(out, "{%s}", frame->name);
            break;
        }
    }
}

char *profile_stack_text(const struct profile_stack *stack) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    write_stack(out, stack);
    fclose(out);
    return text;
}

char *profile_text(const struct profile *profile) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < profile->stack_count; i++) {
        write_stack(out, &profile->stacks[i]);
        fprintf(out, " %.3f %llu\n", profile->stacks[i].weight_s,
                (unsigned long long)profile->stacks[i].samples);
    }
    fclose(out);
    return text;
}
