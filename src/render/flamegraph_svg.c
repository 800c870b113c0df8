/*
 * The flame graph as a still picture, for a README or a report: no scripts, what a box is says the
 * browser's own tooltip. Letters are taken to be as wide as those of common monospaced fonts.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/text.h"
#include "asyncspy/render/profile_formats.h"
#include "flame.h"

#define LEAST_SHARE 0.001
#define WIDTH 1200
#define MARGIN 12
#define GRAPH_WIDTH (WIDTH - 2 * MARGIN)
#define GRAPH_TOP 76
#define ROW 19
#define SHARE_GAP 10
#define ROWS_MOST 400 /* nobody scrolls through more */
#define LETTER_WIDTH 6.65
#define LETTER_WIDTH_SANS 6.6
#define COLUMNS_LEAST 4 /* of a name that is cut */
#define COLUMNS_SHARE 9 /* "  21.2 %" */

struct picture {
    FILE *out;
    struct arena *scratch; /* forgotten after each box */
    const struct profile_tree *tree;
    double total_s;
    size_t rows;
    bool has_kind[FLAME_KIND_COUNT];
};

/* Escaped text, with what XML 1.0 gives a meaning, or does not allow. */
static void write_xml(FILE *out, const char *text) {
    for (const char *at = text; *at; at++) {
        if (strncmp(at, "\xef\xbf\xbe", 3) == 0 || strncmp(at, "\xef\xbf\xbf", 3) == 0) {
            fputs("&#xfffd;", out);
            at += 2;
        } else if (strchr("<>&\"'", *at)) {
            fprintf(out, "&#%d;", *at);
        } else {
            putc(*at, out);
        }
    }
}

static const char *format_count(struct arena *arena, uint64_t count) {
    if (count < 1000)
        return arena_format(arena, "%" PRIu64, count);
    return arena_format(arena, "%s,%03u", format_count(arena, count / 1000),
                        (unsigned)(count % 1000));
}

static double get_percent(const struct picture *picture, double weight_s) {
    return picture->total_s > 0 ? 100 * weight_s / picture->total_s : 0;
}

/* --- looks --- */

static void write_colours(FILE *out, bool is_dark) {
    for (enum flame_kind kind = 0; kind < FLAME_KIND_COUNT; kind++) {
        const struct flame_look *look = flame_get_look(kind);
        for (size_t shade = 0; shade < FLAME_SHADES; shade++)
            fprintf(out, ".%s%zu{fill:%s}", look->name, shade,
                    (is_dark ? look->dark : look->light)[shade]);
    }
}

static void write_style(FILE *out) {
    fputs("<style>text{font:11px ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\","
          "\"Liberation Mono\",monospace;fill:#23211d}"
          ".sans{font:13px system-ui,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}"
          ".big{font-size:15px;font-weight:600}.soft{fill:#6d6960}.slant{font-style:italic}"
          ".page{fill:#fbfaf7}.stripe{fill:#fff;fill-opacity:.34}.share{fill-opacity:.6}",
          out);
    write_colours(out, false);
    fputs("@media(prefers-color-scheme:dark){text{fill:#ece7de}.soft{fill:#9c988f}"
          ".page{fill:#16181c}.stripe{fill-opacity:.1}",
          out);
    write_colours(out, true);
    fputs("}</style>\n"
          "<defs><pattern id=\"stripes\" width=\"7\" height=\"7\" "
          "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
          "<rect class=\"stripe\" width=\"2\" height=\"7\"/></pattern></defs>\n",
          out);
}

