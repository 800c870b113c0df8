/* The program: a table of commands. */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static const struct command commands[] = {
    {"dump", "every task of a process: who waits, where, for what", dump_main},
    {"top", "a live screen of what a process does", top_main},
    {"record", "samples over time: flame graph, trace, profile", record_main},
    {"report", "a recording as another of these", report_main},
    {"ps", "the Python processes of this machine, their event loops and tasks", ps_main},
    {"doctor", "can a process be read, what was found, from where came each offset", doctor_main},
};

/* What --version of every command prints: argp looks for a variable of this name. */
const char *argp_program_version = "asyncspy " ASYNCSPY_VERSION;

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_help(FILE *out) {
    fputs("Usage: asyncspy COMMAND [OPTION...]\n"
          "Shows from outside what the asyncio tasks of a running CPython wait for.\n\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`asyncspy COMMAND --help` lists the options of a command; so does its man page,\n"
          "asyncspy-COMMAND(1). Start with: asyncspy dump --pid PID\n",
          out);
}

static int run_command(const struct command *command, int argc, char **argv) {
    char name[64];
    snprintf(name, sizeof name, "asyncspy %s", command->name);
    argv[0] = name;
    return command->run(argc, argv);
}

int main(int argc, char **argv) {
    setlocale(LC_CTYPE, "C.UTF-8"); /* widths of characters; the output is UTF-8 always */
    signal(SIGPIPE, SIG_IGN);       /* a closed pipe is seen by write() */
    if (argc < 2 || strcmp(argv[1], "record") != 0)
        command_raise_file_limit(); /* what `record` starts shall not have it */
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "-?") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts(argp_program_version);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_command(&commands[i], argc - 1, argv + 1);
    fputs("asyncspy: there is no such command; `asyncspy --help` lists them\n", stderr);
    return EXIT_USAGE;
}
