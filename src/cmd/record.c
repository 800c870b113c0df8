/* asyncspy record: samples of a process over time. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/text.h"
#include "cmd.h"

#define RATE_DEFAULT 100
#define RATE_MAX 100000

enum {
    KEY_FORMAT = 0x200,
    KEY_MODE,
    KEY_INCLUDE,
    KEY_EXCLUDE,
    KEY_NONBLOCKING,
    KEY_KEEP_RAW,
    KEY_FORCE,
};

static const struct argp_option option_table[] = {
    {"pid", 'p', "PID", 0,
     "Record the running process PID; needed unless just one process runs asyncio", 1},
    {"duration", 'd', "SECONDS", 0, "For so long; else until Ctrl-C or the end of the process", 1},
    {"rate", 'r', "RATE", 0, "Samples a second, 100 by default", 1},
    {"nonblocking", KEY_NONBLOCKING, NULL, 0,
     "Never stop the process; a task that changes while it is read is shown as it was", 1},
    {"output", 'o', "FILE", 0, "Write to FILE; by default asyncspy-PID-TIME.html", 2},
    {"format", KEY_FORMAT, "FORMAT", 0,
     "html, svg, trace, speedscope, collapsed, pprof, jsonl or raw; else what the name of FILE "
     "says",
     2},
    {"mode", KEY_MODE, "MODE", 0,
     "tasks (all, by wall time), running (what is on the loop), cpu, gil or threads", 2},
    {"include", KEY_INCLUDE, "KIND:PATTERN", 0,
     "Only stacks with such a module, function or task: module:shop.*, task:worker-*", 2},
    {"exclude", KEY_EXCLUDE, "KIND:PATTERN", 0, "Not those", 2},
    {"keep-raw", KEY_KEEP_RAW, NULL, 0,
     "Keep the recording itself beside FILE: `asyncspy report` makes any other format of it", 2},
    {"force", KEY_FORCE, NULL, 0, "Overwrite FILE", 2},
    {"quiet", 'q', NULL, 0, "No progress, no summary", 2},
    {"debug", COMMAND_DEBUG_KEY, "LAYERS", 0,
     "Log target, python, asyncio, capture or all on standard error", 3},
    {0},
};

static void choose_format(struct record_options *options, struct argp_state *state) {
    if (options->format_name)
        options->format = output_format_find(options->format_name);
    else
        options->format =
            options->output ? output_format_guess(options->output) : output_format_find("html");
    if (!options->format && options->format_name)
        argp_error(state, "--format takes %s", output_format_list());
    else if (!options->format)
        argp_error(state, "the name of the output tells no format; --format takes %s",
                   output_format_list());
}

static void check_options(struct record_options *options, struct argp_state *state) {
    if (options->pid && options->command)
        argp_error(state, "either --pid or a command");
    if (options->output && strcmp(options->output, "-") == 0)
        argp_error(state,
                   "a recording needs a file; `asyncspy report` can write to standard output");
    choose_format(options, state);
}

static error_t parse_target(int key, char *argument, struct argp_state *state) {
    struct record_options *options = state->input;
    const char *no_color = NULL;
    switch (key) {
    case 'p':
        if (!command_parse_pid(argument, &options->pid))
            argp_error(state, "--pid takes the number of a process");
        break;
    case 'd':
        if (!command_parse_number(argument, 0, INFINITY, &options->duration_s))
            argp_error(state, "--duration takes seconds");
        break;
    case 'r':
        if (!command_parse_number(argument, 0, RATE_MAX, &options->rate))
            argp_error(state, "--rate takes samples a second, at most %d", RATE_MAX);
        options->is_rate_given = true;
        break;
    case KEY_NONBLOCKING:
        options->nonblocking = true;
        break;
    case ARGP_KEY_ARGS:
        options->command = state->argv + state->next;
        state->next = state->argc;
        break;
    default:
        return command_parse_shared(key, argument, state, &no_color);
    }
    return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct record_options *options = state->input;
    switch (key) {
    case 'o':
        options->output = argument;
        break;
    case KEY_FORMAT:
        options->format_name = argument;
        break;
    case KEY_MODE:
        options->mode = report_parse_mode(argument);
        if (options->mode < 0)
            argp_error(state, "--mode takes tasks, running, cpu, gil or threads");
        break;
    case KEY_INCLUDE:
    case KEY_EXCLUDE:
        if (!report_parse_filter(options->filter, key == KEY_EXCLUDE, argument))
            argp_error(state, "patterns begin with module:, function: or task:");
        break;
    case KEY_KEEP_RAW:
        options->keeps_raw = true;
        break;
    case KEY_FORCE:
        options->force = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case ARGP_KEY_END:
        check_options(options, state);
        break;
    default:
        return parse_target(key, argument, state);
    }
    return 0;
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .args_doc = "[-- COMMAND [ARGUMENT...]]",
    .doc = "Takes samples of a process, or of a command that it starts, and shows where the time "
           "of its tasks goes.\vWhatever ends it, what was recorded is written. A process that "
           "sleeps is never stopped, a busy one for less than 10 % of the time.",
};

/* --- files --- */

/* The recording lies beside the output under its name with another ending. */
struct names {
    const char *output, *raw;
};

