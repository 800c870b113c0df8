/*
 * The flame graph as a page: flamegraph.html with its style and scripts, which the Makefile put
 * together, and the profiles as JSON in it. What the page shows of the target it sets as text,
 * never as HTML.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "asyncspy/base/json_text.h"
#include "asyncspy/base/table.h"
#include "asyncspy/render/profile_formats.h"
#include "flame.h"

#define LEAST_SHARE 0.00005 /* what is lighter is a tenth of a pixel of a wide screen */
#define PLACEHOLDER "@DATA@"

static const unsigned char page[] = {
#include "flamegraph.inc"
};

struct text {
    const char *text;
    size_t number;
};

struct writer {
    FILE *out;
    struct arena *arena;
    struct table *found;       /* texts */
    const struct text **texts; /* by number */
    size_t text_count, text_room;
};

static const char *get_comma(size_t i) {
    return i ? "," : "";
}

static void write_seconds(struct writer *writer, const char *name, double seconds) {
    if (isfinite(seconds))
        fprintf(writer->out, ",\"%s\":%.6f", name, seconds);
    else
        fprintf(writer->out, ",\"%s\":null", name);
}

/* Microseconds; the page gets whole numbers. */
static void write_weight(struct writer *writer, size_t i, double seconds) {
    fprintf(writer->out, "%s%.0f", get_comma(i), seconds * 1e6);
}

static void write_text(struct writer *writer, const char *name, const char *text) {
    fprintf(writer->out, ",\"%s\":", name);
    json_write_string(writer->out, flame_escape(writer->arena, text));
}

/* The number of a text of `strings`, -1 for NULL. */
static long number_text(struct writer *writer, const char *text) {
    if (!text)
        return -1;
    struct text *found = table_find(writer->found, text, strlen(text));
    if (found)
        return (long)found->number;
    found = arena_alloc(writer->arena, sizeof *found);
    *found = (struct text){.text = text, .number = writer->text_count};
    table_add(writer->found, text, strlen(text), found);
    writer->texts = snapshot_vector_grow(writer->arena, writer->texts, &writer->text_count,
                                         &writer->text_room, sizeof(const struct text *));
    writer->texts[found->number] = found;
    return (long)found->number;
}

/* --- the recording --- */

static void write_recording(struct writer *writer, const struct recording_info *info) {
    fputs("\"recording\":{\"kind\":\"recording\"", writer->out);
    write_text(writer, "asyncspy", info->asyncspy);
    write_text(writer, "started_at", info->started_at);
    write_text(writer, "command", flame_describe_command(writer->arena, info));
    write_text(writer, "python", info->target.python_version);
    write_seconds(writer, "rate", info->rate);
    fprintf(writer->out, ",\"free_threaded\":%s",
            info->target.free_threaded == SNAPSHOT_YES ? "true" : "false");
    if (info->target.pid != SNAPSHOT_UNKNOWN)
        fprintf(writer->out, ",\"pid\":%" PRId64, info->target.pid);
    fputc('}', writer->out);
}

static void write_end(struct writer *writer, const struct recording_end *end) {
    fprintf(writer->out, ",\"end\":{\"samples\":%" PRIu64 ",\"failed\":%" PRIu64, end->samples,
            end->failed);
    write_text(writer, "reason", end->reason);
    write_seconds(writer, "time", end->time_s);
    write_seconds(writer, "pause", end->pause_s);
    write_seconds(writer, "longest_pause", end->longest_pause_s);
    write_seconds(writer, "late", end->late_s);
    fputc('}', writer->out);
}

static void write_colours(struct writer *writer, const char *name, const char *const *colours) {
    fprintf(writer->out, ",\"%s\":[", name);
    for (size_t i = 0; i < FLAME_SHADES; i++)
        fprintf(writer->out, "%s\"%s\"", get_comma(i), colours[i]);
    fputc(']', writer->out);
}

static void write_kinds(struct writer *writer) {
    fputs(",\"kinds\":[", writer->out);
    for (enum flame_kind kind = 0; kind < FLAME_KIND_COUNT; kind++) {
        const struct flame_look *look = flame_get_look(kind);
        fprintf(writer->out, "%s{\"name\":\"%s\"", get_comma(kind), look->name);
        write_text(writer, "label", look->label);
        fprintf(writer->out, ",\"is_wait\":%s", look->is_wait ? "true" : "false");
        write_colours(writer, "light", look->light);
        write_colours(writer, "dark", look->dark);
        fputc('}', writer->out);
    }
    fputc(']', writer->out);
}

/* --- a profile: columns, which are shorter than rows with keys --- */

/* The functions that the page has, by their place in the tree: the number, from 1. A function of a
 * node is as heavy as the node. */
struct shown {
    const struct profile_tree *tree;
    const struct profile_function **functions;
    size_t count;
    uint32_t *numbers;
};

static struct shown choose_functions(struct arena *arena, const struct profile_tree *tree) {
    size_t count = tree->functions.count;
    struct shown shown = {.tree = tree,
                          .functions = arena_alloc_array(arena, count, sizeof *shown.functions),
                          .numbers = arena_alloc_array(arena, count, sizeof *shown.numbers)};
    for (size_t i = 0; i < count; i++) {
        const struct profile_function *function = &tree->functions.items[i];
        if (function->total_s <= 0 || function->total_s < tree->least_s * 0.999)
            continue;
        shown.functions[shown.count++] = function;
        shown.numbers[i] = (uint32_t)shown.count;
    }
    return shown;
}

