#include "formats.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/text.h"
#include "asyncspy/render/profile_formats.h"
#include "asyncspy/render/recording_formats.h"

static const struct output_format formats[] = {
    {OUTPUT_HTML, "html", ".html", "a browser"},
    {OUTPUT_SVG, "svg", ".svg", "a browser"},
    {OUTPUT_TRACE, "trace", ".json", "https://ui.perfetto.dev or chrome://tracing"},
    {OUTPUT_SPEEDSCOPE, "speedscope", ".speedscope.json", "https://www.speedscope.app"},
    {OUTPUT_COLLAPSED, "collapsed", ".folded", "flamegraph.pl, inferno or speedscope"},
    {OUTPUT_PPROF, "pprof", ".pb.gz", "`go tool pprof -http=: FILE`, Pyroscope, Parca"},
    {OUTPUT_LINES, "jsonl", ".jsonl", "jq"},
    {OUTPUT_RAW, "raw", ".asyncspy", "`asyncspy report`"},
};
#define FORMAT_COUNT (sizeof formats / sizeof *formats)

/* Other names that people give such files. */
static const struct {
    const char *extension;
    enum output_form form;
} more_extensions[] = {
    {".htm", OUTPUT_HTML},     {".trace", OUTPUT_TRACE}, {".collapsed", OUTPUT_COLLAPSED},
    {".pprof", OUTPUT_PPROF},  {".pb", OUTPUT_PPROF},    {".txt", OUTPUT_COLLAPSED},
    {".ndjson", OUTPUT_LINES},
};

const struct output_format *output_format_find(const char *name) {
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static const struct output_format *get_format(enum output_form form) {
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (formats[i].form == form)
            return &formats[i];
    return NULL;
}

/* The longest extension that fits: ".speedscope.json" is no ".json". */
const struct output_format *output_format_guess(const char *path) {
    const struct output_format *best = NULL;
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (text_ends_with(path, formats[i].extension) &&
            (!best || strlen(formats[i].extension) > strlen(best->extension)))
            best = &formats[i];
    for (size_t i = 0; !best && i < sizeof more_extensions / sizeof *more_extensions; i++)
        if (text_ends_with(path, more_extensions[i].extension))
            best = get_format(more_extensions[i].form);
    return best;
}

const char *output_format_list(void) {
    return "html, svg, trace, speedscope, collapsed, pprof, jsonl or raw";
}

/* --- one recording --- */

struct output {
    struct output_options options;
    const struct recording_info *info;
    struct profile_fold *folds[PROFILE_MODE_COUNT];
    const struct profile *profiles[PROFILE_MODE_COUNT];
    bool is_shown[PROFILE_MODE_COUNT]; /* in the output; else only in the summary */
    struct chrome_trace *trace;
};

static bool is_profile(enum output_form form) {
    return form != OUTPUT_RAW && form != OUTPUT_TRACE && form != OUTPUT_LINES;
}

/* Which of the views a format shows when none is asked for. */
static void choose_modes(struct output *output) {
    enum output_form form = output->options.format->form;
    if (!is_profile(form))
        return;
    if (output->options.mode >= 0) {
        output->is_shown[output->options.mode] = true;
        return;
    }
    for (int mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        output->is_shown[mode] =
            mode == PROFILE_TASKS || form == OUTPUT_HTML || form == OUTPUT_SPEEDSCOPE;
}

static struct error *begin_stream(struct output *output) {
    const struct output_options *options = &output->options;
    if (options->format->form == OUTPUT_TRACE)
        return chrome_trace_begin(output->info, options->filter, options->out, &output->trace);
    if (options->format->form == OUTPUT_LINES)
        return render_recording_info_line(output->info, options->out);
    return NULL;
}

struct error *output_begin(const struct output_options *options, const struct recording_info *info,
                           struct output **ret) {
    struct output *output = memory_alloc(sizeof *output);
    memset(output, 0, sizeof *output);
    output->options = *options;
    output->info = info;
    if (options->format)
        choose_modes(output);
    for (int mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        if (output->is_shown[mode] || mode == PROFILE_TASKS || mode == PROFILE_RUNNING)
            output->folds[mode] = profile_fold_create((enum profile_mode)mode, options->filter);
    struct error *err = options->format ? begin_stream(output) : NULL;
    if (err)
        output_destroy(output);
    else
        *ret = output;
    return err;
}

struct error *output_add(struct output *output, const struct recording_sample *sample) {
    for (int mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        if (output->folds[mode])
            profile_fold_add(output->folds[mode], sample);
    if (output->trace)
        return chrome_trace_add(output->trace, sample);
    if (output->options.format && output->options.format->form == OUTPUT_LINES)
        return render_recording_sample_line(sample, output->options.filter, output->options.out);
    return NULL;
}

static struct error *write_profiles(const struct output *output, const struct recording_end *end) {
    const struct profile *shown[PROFILE_MODE_COUNT];
    size_t count = 0;
    FILE *out = output->options.out;
    for (int mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        if (output->is_shown[mode])
            shown[count++] = output->profiles[mode];
    switch ((int)output->options.format->form) {
    case OUTPUT_SPEEDSCOPE:
        return render_speedscope(output->info, shown, count, out);
    case OUTPUT_COLLAPSED:
        return render_collapsed(shown[0], out);
    case OUTPUT_HTML:
        return render_flamegraph_html(output->info, end, shown, count, out);
    case OUTPUT_SVG:
        return render_flamegraph_svg(output->info, end, shown[0], out);
    case OUTPUT_PPROF:
        return render_pprof(output->info, shown[0], out);
    default:
        return NULL;
    }
}

struct error *output_end(struct output *output, const struct recording_info *info,
                         const struct recording_end *end) {
    output->info = info;
    for (int mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        if (output->folds[mode])
            output->profiles[mode] = profile_fold_end(output->folds[mode], end);
    if (output->trace)
        return chrome_trace_end(output->trace, end);
    if (!output->options.format)
        return NULL;
    return output->options.format->form == OUTPUT_LINES
               ? render_recording_end_line(end, output->options.out)
               : write_profiles(output, end);
}

const struct profile *output_get_running(const struct output *output) {
    return output->profiles[PROFILE_RUNNING];
}

const struct profile *output_get_tasks(const struct output *output) {
    return output->profiles[PROFILE_TASKS];
}

void output_destroy(struct output *output) {
    if (!output)
        return;
    for (int mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        profile_fold_destroy(output->folds[mode]);
    chrome_trace_destroy(output->trace);
    free(output);
}
