/*
 * Watches the process of a snapshot that is loaded, as samples and pictures made of it show it,
 * presses keys, and prints the screen of `top`: the golden tests run it.
 */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../support/fake_live.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/base/text.h"
#include "asyncspy/render/top.h"
#include "read_snapshot.h"

#define FIRST_S 1 /* the times of the pictures */
#define MIDDLE_S 43
#define LAST_S 49
#define REFRESH_S 2

struct options {
    const char *now, *before; /* files */
    const char *keys;         /* "Tab,Down,/,a" */
    const char *notice;
    int rows, columns;
    double busy;
    bool has_block, has_children, is_inside, has_nothing, ascii, shows_styles;
};

/* What is shown. */
struct scene {
    struct snapshot *before, *middle, *now;
    struct live_fold *fold;
    struct top_input input;
    struct top_view *view;
    const struct live *live;
};

/* --- what is watched --- */

static struct error *load(const char *path, struct snapshot *snapshot) {
    FILE *in = fopen(path, "re");
    if (!in)
        return error_create(ERROR_USAGE, "cannot open %s", path);
    struct error *err = read_snapshot(snapshot, in);
    (void)fclose(in);
    return err;
}

/* The process stands still: pictures show the same, each second, up to that time. */
static void look_on(struct scene *scene, const struct snapshot *snapshot, int from_s, int to_s) {
    for (int time_s = from_s; time_s <= to_s; time_s++)
        live_fold_add_picture(scene->fold, snapshot, time_s);
}

static struct error *watch(struct scene *scene, const struct options *options) {
    const struct fake_live_course course = {.from_s = LAST_S - REFRESH_S,
                                            .to_s = LAST_S,
                                            .busy = options->busy,
                                            .block_from_s = options->has_block ? LAST_S - 1.6 : NAN,
                                            .block_s = 1.24};
    struct error *err = load(options->before ? options->before : options->now, scene->before);
    if (!err)
        err = load(options->now, scene->middle);
    if (!err)
        err = load(options->now, scene->now);
    if (err)
        return err;
    analyze(scene->before, NULL);
    look_on(scene, scene->before, FIRST_S, MIDDLE_S - 1);
    fake_live_set_back(scene->middle);
    analyze(scene->middle, NULL);
    look_on(scene, scene->middle, MIDDLE_S, LAST_S - REFRESH_S);
    live_fold_update(scene->fold, course.from_s, 0.02);
    fake_live_add_samples(scene->fold, scene->now, &course);
    fake_live_set_moved(scene->now);
    analyze(scene->now, NULL);
    live_fold_add_picture(scene->fold, scene->now, LAST_S);
    scene->live = live_fold_update(scene->fold, LAST_S, 0.03);
    return NULL;
}

/* A server with workers of all sorts. */
static void add_children(struct scene *scene, struct top_process processes[6]) {
    static const char *const server[] = {"/usr/bin/python3", "/srv/venv/bin/gunicorn", "-w", "3",
                                         "app:app"};
    static const char *const other[] = {"/usr/bin/redis-server", "*:6379"};
    static const char *const hostile[] = {"python3", "a\x1b[2Jb", "\xe6\xbc\xa2\xe5\xad\x97.py"};
    const struct top_process made[6] = {
        {.pid = 4200, .parent = SNAPSHOT_UNKNOWN, .why = "no asyncio in it", .gone_s = NAN},
        {.pid = 4242, .parent = 4200, .live = scene->live, .gone_s = NAN},
        {.pid = 4243, .parent = 4200, .why = "the first picture is being taken", .gone_s = NAN},
        {.pid = 4244, .parent = 4200, .live = scene->live, .gone_s = 12},
        {.pid = 4250,
         .parent = 4242,
         .command_line = hostile,
         .command_line_count = 3,
         .why = "not permitted: it belongs to another user",
         .gone_s = NAN},
        {.pid = 4251,
         .parent = 4242,
         .command_line = other,
         .command_line_count = 2,
         .why = "no Python",
         .gone_s = 3}};
    for (size_t i = 0; i < 6; i++) {
        processes[i] = made[i];
        if (!made[i].command_line) {
            processes[i].command_line = server;
            processes[i].command_line_count = 5;
        }
    }
    scene->input.processes = processes;
    scene->input.process_count = 6;
}

/* --- keys --- */

static const char *const key_names[] = {
    [TOP_KEY_UP] = "Up",
    [TOP_KEY_DOWN] = "Down",
    [TOP_KEY_LEFT] = "Left",
    [TOP_KEY_RIGHT] = "Right",
    [TOP_KEY_PAGE_UP] = "PgUp",
    [TOP_KEY_PAGE_DOWN] = "PgDn",
    [TOP_KEY_HOME] = "Home",
    [TOP_KEY_END] = "End",
    [TOP_KEY_ENTER] = "Enter",
    [TOP_KEY_ESCAPE] = "Esc",
    [TOP_KEY_TAB] = "Tab",
    [TOP_KEY_BACK_TAB] = "BackTab",
    [TOP_KEY_BACKSPACE] = "Backspace",
};