static void write_lines(FILE *out, const struct profile_function *function) {
    fputc('[', out);
    for (size_t i = 0; i < function->line_count; i++)
        fprintf(out, "%s%d,%.0f", get_comma(i), (int)function->lines[i].line,
                function->lines[i].weight_s * 1e6);
    fputc(']', out);
}

static void write_functions(struct writer *writer, const struct shown *shown) {
    FILE *out = writer->out;
    fputs(",\"functions\":{\"kind\":[", out);
    for (size_t i = 0; i < shown->count; i++)
        fprintf(out, "%s%d", get_comma(i), (int)flame_get_kind(shown->functions[i]));
    fputs("],\"shade\":[", out);
    for (size_t i = 0; i < shown->count; i++)
        fprintf(out, "%s%u", get_comma(i), flame_get_shade(shown->functions[i]));
    fputs("],\"name\":[", out);
    for (size_t i = 0; i < shown->count; i++)
        fprintf(out, "%s%ld", get_comma(i), number_text(writer, shown->functions[i]->frame->name));
    fputs("],\"file\":[", out);
    for (size_t i = 0; i < shown->count; i++)
        fprintf(out, "%s%ld", get_comma(i), number_text(writer, shown->functions[i]->frame->file));
    fputs("],\"self\":[", out);
    for (size_t i = 0; i < shown->count; i++)
        write_weight(writer, i, shown->functions[i]->self_s);
    fputs("],\"total\":[", out);
    for (size_t i = 0; i < shown->count; i++)
        write_weight(writer, i, shown->functions[i]->total_s);
    fputs("],\"lines\":[", out);
    for (size_t i = 0; i < shown->count; i++) {
        fputs(get_comma(i), out);
        write_lines(out, shown->functions[i]);
    }
    fputs("]}", out);
}

/* -1: the root, and what was left out. */
static long get_number(const struct shown *shown, const struct profile_node *node) {
    if (!node->function)
        return -1;
    return (long)shown->numbers[node->function - shown->tree->functions.items] - 1;
}

static void write_nodes(struct writer *writer, const struct shown *shown) {
    FILE *out = writer->out;
    const struct profile_node *nodes = shown->tree->nodes;
    size_t count = shown->tree->node_count;
    fputs(",\"nodes\":{\"function\":[", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%ld", get_comma(i), get_number(shown, &nodes[i]));
    fputs("],\"depth\":[", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%zu", get_comma(i), nodes[i].depth);
    fputs("],\"weight\":[", out);
    for (size_t i = 0; i < count; i++)
        write_weight(writer, i, nodes[i].weight_s);
    fputs("],\"self\":[", out);
    for (size_t i = 0; i < count; i++)
        write_weight(writer, i, nodes[i].self_s);
    fputs("],\"samples\":[", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%" PRIu64, get_comma(i), nodes[i].samples);
    fputs("]}", out);
}

static void write_profile(struct writer *writer, const struct profile *profile,
                          const struct recording_end *end) {
    struct arena *arena = arena_create();
    const struct profile_tree *tree = profile_tree_create(arena, profile, LEAST_SHARE);
    struct shown shown = choose_functions(arena, tree);
    const struct flame_view *view = flame_get_view(profile->mode);
    fprintf(writer->out, "{\"mode\":\"%s\"", profile_mode_name(profile->mode));
    write_text(writer, "title", view->title);
    write_text(writer, "about", view->about);
    write_text(writer, "unit", view->unit);
    write_text(writer, "empty", flame_explain_empty(profile, end));
    write_seconds(writer, "duration", profile->duration_s);
    write_seconds(writer, "least", tree->least_s);
    fprintf(writer->out, ",\"small_count\":%zu", tree->small_count);
    write_functions(writer, &shown);
    write_nodes(writer, &shown);
    fputc('}', writer->out);
    arena_destroy(arena);
}

static void write_strings(struct writer *writer) {
    fputs(",\"strings\":[", writer->out);
    for (size_t i = 0; i < writer->text_count; i++) {
        fputs(get_comma(i), writer->out);
        json_write_string(writer->out, flame_escape(writer->arena, writer->texts[i]->text));
    }
    fputc(']', writer->out);
}

static void write_data(FILE *out, const struct recording_info *info,
                       const struct recording_end *end, const struct profile *const *profiles,
                       size_t count) {
    struct writer writer = {.out = out, .arena = arena_create(), .found = table_create()};
    fputc('{', out);
    write_recording(&writer, info);
    write_end(&writer, end);
    write_kinds(&writer);
    fputs(",\"profiles\":[", out);
    for (size_t i = 0; i < count; i++) {
        fputs(get_comma(i), out);
        write_profile(&writer, profiles[i], end);
    }
    fputc(']', out);
    write_strings(&writer);
    fputc('}', out);
    table_destroy(writer.found);
    arena_destroy(writer.arena);
}

struct error *render_flamegraph_html(const struct recording_info *info,
                                     const struct recording_end *end,
                                     const struct profile *const *profiles, size_t count,
                                     FILE *out) {
    const unsigned char *data = memmem(page, sizeof page, PLACEHOLDER, strlen(PLACEHOLDER));
    const unsigned char *rest = data + strlen(PLACEHOLDER);
    fwrite(page, 1, (size_t)(data - page), out);
    write_data(out, info, end, profiles, count);
    fwrite(rest, 1, (size_t)(page + sizeof page - rest), out);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    return ferror(out) ? error_create_os(error_number, "writing the flame graph") : NULL;
}
