/* asyncspy top: what a process does now, on a screen that is renewed. */
#include "top.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "cmd.h"

#define DELAY_LEAST 0.1
#define DELAY_MOST 3600
#define DELAY_DEFAULT 1
#define RATE_MOST 1000
#define RATE_DEFAULT 55
#define UPDATES_MOST 1e15

enum { KEY_CHILDREN = 0x200, KEY_NONBLOCKING, KEY_ASCII };

static const struct argp_option option_table[] = {
    {"pid", 'p', "PID", 0,
     "Watch the running process PID; needed unless just one process runs asyncio", 1},
    {"children", KEY_CHILDREN, NULL, 0,
     "Its descendants that run asyncio too: a line for each process, Enter goes into one", 1},
    {"nonblocking", KEY_NONBLOCKING, NULL, 0,
     "Never stop the process; what changes while it is read is shown as it was", 1},
    {"rate", 'r', "RATE", 0, "Samples a second, 55 by default", 1},
    {"delay", 'd', "SECONDS", 0, "Renew the screen so often, each second by default", 2},
    {"iterations", 'n', "N", 0, "End when it was renewed N times", 2},
    {"batch", 'b', NULL, 0,
     "Plain text instead of a screen, as when standard output is no terminal", 2},
    {"color", COMMAND_COLOR_KEY, "WHEN", OPTION_ARG_OPTIONAL, "auto, always or never", 2},
    {"ascii", KEY_ASCII, NULL, 0, "Nothing but ASCII characters", 2},
    {"quiet", 'q', NULL, 0, "No notes on standard error", 2},
    {"debug", COMMAND_DEBUG_KEY, "LAYERS", 0,
     "Log target, python, asyncio, capture or all on standard error", 3},
    {0},
};

static void parse_updates(struct top_options *options, const char *text, struct argp_state *state) {
    if (!command_parse_number(text, 1, UPDATES_MOST, &options->updates) ||
        floor(options->updates) < options->updates)
        argp_error(state, "--iterations takes a number, at least 1");
}

static error_t parse_pace(int key, char *argument, struct argp_state *state) {
    struct top_options *options = state->input;
    switch (key) {
    case 'd':
        if (!command_parse_number(argument, DELAY_LEAST, DELAY_MOST, &options->delay_s))
            argp_error(state, "--delay takes seconds, from %g to %d", DELAY_LEAST, DELAY_MOST);
        break;
    case 'r':
        if (!command_parse_number(argument, 1, RATE_MOST, &options->rate))
            argp_error(state, "--rate takes samples a second, from 1 to %d", RATE_MOST);
        break;
    case 'n':
        parse_updates(options, argument, state);
        break;
    default:
        return command_parse_shared(key, argument, state, &options->color);
    }
    return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct top_options *options = state->input;
    switch (key) {
    case 'p':
        if (!command_parse_pid(argument, &options->pid))
            argp_error(state, "--pid takes the number of a process");
        break;
    case KEY_CHILDREN:
        options->children = true;
        break;
    case KEY_NONBLOCKING:
        options->nonblocking = true;
        break;
    case 'b':
        options->is_batch = true;
        break;
    case KEY_ASCII:
        options->ascii = true;
        break;
    case 'q':
        options->quiet = true;
        break;
    case COMMAND_DEBUG_KEY:
        options->logs = true;
        return parse_pace(key, argument, state);
    default:
        return parse_pace(key, argument, state);
    }
    return 0;
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .doc = "Shows what the event loops, tasks and threads of a process do, each second anew.\vA "
           "process that sleeps is never stopped, a busy one for about 1 % of the time. ? "
           "lists the keys.",
};

/* What is logged would be written across the screen. */
static struct error *check_log(const struct top_options *options) {
    if (options->is_batch || !options->logs || !isatty(STDERR_FILENO))
        return NULL;
    return error_create(ERROR_USAGE, "--debug would write across the screen: send standard error "
                                     "elsewhere (2>FILE), or use --batch");
}

int top_main(int argc, char **argv) {
    struct top_options options = {
        .delay_s = DELAY_DEFAULT, .rate = RATE_DEFAULT, .updates = INFINITY, .color = "auto"};
    int status = EXIT_DONE;
    argp_err_exit_status = EXIT_USAGE;
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is seen by write() */
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    options.is_batch |= !isatty(STDOUT_FILENO);
    struct error *err = check_log(&options);
    if (!err && !options.pid && !(options.pid = command_choose_pid()))
        return EXIT_USAGE;
    if (!err)
        err = top_run(&options, &status);
    if (!err)
        return status;
    status = error_get_kind(err) == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILED;
    (void)command_fail(err);
    return status;
}
