/* asyncspy dump: one picture of a process, of a process and its descendants, or a saved one. */
#include <stdio.h>
#include <string.h>

#include "asyncspy/analysis/analyze.h"
#include "cmd.h"
#include "dump.h"

enum {
    KEY_LOAD = 0x200,
    KEY_CORE,
    KEY_EXECUTABLE,
    KEY_SYSROOT,
    KEY_SAVE_CORE,
    KEY_CHILDREN,
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
    {"children", KEY_CHILDREN, NULL, 0,
     "Its descendants that run asyncio too: a verdict line for each process, then each report", 1},
    {"load", KEY_LOAD, "FILE", 0, "Show a snapshot that --format=json wrote", 1},
    {"core", KEY_CORE, "FILE", 0, "Read a core file, compressed or not, instead of a process", 1},
    {"executable", KEY_EXECUTABLE, "EXE", 0,
     "The program of the core; by default the file that it was", 1},
    {"sysroot", KEY_SYSROOT, "DIR", 0,
     "Look for the files of the core below DIR: the root of a container image", 1},
    {"save-core", KEY_SAVE_CORE, "FILE", 0,
     "Keep the memory that this picture needs: a small core, for --core here and elsewhere", 1},
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
    if (!!options->pid + !!options->load + !!options->core > 1)
        argp_error(state, "--pid, --core and --load exclude each other");
    if (options->children && (options->load || options->core))
        argp_error(state, "--children is for running processes: a file shows what is in it");
    if ((options->executable || options->sysroot) && !options->core)
        argp_error(state, "--executable and --sysroot are for --core");
    if (options->save_core && (options->load || options->children))
        argp_error(state, "--save-core is for one process, or for --core");
    if (options->save_core && options->output && strcmp(options->save_core, options->output) == 0)
        argp_error(state, "--save-core and --output need two files");
}

/* What is to be shown. */
static error_t parse_target(int key, char *argument, struct argp_state *state) {
    struct dump_options *options = state->input;
    switch (key) {
    case 'p':
        if (!command_parse_pid(argument, &options->pid))
            argp_error(state, "--pid takes the number of a process");
        break;
    case KEY_LOAD:
        options->load = argument;
        break;
    case KEY_CORE:
        options->core = argument;
        break;
    case KEY_EXECUTABLE:
        options->executable = argument;
        break;
    case KEY_SYSROOT:
        options->sysroot = argument;
        break;
    case KEY_SAVE_CORE:
        options->save_core = argument;
        break;
    case KEY_CHILDREN:
        options->children = true;
        break;
    default:
        return command_parse_shared(key, argument, state, &options->color);
    }
    return 0;
}

static error_t parse_option(int key, char *argument, struct argp_state *state) {
    struct dump_options *options = state->input;
    switch (key) {
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
        return parse_target(key, argument, state);
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

static void analyze_all(const struct dump_picture *picture) {
    size_t next = 0;
    for (struct snapshot *snapshot; (snapshot = dump_picture_next(picture, &next));)
        analyze(snapshot, NULL);
}

/* The text shows what is missing; who reads JSON or has a file should hear of it too. */
static void note_losses(const struct dump_options *options, const struct dump_picture *picture) {
    size_t rows = 0, next = 0;
    for (struct snapshot *snapshot; (snapshot = dump_picture_next(picture, &next));)
        rows += snapshot->missing.count;
    if (options->quiet || rows == 0 || (options->format == FORMAT_TEXT && !options->output))
        return;
    fprintf(stderr, "asyncspy: what could not be read is listed under `missing`: %zu rows\n", rows);
}

/* What the gravest finding is worth to a probe; a hint that is only possible is worth nothing. */
static int judge(const struct snapshot *snapshot) {
    int status = EXIT_DONE;
    for (size_t i = 0; i < snapshot->findings.count; i++) {
        enum snapshot_confidence confidence = snapshot->findings.items[i].confidence;
        if (confidence == SNAPSHOT_CERTAIN)
            return EXIT_CERTAIN;
        if (confidence == SNAPSHOT_LIKELY)
            status = EXIT_LIKELY;
    }
    return status;
}

static int choose_status(const struct dump_options *options, const struct dump_picture *picture) {
    int worst = EXIT_DONE;
    size_t next = 0;
    for (struct snapshot *snapshot; (snapshot = dump_picture_next(picture, &next));) {
        int status = options->exit_code ? judge(snapshot) : EXIT_DONE;
        worst = status > worst ? status : worst;
    }
    return worst;
}

static struct error *dump(const struct dump_options *options, struct dump_picture *picture) {
    struct error *err = dump_picture_read(options, picture);
    if (err)
        return err;
    analyze_all(picture);
    err = dump_picture_write(options, picture);
    note_losses(options, picture);
    if (!err) {
        err = picture->save_error;
        picture->save_error = NULL;
    }
    return err;
}

int dump_main(int argc, char **argv) {
    struct dump_options options = {.color = "auto"};
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    if (!options.pid && !options.load && !options.core && !(options.pid = command_choose_pid()))
        return EXIT_USAGE;
    struct dump_picture picture = {.snapshot = snapshot_create(),
                                   .tree = snapshot_processes_create()};
    struct error *err = dump(&options, &picture);
    int status = choose_status(&options, &picture);
    snapshot_destroy(picture.snapshot);
    error_destroy(picture.save_error);
    snapshot_processes_destroy(picture.tree);
    return err ? command_fail(err) : status;
}
