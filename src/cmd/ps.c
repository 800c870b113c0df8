/* asyncspy ps: the Python processes of this machine. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/capture/find.h"
#include "asyncspy/render/processes.h"
#include "cmd.h"

#define PROGRESS_AFTER_S 1.0
#define PROGRESS_EVERY_S 0.2

enum { KEY_FORMAT = 0x200, KEY_ASCII };

struct ps_options {
    bool json, ascii, verbose, quiet;
    const char *color;
};

static const struct argp_option option_table[] = {
    {"format", KEY_FORMAT, "FORMAT", 0, "text (the default) or json", 1},
    {"verbose", 'v', NULL, 0, "Whole commands, however long", 1},
    {"quiet", 'q', NULL, 0, "No notes on standard error", 1},
    {"color", COMMAND_COLOR_KEY, "WHEN", OPTION_ARG_OPTIONAL, "auto, always or never", 1},
    {"ascii", KEY_ASCII, NULL, 0, "Nothing but ASCII characters", 1},
    {"debug", COMMAND_DEBUG_KEY, "LAYERS", 0,
     "Log target, python, asyncio, capture or all on standard error", 2},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct ps_options *options = state->input;
    switch (key) {
    case KEY_FORMAT:
        options->json = strcmp(argument, "json") == 0;
        if (!options->json && strcmp(argument, "text") != 0)
            argp_error(state, "--format takes text or json");
        break;
    case 'v':
        options->verbose = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case KEY_ASCII:
        options->ascii = true;
        break;
    default:
        return command_parse_shared(key, argument, state, &options->color);
    }
    return 0;
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .doc = "Lists the Python processes of this machine, how many event loops and tasks each has, "
           "and what its loops do at the moment.\vNo process is stopped. Those that may not be "
           "read are listed with the reason.",
};

/* What a terminal shows while it takes long. */
struct waiting {
    double start, last;
    bool shown;
};

static void report_progress(void *context, size_t number, size_t count) {
    struct waiting *waiting = context;
    double now = clock_monotonic();
    if (now - waiting->start < PROGRESS_AFTER_S || now - waiting->last < PROGRESS_EVERY_S)
        return;
    fprintf(stderr, "\rasyncspy: looking at process %zu of %zu", number, count);
    fflush(stderr);
    waiting->last = now;
    waiting->shown = true;
}

static struct error *find(const struct ps_options *options, struct snapshot_processes *processes) {
    struct waiting waiting = {.start = clock_monotonic()};
    struct find_progress progress = {report_progress, &waiting};
    bool shows = !options->quiet && isatty(STDERR_FILENO);
    struct error *err = find_processes(processes, shows ? &progress : NULL);
    if (waiting.shown)
        fputs("\r\033[K", stderr);
    return err;
}

static struct error *write_list(const struct ps_options *options,
                                const struct snapshot_processes *processes) {
    if (options->json)
        return snapshot_processes_json_write(processes, stdout);
    struct text_options text_options = {.width = command_get_width(stdout),
                                        .color = command_use_color(options->color, stdout),
                                        .ascii = options->ascii,
                                        .verbose = options->verbose};
    return render_processes(processes, &text_options, stdout);
}

/* What the reader should know beside the list. */
static void write_notes(const struct snapshot_processes *processes) {
    size_t refused = 0, count = processes->list.count;
    for (size_t i = 0; i < count; i++)
        refused += processes->list.items[i].state == SNAPSHOT_PROCESS_NOT_PERMITTED;
    if (!count)
        fputs("asyncspy: no Python process was found\n", stderr);
    if (refused)
        fprintf(stderr, "asyncspy: %zu of %zu processes may not be read; %s\n", refused, count,
                geteuid() == 0 ? "`asyncspy doctor --pid PID` tells why"
                               : "`sudo asyncspy ps` reads more");
}

int ps_main(int argc, char **argv) {
    struct ps_options options = {.color = "auto"};
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    struct snapshot_processes *processes = snapshot_processes_create();
    struct error *err = find(&options, processes);
    if (!err) {
        err = write_list(&options, processes);
        if (!err || errno == EPIPE) {
            error_destroy(err);
            err = command_flush(stdout);
        }
        if (!options.quiet)
            write_notes(processes);
    }
    snapshot_processes_destroy(processes);
    return err ? command_fail(err) : EXIT_DONE;
}
