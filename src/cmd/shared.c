/* What the commands share: errors, pids, colours, widths. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "asyncspy/base/log.h"
#include "asyncspy/base/text.h"
#include "asyncspy/capture/find.h"
#include "asyncspy/render/processes.h"
#include "cmd.h"

#define WIDTH_WITHOUT_TERMINAL 100
#define WIDTH_LEAST 80

int command_fail(struct error *err) {
    fputs("asyncspy: ", stderr);
    text_write_escaped(stderr, error_get_message(err));
    fputc('\n', stderr);
    error_destroy(err);
    return EXIT_FAILED;
}

void command_raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool command_parse_pid(const char *text, int *ret) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || *end || end == text || value <= 0 || value > INT32_MAX)
        return false;
    *ret = (int)value;
    return true;
}

bool command_parse_number(const char *text, double least, double most, double *ret) {
    char *end;
    errno = 0;
    *ret = strtod(text, &end);
    return !errno && end != text && !*end && *ret > 0 && *ret >= least && *ret <= most;
}

/* Of those that run asyncio, the ones that this user (root: anybody) can mean. */
static void keep_candidates(struct snapshot_processes *processes) {
    size_t kept = 0;
    for (size_t i = 0; i < processes->list.count; i++) {
        struct snapshot_process *it = &processes->list.items[i];
        bool ours = geteuid() == 0 || it->user_id == (int64_t)geteuid();
        if (ours && it->loops > 0)
            processes->list.items[kept++] = *it;
    }
    processes->list.count = kept;
}

static int choose(const struct snapshot_processes *processes) {
    size_t count = processes->list.count;
    if (count == 1)
        return (int)processes->list.items[0].pid;
    if (count == 0) {
        fputs("asyncspy: no process that runs asyncio was found; name one with --pid\n", stderr);
        return 0;
    }
    struct text_options options = {.width = command_get_width(stderr)};
    fprintf(stderr, "asyncspy: %zu processes run asyncio; name one with --pid:\n", count);
    error_destroy(render_processes(processes, &options, stderr));
    return 0;
}

int command_choose_pid(void) {
    struct snapshot_processes *processes = snapshot_processes_create();
    struct error *err = find_processes(processes, NULL);
    int pid = 0;
    if (err) {
        (void)command_fail(err);
    } else {
        keep_candidates(processes);
        pid = choose(processes);
    }
    snapshot_processes_destroy(processes);
    return pid;
}

struct error *command_flush(FILE *out) {
    if (fflush(out) == 0 && !ferror(out))
        return NULL;
    if (errno == EPIPE)
        exit(EXIT_DONE); /* the reader has seen enough */
    return error_create_os(errno, "writing the output");
}

bool command_use_color(const char *when, FILE *out) {
    const char *no_color = getenv("NO_COLOR");
    if (strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return !(no_color && *no_color) && isatty(fileno(out));
}

int command_get_width(FILE *out) {
    struct winsize size;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_WITHOUT_TERMINAL;
    return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col;
}

error_t command_parse_shared(int key, char *argument, struct argp_state *state,
                             const char **ret_color) {
    if (key == COMMAND_COLOR_KEY) {
        *ret_color = argument ? argument : "always";
        if (strcmp(*ret_color, "auto") != 0 && strcmp(*ret_color, "always") != 0 &&
            strcmp(*ret_color, "never") != 0)
            argp_error(state, "--color takes auto, always or never");
        return 0;
    }
    if (key == COMMAND_DEBUG_KEY) {
        if (!log_enable(argument))
            argp_error(state, "--debug takes target, python, asyncio, capture or all");
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}