static void write_text(struct picture *picture, const char *style, double x, double y,
                       const char *text) {
    fprintf(picture->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", style, x, y);
    write_xml(picture->out, text);
    fputs("</text>\n", picture->out);
}

/* --- above the graph --- */

static const char *describe_view(struct picture *picture, const struct profile *profile) {
    const struct flame_view *view = flame_get_view(profile->mode);
    double average = picture->total_s / profile->duration_s;
    if (!view->unit || !(average > 0 && average < 1e9))
        return arena_format(picture->scratch, "%s.", view->about);
    return arena_format(picture->scratch, "%s: %.3g %s on average.", view->about, average,
                        view->unit);
}

static const char *describe_recording(struct picture *picture, const struct recording_info *info,
                                      const struct recording_end *end) {
    struct arena *arena = picture->scratch;
    const char *text = arena_format(arena, "%s samples", format_count(arena, end->samples));
    if (end->failed)
        text = arena_format(arena, "%s, %s failed", text, format_count(arena, end->failed));
    if (isfinite(end->time_s))
        text = arena_format(arena, "%s in %s", text, clock_format_seconds(arena, end->time_s));
    const char *stamp = clock_format_stamp(arena, clock_parse_stamp(info->started_at));
    if (stamp)
        text = arena_format(arena, "%s  ·  %.10s %.8s UTC", text, stamp, stamp + 11);
    if (info->target.python_version)
        text = arena_format(arena, "CPython %s  ·  %s",
                            flame_escape(arena, info->target.python_version), text);
    if (info->target.pid != SNAPSHOT_UNKNOWN)
        text = arena_format(arena, "pid %" PRId64 "  ·  %s", info->target.pid, text);
    return text;
}

static void write_head(struct picture *picture, const struct recording_info *info,
                       const struct recording_end *end, const struct profile *profile) {
    const char *command = flame_describe_command(picture->scratch, info);
    int columns = (int)(GRAPH_WIDTH / LETTER_WIDTH * 11 / 15);
    write_text(picture, "big", MARGIN, 25, text_clip(picture->scratch, command, columns));
    write_text(picture, "sans soft", MARGIN, 45, describe_recording(picture, info, end));
    write_text(picture, "sans", MARGIN, 65, describe_view(picture, profile));
    arena_reset(picture->scratch);
}

/* --- the boxes --- */

static const char *get_name(const struct profile_node *node) {
    if (node->function)
        return node->function->frame->name;
    return node->depth ? "(small)" : "all";
}

static void write_tooltip(struct picture *picture, const struct profile_node *node,
                          const char *name) {
    struct arena *arena = picture->scratch;
    const char *file = node->function ? node->function->frame->file : NULL;
    fputs("<title>", picture->out);
    write_xml(picture->out, name);
    if (file)
        write_xml(picture->out, arena_format(arena, "\n%s", flame_escape(arena, file)));
    fprintf(picture->out, "\n%s, %.2f %%, %s samples</title>",
            clock_format_seconds(arena, node->weight_s), get_percent(picture, node->weight_s),
            format_count(arena, node->samples));
}

/* Escaped text that has that many columns, or less and an ellipsis. */
static void write_clipped(FILE *out, struct arena *arena, const char *text, int columns) {
    if (text_width(text) <= columns) {
        write_xml(out, text);
        return;
    }
    size_t length = text_count_fitting(text, columns - 1);
    write_xml(out, arena_copy_string(arena, text, length));
    fputs("…", out);
}

/* The name, and the share where there is room for both. */
static void write_label(struct picture *picture, const struct profile_node *node, double x,
                        double y, int columns) {
    const char *name = flame_escape(picture->scratch, get_name(node));
    int width = text_width(name);
    if (columns < COLUMNS_LEAST && width > columns)
        return;
    bool is_wait = flame_get_look(flame_get_kind(node->function))->is_wait;
    fprintf(picture->out, "<text%s x=\"%.1f\" y=\"%.1f\">", is_wait ? " class=\"slant\"" : "", x,
            y);
    write_clipped(picture->out, picture->scratch, name, columns);
    if (width + COLUMNS_SHARE <= columns)
        fprintf(picture->out, "<tspan class=\"share\" dx=\"%d\">%.1f %%</tspan>", SHARE_GAP,
                get_percent(picture, node->weight_s));
    fputs("</text>\n", picture->out);
}

static void write_box(struct picture *picture, const struct profile_node *node, double x,
                      double width) {
    FILE *out = picture->out;
    enum flame_kind kind = flame_get_kind(node->function);
    const struct flame_look *look = flame_get_look(kind);
    const char *name = flame_escape(picture->scratch, get_name(node));
    size_t y = GRAPH_TOP + node->depth * ROW;
    double drawn = width > 3 ? width - 1 : width;
    int columns = (int)((drawn - 8) / LETTER_WIDTH);
    picture->has_kind[kind] = true;
    fputs("<g>", out);
    write_tooltip(picture, node, name);
    fprintf(out,
            "<rect class=\"%s%u\" x=\"%.2f\" y=\"%zu\" width=\"%.2f\" height=\"%d\" rx=\"2\"/>",
            look->name, flame_get_shade(node->function), x, y, drawn, ROW - 1);
    if (look->is_wait)
        fprintf(out,
                "<rect fill=\"url(#stripes)\" x=\"%.2f\" y=\"%zu\" width=\"%.2f\" height=\"%d\" "
                "rx=\"2\"/>",
                x, y, drawn, ROW - 1);
    write_label(picture, node, x + 5, (double)y + 13, columns);
    fputs("</g>\n", out);
    arena_reset(picture->scratch);
}

static void write_boxes(struct picture *picture) {
    const struct profile_tree *tree = picture->tree;
    struct arena *arena = arena_create();
    double *next =
        arena_alloc_array(arena, tree->depth + 2, sizeof *next); /* left edges by depth */
    double factor = GRAPH_WIDTH / picture->total_s;
    for (size_t i = 0; i < tree->node_count; i++) {
        const struct profile_node *node = &tree->nodes[i];
        double left_s = next[node->depth];
        next[node->depth] += node->weight_s;
        next[node->depth + 1] = left_s;
        if (node->depth < picture->rows)
            write_box(picture, node, MARGIN + left_s * factor, node->weight_s * factor);
    }
    arena_destroy(arena);
}

/* --- below it --- */

static void write_legend(struct picture *picture, double y) {
    double x = MARGIN;
    for (enum flame_kind kind = 0; kind < FLAME_KIND_COUNT; kind++) {
        const struct flame_look *look = flame_get_look(kind);
        if (!picture->has_kind[kind] || !look->label)
            continue;
        fprintf(picture->out,
                "<rect class=\"%s0\" x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" rx=\"2\"/>",
                look->name, x, y - 10);
        if (look->is_wait)
            fprintf(picture->out,
                    "<rect fill=\"url(#stripes)\" x=\"%.1f\" y=\"%.1f\" width=\"12\" "
                    "height=\"12\" rx=\"2\"/>",
                    x, y - 10);
        write_text(picture, look->is_wait ? "sans soft slant" : "sans soft", x + 18, y,
                   look->label);
        x += 18 + (double)strlen(look->label) * LETTER_WIDTH_SANS + 22;
    }
}

static void write_notice(struct picture *picture, double y) {
    const struct profile_tree *tree = picture->tree;
    struct arena *arena = picture->scratch;
    const char *deep = "";
    if (tree->depth + 1 > picture->rows)
        deep = arena_format(arena, "%s the deepest %s rows",
                            tree->small_count ? "; nor are" : "not drawn:",
                            format_count(arena, tree->depth + 1 - picture->rows));
    if (!tree->small_count && !*deep)
        return;
    fprintf(picture->out, "<text class=\"sans soft\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">",
            WIDTH - MARGIN, y);
    if (tree->small_count)
        fprintf(picture->out, "%s %s below %.2g %% %s not drawn",
                format_count(arena, tree->small_count), tree->small_count == 1 ? "box" : "boxes",
                get_percent(picture, tree->least_s), tree->small_count == 1 ? "is" : "are");
    fprintf(picture->out, "%s</text>\n", deep);
}

static void write_picture(struct picture *picture, const struct recording_info *info,
                          const struct recording_end *end, const struct profile *profile) {
    const char *empty = flame_explain_empty(profile, end);
    size_t height = GRAPH_TOP + picture->rows * ROW + 34;
    fprintf(picture->out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
            "viewBox=\"0 0 %d %zu\" role=\"img\" aria-label=\"Flame graph\">\n",
            WIDTH, height, WIDTH, height);
    write_style(picture->out);
    fprintf(picture->out, "<rect class=\"page\" width=\"%d\" height=\"%zu\"/>\n", WIDTH, height);
    write_head(picture, info, end, profile);
    if (empty) {
        write_text(picture, "sans", MARGIN, GRAPH_TOP + 14,
                   arena_format(picture->scratch, "No samples. %s", empty));
    } else {
        write_boxes(picture);
        write_legend(picture, (double)height - 14);
        write_notice(picture, (double)height - 14);
    }
    fputs("</svg>\n", picture->out);
}

struct error *render_flamegraph_svg(const struct recording_info *info,
                                    const struct recording_end *end, const struct profile *profile,
                                    FILE *out) {
    struct arena *arena = arena_create();
    struct picture picture = {.out = out,
                              .scratch = arena_create(),
                              .tree = profile_tree_create(arena, profile, LEAST_SHARE)};
    picture.total_s = picture.tree->nodes[0].weight_s;
    picture.rows = picture.tree->depth < ROWS_MOST ? picture.tree->depth + 1 : ROWS_MOST;
    write_picture(&picture, info, end, profile);
    arena_destroy(picture.scratch);
    arena_destroy(arena);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    return ferror(out) ? error_create_os(error_number, "writing the flame graph") : NULL;
}
