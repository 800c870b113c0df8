/* asyncspy doctor: can this process be read, and what was found in it. */
#include <stdlib.h>

#include "asyncspy/base/text.h"
#include "asyncspy/capture/capture.h"
#include "asyncspy/capture/doctor.h"
#include "cmd.h"

struct doctor_options {
    int pid;
    const char *color;
    bool verbose;
};

static const struct argp_option option_table[] = {
    {"pid", 'p', "PID", 0,
     "Examine the running process PID; needed unless just one process runs asyncio", 1},
    {"verbose", 'v', NULL, 0, "Every offset and where it came from", 1},
    {"color", COMMAND_COLOR_KEY, "WHEN", OPTION_ARG_OPTIONAL, "auto, always or never", 1},
    {"debug", COMMAND_DEBUG_KEY, "LAYERS", 0,
     "Log target, python, asyncio, capture or all on standard error", 2},
    {0},
};

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct doctor_options *options = state->input;
    switch (key) {
    case 'p':
        if (!command_parse_pid(argument, &options->pid))
            argp_error(state, "--pid takes the number of a process");
        break;
    case 'v':
        options->verbose = true;
        break;
    default:
        return command_parse_shared(key, argument, state, &options->color);
    }
    return 0;
}

static const struct argp parser = {
    .options = option_table,
    .parser = parse_option,
    .doc = "Tells whether a process can be read, which Python it is, and from where each offset "
           "of its structures came.",
};

static void print_row(const char *topic, const char *text, bool color) {
    printf("%s%-14s%s ", color ? "\033[1m" : "", topic, color ? "\033[0m" : "");
    text_write_escaped(stdout, text);
    putchar('\n');
}

static void print_offsets(const struct doctor_report *report) {
    printf("\n%-36s %8s  %s\n", "FIELD", "OFFSET", "SOURCE");
    for (size_t i = 0; i < report->offset_count; i++) {
        const struct doctor_offset *it = &report->offsets[i];
        char name[64];
        snprintf(name, sizeof name, "%s.%s", it->structure, it->field);
        if (it->offset < 0)
            printf("%-36s %8s  absent\n", name, "-");
        else
            printf("%-36s %8d  %s\n", name, it->offset, it->source);
    }
}

static struct error *look_at_asyncio(int pid, bool color) {
    struct capture_options options = {.nonblocking = true};
    struct capture *capture;
    struct error *err = capture_open(pid, &options, &capture);
    if (err)
        return err;
    struct snapshot *snapshot = snapshot_create();
    err = capture_take(capture, snapshot);
    capture_close(capture);
    if (!err) {
        char text[128];
        snprintf(text, sizeof text, "event loops %zu, tasks %zu, Python threads %zu",
                 snapshot->event_loops.count, snapshot->tasks.count, snapshot->threads.count);
        print_row("asyncio", text, color);
        for (size_t i = 0; i < snapshot->missing.count; i++) {
            print_row("missing", snapshot->missing.items[i].what, color);
            print_row("", snapshot->missing.items[i].why, color);
        }
    }
    snapshot_destroy(snapshot);
    return err;
}

int doctor_main(int argc, char **argv) {
    struct doctor_options options = {.color = "auto"};
    struct doctor_report report;
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    if (!options.pid && !(options.pid = command_choose_pid()))
        return EXIT_USAGE;
    bool color = command_use_color(options.color, stdout);
    struct arena *arena = arena_create();
    struct error *err = doctor_examine(options.pid, arena, &report);
    for (size_t i = 0; i < report.fact_count; i++)
        print_row(report.facts[i].topic, report.facts[i].text, color);
    if (!err)
        err = look_at_asyncio(options.pid, color);
    if (!err && options.verbose)
        print_offsets(&report);
    arena_destroy(arena);
    if (!err)
        err = command_flush(stdout);
    return err ? command_fail(err) : EXIT_DONE;
}
