/* The file format of speedscope (its src/lib/file-format-spec.ts). */
#include <errno.h>
#include <inttypes.h>

#include "asyncspy/base/json_text.h"
#include "asyncspy/render/profile_formats.h"
#include "json_values.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

static void write_frame(const struct profile_frame *frame, FILE *out) {
    fputs("{\"name\":", out);
    json_write_string(out, frame->name ? frame->name : "?");
    if (frame->file) {
        fputs(",\"file\":", out);
        json_write_string(out, frame->file);
    }
    if (frame->line >= 0)
        fprintf(out, ",\"line\":%" PRId32, frame->line);
    putc('}', out);
}

/* The frames of all profiles, one behind the other. */
static void write_frames(const struct profile *const *profiles, size_t count, FILE *out) {
    const char *comma = "";
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < profiles[i]->frame_count; j++) {
            fprintf(out, "%s\n", comma);
            write_frame(profiles[i]->frames[j], out);
            comma = ",";
        }
}

static void write_samples(const struct profile *profile, size_t first_frame, FILE *out) {
    for (size_t i = 0; i < profile->stack_count; i++) {
        const struct profile_stack *stack = &profile->stacks[i];
        fputs(i ? ",\n[" : "\n[", out);
        for (size_t j = 0; j < stack->frame_count; j++)
            fprintf(out, "%s%zu", j ? "," : "", first_frame + stack->frames[j]->index);
        putc(']', out);
    }
}

static void write_weights(const struct profile *profile, FILE *out) {
    for (size_t i = 0; i < profile->stack_count; i++) {
        fputs(i ? "," : "", out);
        json_write_number(out, profile->stacks[i].weight_s);
    }
}

static void write_profile(const struct profile *profile, size_t first_frame, FILE *out) {
    fprintf(out, "{\"type\":\"sampled\",\"name\":\"%s\",\"unit\":\"seconds\",\"startValue\":0,",
            profile_mode_name(profile->mode));
    fputs("\"endValue\":", out);
    json_write_number(out, profile->weight_s);
    fputs(",\"samples\":[", out);
    write_samples(profile, first_frame, out);
    fputs("],\n\"weights\":[", out);
    write_weights(profile, out);
    fputs("]}", out);
}

struct error *render_speedscope(const struct recording_info *info,
                                const struct profile *const *profiles, size_t count, FILE *out) {
    struct arena *arena = arena_create();
    fputs("{\"$schema\":\"" SCHEMA "\",\n\"name\":", out);
    json_write_string(out, arena_format(arena, "process %" PRId64 ", %s", info->target.pid,
                                        info->started_at ? info->started_at : ""));
    fputs(",\n\"exporter\":", out);
    json_write_string(out,
                      arena_format(arena, "asyncspy %s", info->asyncspy ? info->asyncspy : ""));
    arena_destroy(arena);
    fputs(",\n\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[", out);
    write_frames(profiles, count, out);
    fputs("]},\n\"profiles\":[", out);
    size_t first_frame = 0;
    for (size_t i = 0; i < count; first_frame += profiles[i++]->frame_count) {
        fputs(i ? ",\n" : "\n", out);
        write_profile(profiles[i], first_frame, out);
    }
    fputs("]}\n", out);
    return ferror(out) ? error_create_os(errno, "writing the speedscope file") : NULL;
}
