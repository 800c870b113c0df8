/* asyncspy report: a recording in another form. */
#include "report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

enum { KEY_FORMAT = 0x200, KEY_MODE, KEY_INCLUDE, KEY_EXCLUDE, KEY_FORCE };

static const struct argp_option option_table[] = {
    {"output", 'o', "FILE", 0, "Write to FILE (- for standard output); else only a summary", 1},
    {"format", KEY_FORMAT, "FORMAT", 0,
     "html, svg, trace, speedscope, collapsed, pprof or jsonl; else what the name of FILE says", 1},
    {"mode", KEY_MODE, "MODE", 0,
     "tasks (all, by wall time), running (what is on the loop), cpu, gil or threads", 1},
    {"include", KEY_INCLUDE, "KIND:PATTERN", 0,
     "Only stacks with such a module, function or task: module:shop.*, task:worker-*", 1},
    {"exclude", KEY_EXCLUDE, "KIND:PATTERN", 0, "Not those", 1},
    {"force", KEY_FORCE, NULL, 0, "Overwrite FILE", 1},
    {"quiet", 'q', NULL, 0, "No summary", 1},
    {"debug", COMMAND_DEBUG_KEY, "LAYERS", 0,
     "Log target, python, asyncio, capture or all on standard error", 2},
    {0},
};

struct options {
    struct report_options report;
    const char *format;
    bool quiet;
};

static void check_options(struct options *options, struct argp_state *state) {
    struct report_options *report = &options->report;
    if (!report->recording)
        argp_error(state, "which recording? asyncspy record makes them");
    if (options->format && !report->output)
        argp_error(state, "--format needs --output");
    if (!report->output)
        return;
    report->format =
        options->format ? output_format_find(options->format) : output_format_guess(report->output);
    if (!report->format && options->format)
        argp_error(state, "--format takes %s", output_format_list());
    else if (!report->format)
        argp_error(state, "the name of the output tells no format; --format takes %s",
                   output_format_list());
    else if (report->format->form == OUTPUT_RAW)
        argp_error(state, "the recording itself is the raw form");
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct options *options = state->input;
    struct report_options *report = &options->report;
    const char *no_color = NULL;
    switch (key) {
    case 'o':
        report->output = argument;
        break;
    case KEY_FORMAT:
        options->format = argument;
        break;
    case KEY_MODE:
        report->mode = report_parse_mode(argument);
        if (report->mode < 0)
            argp_error(state, "--mode takes tasks, running, cpu, gil or threads");
        break;
    case KEY_INCLUDE:
    case KEY_EXCLUDE:
        if (!report_parse_filter(report->filter, key == KEY_EXCLUDE, argument))
            argp_error(state, "patterns begin with module:, function: or task:");
        break;
    case KEY_FORCE:
        report->force = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case ARGP_KEY_ARG:
        if (report->recording)
            argp_error(state, "one recording at a time");
        report->recording = argument;
        break;
    case ARGP_KEY_END:
        check_options(options, state);
        break;
    default:
        return command_parse_shared(key, argument, state, &no_color);
    }
    return 0;
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "RECORDING",
    .doc = "Shows a recording that `asyncspy record` has kept: as a flame graph, a trace, a "
           "profile; or, without an output, its summary.",
};

static struct error *report(const struct options *options) {
    const struct report_options *report = &options->report;
    struct error *damage = NULL;
    struct error *err = report->output ? report_check_output(report->output, report->force) : NULL;
    FILE *summary = options->quiet ? NULL : report->output ? stderr : stdout;
    if (!err)
        err = report_write(report, summary, &damage);
    return error_or_first(err, damage);
}

int report_main(int argc, char **argv) {
    struct options options = {.report = {.mode = -1, .filter = sample_filter_create()}};
    argp_err_exit_status = EXIT_USAGE;
    options.report.shows_progress = isatty(STDERR_FILENO);
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    options.report.shows_progress &= !options.quiet;
    struct error *err = report(&options);
    sample_filter_destroy(options.report.filter);
    return err ? command_fail(err) : EXIT_DONE;
}
