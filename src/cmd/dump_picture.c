/* Reading and writing of what a dump shows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asyncspy/base/text.h"
#include "asyncspy/capture/process_tree.h"
#include "asyncspy/render/process_tree.h"
#include "asyncspy/snapshot/json.h"
#include "cmd.h"
#include "dump.h"

#define LOAD_MAX ((size_t)4 << 30)

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

static void tell_saved(const char *path, uint64_t size) {
    bool is_large = size >= 1000000;
    fprintf(stderr, "asyncspy: saved %.*f %s to ", is_large, (double)size / (is_large ? 1e6 : 1e3),
            is_large ? "MB" : "kB");
    text_write_escaped(stderr, path);
    fputc('\n', stderr);
}

static void save(const struct dump_options *options, struct capture *capture,
                 struct dump_picture *picture) {
    uint64_t size;
    if (!options->save_core)
        return;
    picture->save_error = capture_save(capture, picture->snapshot, &size);
    if (!picture->save_error && !options->quiet)
        tell_saved(options->save_core, size);
}

static struct error *read_process(const struct dump_options *options,
                                  const struct capture_options *capture_options,
                                  struct dump_picture *picture) {
    struct capture *capture;
    struct error *err = capture_open(options->pid, capture_options, &capture);
    if (err)
        return err;
    err = capture_take(capture, picture->snapshot);
    if (!err && !options->once)
        err = look_again(options, capture, picture->snapshot);
    if (!err)
        save(options, capture, picture);
    capture_close(capture);
    return err;
}

static void report_progress(void *context, uint64_t done, uint64_t total) {
    int *last = context;
    int percent = total ? (int)(100 * done / total) : -1;
    if (percent == *last)
        return;
    *last = percent;
    if (total)
        fprintf(stderr, "\rasyncspy: unpacking the core: %d %%%s", percent,
                done >= total ? "\r\033[K" : "");
}

/* A slip of the pen would go unseen: files that are not here are nothing unusual. */
static struct error *check_named(const char *option, const char *path, mode_t kind) {
    struct stat status;
    if (!path)
        return NULL;
    if (stat(path, &status) != 0)
        return error_create_os(errno, "%s: %s", option, path);
    if ((status.st_mode & S_IFMT) != kind)
        return error_create(ERROR_USAGE, "%s: %s is no %s", option, path,
                            kind == S_IFDIR ? "folder" : "regular file");
    return NULL;
}

static struct error *read_core(const struct dump_options *options, struct dump_picture *picture) {
    int percent = -1;
    struct error *err = check_named("--executable", options->executable, S_IFREG);
    if (!err)
        err = check_named("--sysroot", options->sysroot, S_IFDIR);
    if (err)
        return err;
    bool shows = isatty(STDERR_FILENO) && !options->quiet;
    const struct core_options core_options = {
        .executable = options->executable,
        .sysroot = options->sysroot,
        .progress = {shows ? report_progress : NULL, &percent},
    };
    const struct capture_options capture_options = {.gc = options->gc,
                                                    .context = options->context,
                                                    .forgotten = options->gc || !options->once,
                                                    .referrers = !options->once,
                                                    .save = options->save_core};
    struct capture *capture;
    err = capture_open_core(options->core, &core_options, &capture_options, &capture);
    if (err && percent >= 0 && percent < 100)
        fputs("\r\033[K", stderr); /* it ended early: the line is for the error */
    if (err)
        return err;
    err = capture_take(capture, picture->snapshot);
    if (!err)
        save(options, capture, picture);
    capture_close(capture);
    return err;
}

static struct error *read_target(const struct dump_options *options, struct dump_picture *picture) {
    struct capture_options capture_options = {.nonblocking = options->nonblocking,
                                              .gc = options->gc,
                                              .context = options->context,
                                              .forgotten = options->gc && options->once,
                                              .referrers = !options->once,
                                              .save = options->save_core};
    picture->is_tree = options->children;
    if (options->children)
        return capture_process_tree(options->pid, &capture_options, options->once, picture->tree);
    return read_process(options, &capture_options, picture);
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

static struct error *load_file(const char *name, struct dump_picture *picture) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(name, "re");
    if (!file)
        return error_create_os(errno, "%s", name);
    struct error *err = read_whole(file, name, &text, &size);
    fclose(file);
    if (err)
        return err;
    err = snapshot_tree_json_read(picture->snapshot, picture->tree, text, size, &picture->is_tree);
    free(text);
    return err ? error_add_context(err, "%s", name) : NULL;
}

struct error *dump_picture_read(const struct dump_options *options, struct dump_picture *picture) {
    if (options->core)
        return read_core(options, picture);
    return options->load ? load_file(options->load, picture) : read_target(options, picture);
}

static struct error *render(const struct dump_options *options, const struct dump_picture *picture,
                            FILE *out) {
    if (options->format == FORMAT_JSON)
        return picture->is_tree ? snapshot_tree_json_write(picture->tree, out)
                                : snapshot_json_write(picture->snapshot, out);
    struct text_options text_options = {.width = command_get_width(out),
                                        .color = command_use_color(options->color, out),
                                        .ascii = options->ascii,
                                        .all_tasks = options->all_tasks,
                                        .graph = options->graph,
                                        .verbose = options->verbose,
                                        .verdict_only = options->quiet};
    return picture->is_tree ? render_process_tree(picture->tree, &text_options, out)
                            : render_text(picture->snapshot, &text_options, out);
}

struct error *dump_picture_write(const struct dump_options *options,
                                 const struct dump_picture *picture) {
    FILE *out = options->output ? fopen(options->output, "we") : stdout;
    if (!out)
        return error_create_os(errno, "%s", options->output);
    struct error *err = render(options, picture, out);
    if (!err || errno == EPIPE) {
        error_destroy(err);
        err = command_flush(out);
    }
    if (options->output && fclose(out) != 0 && !err)
        err = error_create_os(errno, "closing it");
    return err && options->output ? error_add_context(err, "%s", options->output) : err;
}

struct snapshot *dump_picture_next(const struct dump_picture *picture, size_t *next) {
    if (!picture->is_tree)
        return (*next)++ ? NULL : picture->snapshot;
    while (*next < picture->tree->list.count) {
        struct snapshot *snapshot = picture->tree->list.items[(*next)++].snapshot;
        if (snapshot)
            return snapshot;
    }
    return NULL;
}