static struct top_key parse_key(const char *name) {
    for (size_t i = 0; i < sizeof key_names / sizeof *key_names; i++)
        if (key_names[i] && strcmp(key_names[i], name) == 0)
            return (struct top_key){.kind = (enum top_key_kind)i};
    return (struct top_key){.kind = TOP_KEY_CHARACTER, .character = (unsigned char)*name};
}

static void press_keys(const struct scene *scene, const struct options *options) {
    char *keys = strdup(options->keys), *rest = keys;
    for (char *name; keys && (name = strsep(&rest, ","));) {
        const struct top_key key = parse_key(name);
        (void)top_view_press(scene->view, &scene->input, &key, options->rows, options->columns);
    }
    free(keys);
}

/* --- the screen --- */

/* A letter for the style of each cell, small where it is reversed. */
static void print_styles(const struct screen *screen) {
    static const char plain[] = ".BDGWA", reversed[] = ",bdgwa";
    for (int i = 0; i < screen->rows * screen->columns; i++) {
        const struct screen_cell *cell = &screen->cells[i];
        (void)putchar((cell->is_reversed ? reversed : plain)[cell->style]);
        if ((i + 1) % screen->columns == 0)
            (void)putchar('\n');
    }
}

static struct error *print(const struct scene *scene, const struct options *options) {
    struct screen *screen = screen_create(options->rows, options->columns);
    top_draw(scene->view, &scene->input, screen);
    struct error *err = screen_write(screen, screen->rows, stdout);
    if (options->shows_styles)
        print_styles(screen);
    screen_destroy(screen);
    return err;
}

static struct error *run(struct scene *scene, const struct options *options) {
    struct top_process processes[6];
    struct error *err = watch(scene, options);
    if (err)
        return err;
    if (options->has_nothing) {
        live_fold_destroy(scene->fold);
        scene->fold = live_fold_create();
        scene->live = live_fold_update(scene->fold, 0, 0);
    }
    scene->input = (struct top_input){.clock = "04:12:07",
                                      .refresh_s = REFRESH_S,
                                      .live = scene->live,
                                      .notice = options->notice,
                                      .is_notice_alarm = options->notice != NULL,
                                      .ascii = options->ascii};
    if (options->has_children) {
        add_children(scene, processes);
        scene->input.can_go_back = options->is_inside;
        if (!options->is_inside)
            scene->input.live = NULL;
    }
    if (options->keys)
        press_keys(scene, options);
    return print(scene, options);
}

/* --- options --- */

static const struct option long_options[] = {
    {"size", required_argument, NULL, 's'},   {"keys", required_argument, NULL, 'k'},
    {"before", required_argument, NULL, 'b'}, {"busy", required_argument, NULL, 'u'},
    {"notice", required_argument, NULL, 'n'}, {"block", no_argument, NULL, 'l'},
    {"children", no_argument, NULL, 'c'},     {"inside", no_argument, NULL, 'i'},
    {"nothing", no_argument, NULL, 'N'},      {"ascii", no_argument, NULL, 'a'},
    {"styles", no_argument, NULL, 'y'},       {0},
};

/* "100x30": columns, rows. */
static void parse_size(struct options *options) {
    char *end;
    options->columns = (int)strtol(optarg, &end, 10);
    if (*end)
        options->rows = (int)strtol(end + 1, NULL, 10);
}

static bool parse_options(int argc, char **argv, struct options *options) {
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case 's':
            parse_size(options);
            break;
        case 'k':
            options->keys = optarg;
            break;
        case 'b':
            options->before = optarg;
            break;
        case 'u':
            options->busy = strtod(optarg, NULL);
            break;
        case 'n':
            options->notice = optarg;
            break;
        case 'l':
            options->has_block = true;
            break;
        case 'c':
            options->has_children = true;
            break;
        case 'i':
            options->is_inside = true;
            break;
        case 'N':
            options->has_nothing = true;
            break;
        case 'a':
            options->ascii = true;
            break;
        case 'y':
            options->shows_styles = true;
            break;
        default:
            return false;
        }
    }
    options->now = optind < argc ? argv[optind] : NULL;
    return optind + 1 == argc;
}

int main(int argc, char **argv) {
    struct options options = {.rows = 30, .columns = 100, .busy = 0.61};
    setlocale(LC_CTYPE, "C.UTF-8");
    if (!parse_options(argc, argv, &options)) {
        fputs("usage: render_top [--size COLUMNSxROWS] [--keys KEY,...] [--before FILE.json]\n"
              "  [--busy SHARE] [--block] [--notice TEXT] [--children] [--inside] [--nothing]\n"
              "  [--ascii] [--styles] FILE.json\n",
              stderr);
        return 2;
    }
    struct scene scene = {.before = snapshot_create(),
                          .middle = snapshot_create(),
                          .now = snapshot_create(),
                          .fold = live_fold_create(),
                          .view = top_view_create()};
    struct error *err = run(&scene, &options);
    if (err)
        fprintf(stderr, "%s\n", error_get_message(err));
    top_view_destroy(scene.view);
    live_fold_destroy(scene.fold);
    snapshot_destroy(scene.before);
    snapshot_destroy(scene.middle);
    snapshot_destroy(scene.now);
    int status = err ? 1 : 0;
    error_destroy(err);
    return status;
}
