#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/render/recording_summary.h"
#include "asyncspy/snapshot/recording_file.h"
#include "cmd.h"
#include "report.h"

#define PROGRESS_S 0.2

bool report_parse_filter(struct sample_filter *filter, bool is_excluded, const char *text) {
    static const struct {
        const char *name;
        enum sample_filter_subject subject;
    } kinds[] = {
        {"module:", FILTER_MODULE}, {"function:", FILTER_FUNCTION}, {"task:", FILTER_TASK}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].name);
        if (strncmp(text, kinds[i].name, length) == 0 && text[length]) {
            sample_filter_add(filter, kinds[i].subject, is_excluded, text + length);
            return true;
        }
    }
    return false;
}

int report_parse_mode(const char *name) {
    for (int mode = 0; mode < PROFILE_MODE_COUNT; mode++)
        if (strcmp(profile_mode_name((enum profile_mode)mode), name) == 0)
            return mode;
    return -1;
}

struct error *report_check_output(const char *path, bool force) {
    if (strcmp(path, "-") == 0)
        return NULL;
    if (access(path, F_OK) == 0 && !force)
        return error_create(ERROR_USAGE, "%s exists; --force overwrites it", path);
    return NULL;
}

/* --- the file --- */

/* It appears under its name when it is whole. */
struct target_file {
    const char *path; /* NULL: standard output, or none */
    char *partial;
    FILE *out;
};

static struct error *open_output(const struct report_options *options, struct target_file *file) {
    *file = (struct target_file){.out = stdout};
    if (!options->output || strcmp(options->output, "-") == 0)
        return NULL;
    size_t size = strlen(options->output) + sizeof ".partial";
    file->path = options->output;
    file->partial = memory_alloc(size);
    snprintf(file->partial, size, "%s.partial", options->output);
    file->out = fopen(file->partial, "we");
    return file->out ? NULL : error_create_os(errno, "%s", file->partial);
}

static struct error *close_output(struct target_file *file, struct error *err) {
    if (!file->path)
        return err ? err : command_flush(file->out);
    if (file->out && fclose(file->out) != 0 && !err)
        err = error_create_os(errno, "%s", file->partial);
    if (!err && rename(file->partial, file->path) != 0)
        err = error_create_os(errno, "%s", file->path);
    if (err && file->out)
        (void)unlink(file->partial);
    free(file->partial);
    return err;
}

/* --- the recording --- */

struct progress {
    bool shows;
    double next;
};

static void show_progress(struct progress *progress, const struct recording_reader *reader) {
    if (!progress->shows || clock_monotonic() < progress->next)
        return;
    progress->next = clock_monotonic() + PROGRESS_S;
    fprintf(stderr, "\rasyncspy: reading the recording: %.0f %%",
            100 * recording_get_progress(reader));
    fflush(stderr);
}

/* Damage ends the recording, as if it were cut off there. */
static struct error *read_samples(const struct report_options *options,
                                  struct recording_reader *reader, struct output *output,
                                  struct error **ret_damage) {
    struct progress progress = {options->shows_progress, clock_monotonic() + 5 * PROGRESS_S};
    const struct recording_sample *sample = NULL;
    struct error *err = NULL;
    do {
        *ret_damage = recording_read_next(reader, &sample);
        if (!*ret_damage && sample)
            err = output_add(output, sample);
        show_progress(&progress, reader);
    } while (!err && !*ret_damage && sample);
    if (progress.shows && progress.next > 5 * PROGRESS_S)
        fputs("\r\033[K", stderr);
    return err;
}

static void write_summary(const struct report_options *options, struct recording_reader *reader,
                          const struct output *output, FILE *out) {
    const struct recording_summary summary = {
        .info = recording_get_info(reader),
        .end = recording_get_end(reader),
        .running = output_get_running(output),
        .tasks = output_get_tasks(output),
        .file = options->output && strcmp(options->output, "-") != 0 ? options->output : NULL,
        .where = options->format ? options->format->where : NULL};
    error_destroy(render_recording_summary(&summary, command_get_width(out), out));
}

static struct error *convert(const struct report_options *options, struct recording_reader *reader,
                             FILE *out, FILE *summary, struct error **ret_damage) {
    struct output *output;
    const struct recording_info *info = recording_get_info(reader);
    const struct output_options output_options = {
        .format = options->format, .mode = options->mode, .filter = options->filter, .out = out};
    struct error *err = output_begin(&output_options, info, &output);
    if (err)
        return err;
    err = read_samples(options, reader, output, ret_damage);
    if (!err)
        err = output_end(output, info, recording_get_end(reader));
    if (!err && summary)
        write_summary(options, reader, output, summary);
    output_destroy(output);
    return err;
}

struct error *report_write(const struct report_options *options, FILE *summary,
                           struct error **ret_damage) {
    struct recording_reader *reader;
    struct target_file file;
    *ret_damage = NULL;
    struct error *err = recording_read_begin(options->recording, &reader);
    if (err)
        return err;
    err = open_output(options, &file);
    if (!err)
        err = convert(options, reader, file.out, summary, ret_damage);
    err = close_output(&file, err);
    recording_reader_destroy(reader);
    return err;
}
