/* What the commands share. Private to cmd. */
#pragma once

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "asyncspy/base/error.h"

/* Exit statuses; the man page lists them. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_LIKELY = 3, EXIT_CERTAIN = 4 };

/* A command of the program. */
struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is "asyncspy NAME" */
};

int dump_main(int argc, char **argv);
int ps_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int record_main(int argc, char **argv);
int report_main(int argc, char **argv);
int top_main(int argc, char **argv);

/* Two files are kept open for each thread of the target: the soft limit, 1024 mostly, is low. */
void command_raise_file_limit(void);

/* Prints the one line of an error to stderr, escaped, and destroys it. Returns EXIT_FAILED. */
int command_fail(struct error *err);

/* Parses a process id; false when `text` is none. */
bool command_parse_pid(const char *text, int *ret);

/* Parses a number above 0 from `least` to `most`; false when `text` is none. */
bool command_parse_number(const char *text, double least, double most, double *ret);

/* The process to look at when the user names none: the only one that runs asyncio. 0 where there
 * is none or a choice, which is listed on stderr. */
int command_choose_pid(void);

/* Flushes `out`; a closed pipe ends the program quietly. */
struct error *command_flush(FILE *out) ERROR_CHECK;

/* Whether `out` gets colours: `when` is "auto", "always" or "never"; NO_COLOR is respected. */
bool command_use_color(const char *when, FILE *out);

/* Columns of the terminal behind `out`, 100 where there is none, never less than 80. */
int command_get_width(FILE *out);

#define COMMAND_COLOR_KEY 0x100
#define COMMAND_DEBUG_KEY 0x101

/* Handles --color and --debug; ARGP_ERR_UNKNOWN for other keys. */
error_t command_parse_shared(int key, char *argument, struct argp_state *state,
                             const char **ret_color);
