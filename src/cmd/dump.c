/* asyncspy dump: one picture of a process, or of a saved snapshot. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/capture/capture.h"
#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/json.h"
#include "cmd.h"

#define LOAD_MAX ((size_t)4 << 30)

enum dump_format { FORMAT_TEXT, FORMAT_JSON };

struct dump_options {
    int pid;
    const char *load;
    const char *output;
    enum dump_format format;
    const char *color;
    bool nonblocking, gc, context, once, all_tasks, graph, ascii, verbose, quiet, exit_code;
};

enum {
    KEY_LOAD = 0x200,
    KEY_FORMAT,
    KEY_NONBLOCKING,
    KEY_ONCE,
    KEY_GC,
    KEY_CONTEXT,
    KEY_ASCII,
    KEY_EXIT_CODE,
};

static const struct argp_option option_table[] = {
    {"pid", 'p', "PID", 0,
     "Read the running process PID; needed unless just one process runs asyncio", 1},
    {"load", KEY_LOAD, "FILE", 0, "Show a snapshot that --format=json wrote", 1},
    {"format", KEY_FORMAT, "FORMAT", 0, "text (the default) or json", 2},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 2},
    {"all-tasks", 'a', NULL, 0, "Every task on its own instead of groups", 2},
    {"graph", 'g', NULL, 0, "Who waits for whom, as a tree, instead of groups", 2},
    {"verbose", 'v', NULL, 0, "Everything: all frames, threads, objects, sockets", 2},
    {"quiet", 'q', NULL, 0, "Only what was found; no notes on standard error", 2},
    {"exit-code", KEY_EXIT_CODE, NULL, 0, "Exit with 3 for a likely finding, 4 for a certain one",
     2},
    {"color", COMMAND_COLOR_KEY, "WHEN", OPTION_ARG_OPTIONAL, "auto, always or never", 2},
    {"ascii", KEY_ASCII, NULL, 0, "Nothing but ASCII characters", 2},
    {"nonblocking", KEY_NONBLOCKING, NULL, 0,
     "Never stop the process; what is read of a busy one may be torn", 3},
    {"gc", KEY_GC, NULL, 0,
     "Look also for tasks and loops that only the garbage collector knows; slower", 3},
    {"context", KEY_CONTEXT, NULL, 0,
     "Show the context variables of tasks; their values may be secrets", 3},
    {"once", KEY_ONCE, NULL, 0, "One look only, and no search for who refers to a future", 3},
    {"debug", COMMAND_DEBUG_KEY, "LAYERS", 0,
     "Log target, python, asyncio, capture or all on standard error", 4},
    {0},
};

static void parse_format(struct dump_options *options, const char *name, struct argp_state *state) {
    if (strcmp(name, "text") == 0)
        options->format = FORMAT_TEXT;
    else if (strcmp(name, "json") == 0)
        options->format = FORMAT_JSON;
    else
        argp_error(state, "--format takes text or json");
}

static void check_options(const struct dump_options *options, struct argp_state *state) {
    if (options->pid && options->load)
        argp_error(state, "--pid and --load exclude each other");
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct dump_options *options = state->input;
    switch (key) {
    case 'p':
        if (!command_parse_pid(argument, &options->pid))
            argp_error(state, "--pid takes the number of a process");
        break;
    case KEY_LOAD:
        options->load = argument;
        break;
    case KEY_FORMAT:
        parse_format(options, argument, state);
        break;
    case 'o':
        options->output = argument;
        break;
    case 'a':
        options->all_tasks = true;
        break;
    case 'g':
        options->graph = true;
        break;
    case KEY_EXIT_CODE:
        options->exit_code = true;
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
    case KEY_NONBLOCKING:
        options->nonblocking = true;
        break;
    case KEY_ONCE:
        options->once = true;
        break;
    case KEY_GC:
        options->gc = true;
        break;
    case KEY_CONTEXT:
        options->context = true;
        break;
    case ARGP_KEY_END:
        check_options(options, state);
        break;
    default:
        return command_parse_shared(key, argument, state, &options->color);
    }
    return 0;
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .doc = "Shows every asyncio task of a process with its whole await chain, without changing "
           "the process.\vA process that sleeps is never stopped; a busy one is stopped for a few "
           "milliseconds.",
};

/* A target that ends before the second look has been seen once: that is shown. */
static struct error *look_again(const struct dump_options *options, struct capture *capture,
                                struct snapshot *snapshot) {
    struct error *err = capture_look_again(capture, snapshot);
    if (err && error_get_kind(err) == ERROR_GONE) {
        if (!options->quiet)
            fprintf(stderr, "asyncspy: no second look: %s\n", error_get_message(err));
        error_destroy(err);
        err = NULL;
    }
    return err;
}

