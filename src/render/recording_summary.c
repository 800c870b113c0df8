#include "asyncspy/render/recording_summary.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "asyncspy/analysis/place.h"
#include "asyncspy/base/arena.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/base/text.h"

#define TOP_ROWS 5
#define LEAST_SHARE 0.0005 /* less is 0.0 % */

struct page {
    const struct recording_summary *summary;
    struct arena *arena;
    int width;
    FILE *out;
};

static void write_line(const struct page *page, const char *text) {
    fputs(text_clip(page->arena, text_escape(page->arena, text), page->width), page->out);
    fputc('\n', page->out);
}
#define LINE(page, ...) write_line((page), arena_format((page)->arena, __VA_ARGS__))

static const char *join_command(const struct page *page) {
    const struct snapshot_target *target = &page->summary->info->target;
    const char *command = "";
    for (size_t i = 0; i < target->command_line_count && i < 8; i++)
        command =
            arena_format(page->arena, "%s%s%s", command, i ? " " : "", target->command_line[i]);
    return command;
}

static void write_head(const struct page *page) {
    const struct recording_info *info = page->summary->info;
    const struct recording_end *end = page->summary->end;
    LINE(page, "%" PRIu64 " samples in %s of process %" PRId64 ", python %s%s%s", end->samples,
         clock_format_seconds(page->arena, end->time_s), info->target.pid,
         info->target.python_version ? info->target.python_version : "?",
         end->reason ? ", until " : ", cut off", end->reason ? end->reason : "");
    if (info->target.command_line_count)
        LINE(page, "  %s", join_command(page));
}

/* How good the samples are, and what they cost. */
static void write_quality(const struct page *page) {
    const struct recording_end *end = page->summary->end;
    double samples = end->samples ? (double)end->samples : 1;
    double time = end->time_s > 0 ? end->time_s : 1;
    LINE(page, "  errors: %" PRIu64 " (%.1f %%); late: %s on average", end->failed,
         100 * (double)end->failed / (samples + (double)end->failed),
         clock_format_seconds(page->arena, end->late_s / samples));
    if (end->pause_s > 0)
        LINE(page, "  the process was stopped %.1f %% of the time, %s at most",
             100 * end->pause_s / time, clock_format_seconds(page->arena, end->longest_pause_s));
    else
        LINE(page, "  the process was never stopped");
}

static void write_row(const struct page *page, const struct profile_top *top, double whole) {
    const struct profile_frame *frame = top->frame;
    const char *place = "";
    if (frame->file)
        place = arena_format(page->arena, " (%s)", frame->file);
    LINE(page, "  %5.1f %%  %9s  %s%s", whole > 0 ? 100 * top->weight_s / whole : 0,
         clock_format_seconds(page->arena, top->weight_s), frame->name, place);
}

static void write_top(const struct page *page, const struct profile *profile,
                      enum profile_frame_kind kind, double whole, const char *title,
                      const char *nothing) {
    struct profile_top rows[TOP_ROWS];
    size_t count = profile ? profile_find_top(profile, kind, rows, TOP_ROWS) : 0;
    size_t shown = 0;
    LINE(page, "%s", title);
    for (size_t i = 0; i < count && whole > 0; i++)
        if (rows[i].weight_s / whole >= LEAST_SHARE)
            write_row(page, &rows[i], whole), shown++;
    if (!shown)
        LINE(page, "  %s", nothing);
}

static void write_file(const struct page *page) {
    const struct recording_summary *summary = page->summary;
    if (!summary->file)
        return;
    LINE(page, "written: %s", summary->file);
    LINE(page, "  open it with %s", summary->where);
}

struct error *render_recording_summary(const struct recording_summary *summary, int width,
                                       FILE *out) {
    struct page page = {summary, arena_create(), width, out};
    write_head(&page);
    write_quality(&page);
    if (summary->end->samples) {
        write_top(&page, summary->running, PROFILE_FRAME_CODE, summary->end->time_s,
                  "on the loop, by the time in the function itself", "nothing ran");
        write_top(&page, summary->tasks, PROFILE_FRAME_WAIT, summary->tasks->weight_s,
                  "tasks wait for, by the time of all tasks", "no task waited");
    }
    write_file(&page);
    arena_destroy(page.arena);
    return ferror(out) ? error_create_os(errno, "writing") : NULL;
}