static const char *make_default(struct arena *arena, pid_t pid,
                                const struct output_format *format) {
    char stamp[32] = "";
    time_t now = time(NULL);
    struct tm broken;
    if (localtime_r(&now, &broken))
        strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &broken);
    return arena_format(arena, "asyncspy-%d-%s%s", (int)pid, stamp, format->extension);
}

static struct names make_names(struct arena *arena, const struct record_options *options,
                               pid_t pid) {
    struct names names;
    const char *extension = options->format->extension;
    names.output = options->output ? options->output : make_default(arena, pid, options->format);
    size_t length = strlen(names.output);
    if (text_ends_with(names.output, extension))
        length -= strlen(extension);
    names.raw = options->format->form == OUTPUT_RAW
                    ? names.output
                    : arena_format(arena, "%.*s.asyncspy", (int)length, names.output);
    return names;
}

/* That nothing can be written is found before anything is recorded. */
static struct error *open_raw(const struct record_options *options, const struct names *names,
                              int *ret) {
    struct error *err = report_check_output(names->output, options->force);
    if (err)
        return err;
    *ret = open(names->raw,
                O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC | (options->force ? 0 : O_EXCL), 0666);
    if (*ret >= 0)
        return NULL;
    if (errno == EEXIST)
        return error_create(ERROR_USAGE, "%s exists; --force overwrites it", names->raw);
    return error_create_os(errno, "%s", names->raw);
}

static void tell_raw(const struct record_options *options, const struct names *names) {
    if (options->quiet)
        return;
    fputs("asyncspy: the recording itself: ", stderr);
    text_write_escaped(stderr, names->raw);
    fputc('\n', stderr);
}

/* The recording goes only when what was wanted of it is there. */
static struct error *convert(const struct record_options *options, const struct names *names) {
    bool is_raw = options->format->form == OUTPUT_RAW;
    const struct report_options report = {.recording = names->raw,
                                          .output = is_raw ? NULL : names->output,
                                          .format = is_raw ? NULL : options->format,
                                          .mode = options->mode,
                                          .filter = options->filter,
                                          .force = true,
                                          .shows_progress =
                                              !options->quiet && isatty(STDERR_FILENO)};
    struct error *damage = NULL;
    struct error *err = report_write(&report, options->quiet ? NULL : stderr, &damage);
    err = error_or_first(err, damage);
    if (err || is_raw || options->keeps_raw)
        tell_raw(options, names);
    else
        (void)unlink(names->raw);
    return err;
}

static struct error *start(const struct record_options *options, struct record_stop *stop,
                           pid_t *ret_pid) {
    struct error *err = NULL;
    *ret_pid = options->pid;
    if (options->command)
        err = record_child_start(options->command, &stop->before, &stop->child);
    if (!err && options->command)
        *ret_pid = record_child_get_pid(stop->child);
    command_raise_file_limit();
    return err;
}

/* A command is not started if nothing can be written; only the default name needs its pid. */
static struct error *begin(struct arena *arena, const struct record_options *options,
                           struct record_stop *stop, struct names *names, int *file, pid_t *pid) {
    struct error *err = NULL;
    if (options->output) {
        *names = make_names(arena, options, 0);
        err = open_raw(options, names, file);
    }
    if (!err)
        err = start(options, stop, pid);
    if (!err && !options->output) {
        *names = make_names(arena, options, *pid);
        err = open_raw(options, names, file);
    }
    return err;
}

static struct error *end(const struct record_options *options, const struct names *names,
                         int file) {
    struct error *err = NULL;
    if (lseek(file, 0, SEEK_END) > 0)
        err = convert(options, names);
    else
        (void)unlink(names->raw);
    close(file);
    return err;
}

static struct error *record(const struct record_options *options, struct record_stop *stop) {
    struct arena *arena = arena_create();
    struct names names;
    int file = -1;
    pid_t pid;
    struct error *err = begin(arena, options, stop, &names, &file, &pid);
    if (!err)
        err = record_run(options, pid, file, stop);
    if (file >= 0) {
        struct error *end_error = end(options, &names, file);
        err = error_or_first(err, end_error);
    }
    arena_destroy(arena);
    return err;
}

/* The exit status is that of the command, if it could be recorded. */
static struct error *record_command(const struct record_options *options, struct record_stop *stop,
                                    int *ret_status) {
    struct error *err = record(options, stop);
    if (!stop->child)
        return err;
    int status = record_child_wait(stop->child, stop->signals);
    *ret_status = err && status == EXIT_DONE ? EXIT_FAILED : status;
    record_child_destroy(stop->child);
    return err;
}

int record_main(int argc, char **argv) {
    struct record_options options = {
        .mode = -1, .filter = sample_filter_create(), .rate = RATE_DEFAULT, .duration_s = INFINITY};
    struct record_stop stop;
    int status = EXIT_DONE;
    argp_err_exit_status = EXIT_USAGE;
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is seen by write() */
    argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &options);
    if (!options.command && !options.pid && !(options.pid = command_choose_pid()))
        return EXIT_USAGE;
    struct error *err = record_stop_open(&stop);
    if (!err && options.command) {
        err = record_command(&options, &stop, &status);
    } else if (!err) {
        err = record(&options, &stop);
    }
    sample_filter_destroy(options.filter);
    if (err)
        status = status ? (command_fail(err), status) : command_fail(err);
    return status;
}