static struct error *read_process(const struct dump_options *options, struct snapshot *snapshot) {
    struct capture_options capture_options = {.nonblocking = options->nonblocking,
                                              .gc = options->gc,
                                              .context = options->context,
                                              .forgotten = options->gc && options->once,
                                              .referrers = !options->once};
    struct capture *capture;
    struct error *err = capture_open(options->pid, &capture_options, &capture);
    if (err)
        return err;
    err = capture_take(capture, snapshot);
    if (!err && !options->once)
        err = look_again(options, capture, snapshot);
    capture_close(capture);
    return err;
}

static struct error *read_whole(FILE *file, const char *name, char **ret, size_t *ret_size) {
    struct stat status;
    if (fstat(fileno(file), &status) != 0)
        return error_create_os(errno, "%s", name);
    if (!S_ISREG(status.st_mode) || (size_t)status.st_size > LOAD_MAX)
        return error_create(ERROR_USAGE, "%s is no file that a snapshot can be read from", name);
    *ret_size = (size_t)status.st_size;
    *ret = memory_alloc(*ret_size + 1);
    if (fread(*ret, 1, *ret_size, file) == *ret_size)
        return NULL;
    free(*ret);
    return error_create_os(errno, "reading %s", name);
}

static struct error *load_file(const char *name, struct snapshot *snapshot) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(name, "re");
    if (!file)
        return error_create_os(errno, "%s", name);
    struct error *err = read_whole(file, name, &text, &size);
    fclose(file);
    if (err)
        return err;
    err = snapshot_json_read(snapshot, text, size);
    free(text);
    return err ? error_add_context(err, "%s", name) : NULL;
}

static struct error *render(const struct dump_options *options, const struct snapshot *snapshot,
                            FILE *out) {
    if (options->format == FORMAT_JSON)
        return snapshot_json_write(snapshot, out);
    struct text_options text_options = {.width = command_get_width(out),
                                        .color = command_use_color(options->color, out),
                                        .ascii = options->ascii,
                                        .all_tasks = options->all_tasks,
                                        .graph = options->graph,
                                        .verbose = options->verbose,
                                        .verdict_only = options->quiet};
    return render_text(snapshot, &text_options, out);
}

static struct error *write_output(const struct dump_options *options,
                                  const struct snapshot *snapshot) {
    FILE *out = options->output ? fopen(options->output, "we") : stdout;
    if (!out)
        return error_create_os(errno, "%s", options->output);
    struct error *err = render(options, snapshot, out);
    if (!err || errno == EPIPE) {
        error_destroy(err);
        err = command_flush(out);
    }
    if (options->output && fclose(out) != 0 && !err)
        err = error_create_os(errno, "closing it");
    return err && options->output ? error_add_context(err, "%s", options->output) : err;
}

/* The text shows what is missing; who reads JSON or has a file should hear of it too. */
static void note_losses(const struct dump_options *options, const struct snapshot *snapshot) {
    if (options->quiet || snapshot->missing.count == 0 ||
        (options->format == FORMAT_TEXT && !options->output))
        return;
    fprintf(stderr, "asyncspy: what could not be read is listed under `missing`: %zu rows\n",
            snapshot->missing.count);
}

/* What the gravest finding is worth to a probe; a hint that is only possible is worth nothing. */
static int choose_status(const struct dump_options *options, const struct snapshot *snapshot) {
    int status = EXIT_DONE;
    for (size_t i = 0; options->exit_code && i < snapshot->findings.count; i++) {
        enum snapshot_confidence confidence = snapshot->findings.items[i].confidence;
        if (confidence == SNAPSHOT_CERTAIN)
            return EXIT_CERTAIN;
        if (confidence == SNAPSHOT_LIKELY)
            status = EXIT_LIKELY;
    }
    return status;
}

int dump_main(int argc, char **argv) {
    struct dump_options options = {.color = "auto"};
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    if (!options.pid && !options.load && !(options.pid = command_choose_pid()))
        return EXIT_USAGE;
    struct snapshot *snapshot = snapshot_create();
    struct error *err =
        options.load ? load_file(options.load, snapshot) : read_process(&options, snapshot);
    if (!err) {
        analyze(snapshot, NULL);
        err = write_output(&options, snapshot);
        note_losses(&options, snapshot);
    }
    int status = choose_status(&options, snapshot);
    snapshot_destroy(snapshot);
    return err ? command_fail(err) : status;
}
