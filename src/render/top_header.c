/* What stands above the table: the process, its loops, its tasks, what it uses. */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"
#include "top_cells.h"
#include "top_header.h"
#include "top_pieces.h"

#define COMMAND_LEAST 20 /* columns: else what stands behind the command goes */
#define ROWS_WITH_COST 20
#define ROWS_PER_LOOP 12 /* of the screen, for each loop that has a line */
#define LOOPS_LEAST 2
#define OLD_PICTURE_S 3.0 /* a picture is told to be old from then on */

int top_header_add_row(struct top_header *header) {
    return header->row + header->used++;
}

bool top_header_has_room(const struct top_header *header) {
    return header->used < header->most;
}

/* --- the process --- */

static const char *describe_command(struct report *report) {
    const struct snapshot_target *target = &report->snapshot->target;
    const char *text =
        label_command(report->page.scratch, target->command_line, target->command_line_count);
    if (!*text && target->executable)
        text = target->executable;
    return page_escape(&report->page, text);
}

static const char *describe_process(struct top_words *words, int columns) {
    struct report *report = &words->report;
    struct arena *arena = report->page.scratch;
    if (!words->input->live && words->input->process_count)
        return arena_format(arena, "asyncspy top  %zu %s", words->input->process_count,
                            words->input->process_count == 1 ? "process" : "processes");
    if (!report->snapshot || report->snapshot->target.pid == SNAPSHOT_UNKNOWN)
        return "asyncspy top";
    const char *pid = arena_format(arena, "pid %" PRId64, report->snapshot->target.pid);
    const char *text = arena_format(arena, "asyncspy top  %s", pid);
    return text_width(text) > columns ? pid : text; /* half a number would be another one */
}

/* "CPython 3.11.7", "" where it is not known. */
static const char *describe_python(struct report *report) {
    const struct snapshot_target *target = &report->snapshot->target;
    if (!target->python_version)
        return "";
    return page_escape(&report->page,
                       arena_format(report->page.scratch, "CPython %s%s", target->python_version,
                                    target->free_threaded == SNAPSHOT_YES ? "t" : ""));
}

/* What stands at the right, the least important last. */
static struct top_pieces make_right(struct top_words *words) {
    struct arena *arena = words->report.page.scratch;
    const struct top_input *input = words->input;
    struct top_pieces right = {0};
    double paused = input->live ? input->live->paused : 0;
    top_pieces_add(&right, SCREEN_PLAIN, 0,
                   input->clock ? page_escape(&words->report.page, input->clock) : "");
    if (input->refresh_s > 0 && input->refresh_s < 1e6)
        top_pieces_add(&right, SCREEN_DIM, 3, arena_format(arena, "every %g s", input->refresh_s));
    if (paused > 0 && paused <= 1)
        top_pieces_add(&right, SCREEN_DIM, TOP_GAP,
                       arena_format(arena, "stopped %.1f %%", paused * 100));
    return right;
}

/* The command is what gives way, and then what stands at the right. */
static void draw_process(struct top_header *header) {
    struct top_words *words = header->words;
    struct report *report = &words->report;
    int row = top_header_add_row(header);
    struct top_pieces left = {0}, right = make_right(words);
    const char *command = report->snapshot ? describe_command(report) : "";
    const char *python = report->snapshot ? describe_python(report) : "";
    const char *process = describe_process(words, header->screen->columns);
    int least = text_width(command) < COMMAND_LEAST ? text_width(command) : COMMAND_LEAST;
    int fixed = text_width(process) + (*command ? TOP_GAP : 0) + (*python ? TOP_GAP : 0) +
                text_width(python);
    int columns = header->screen->columns;
    size_t shown = top_pieces_fit(&right, 0, columns - fixed - least - TOP_GAP - 1);
    int room = columns - fixed - (shown ? top_pieces_width(&right, 0, shown) + TOP_GAP + 1 : 0);
    top_pieces_add(&left, SCREEN_BOLD, 0, process);
    if (room > 0)
        top_pieces_add(&left, SCREEN_PLAIN, TOP_GAP,
                       text_clip(report->page.scratch, command, room));
    top_pieces_add(&left, SCREEN_PLAIN, TOP_GAP, python);
    size_t fitting = top_pieces_fit(&left, 0, columns);
    top_pieces_put(&left, 0, fitting ? fitting : 1, header->screen, row, 0);
    top_pieces_put(&right, 0, shown, header->screen, row,
                   columns - top_pieces_width(&right, 0, shown));
}

/* --- loops --- */

static void draw_loops(struct top_header *header) {
    const struct live *live = header->words->input->live;
    size_t most = (size_t)header->screen->rows / ROWS_PER_LOOP;
    most = most < LOOPS_LEAST ? LOOPS_LEAST : most;
    size_t shown = live->loop_count <= most + 1 ? live->loop_count : most;
    for (size_t i = 0; i < shown && top_header_has_room(header); i++)
        top_draw_loop(header, &live->loops[i], live->loop_count > 1);
    if (live->loop_count > shown && top_header_has_room(header)) {
        int row = top_header_add_row(header);
        const char *text = arena_format(header->words->report.page.scratch, "and %zu more loops",
                                        live->loop_count - shown);
        screen_put(header->screen, row, 0, SCREEN_DIM, text, header->screen->columns);
    }
}

/* --- what asyncspy costs --- */

static struct top_pieces make_cost(struct top_words *words) {
    struct top_pieces cost = {0};
    const struct live *live = words->input->live;
    struct arena *arena = words->report.page.scratch;
    if (words->report.snapshot && live->picture_age_s > OLD_PICTURE_S)
        top_pieces_add(&cost, SCREEN_WARNING, 0,
                       arena_format(arena, "picture %s old",
                                    label_duration(&words->report, live->picture_age_s)));
    top_pieces_add(&cost, SCREEN_DIM, TOP_GAP,
                   arena_format(arena, "%" PRIu64 " samples, %" PRIu64 " failed, %" PRIu64 " torn",
                                live->samples, live->failed, live->torn));
    if (live->own_cpu >= 0)
        top_pieces_add(&cost, SCREEN_DIM, TOP_GAP,
                       arena_format(arena, "asyncspy %.1f %% CPU", live->own_cpu * 100));
    if (live->paused > 0)
        top_pieces_add(&cost, SCREEN_DIM, TOP_GAP,
                       arena_format(arena, "stopped %.1f %%", live->paused * 100));
    if (live->longest_pause_s > 0)
        top_pieces_add(&cost, SCREEN_DIM, TOP_GAP,
                       arena_format(arena, "longest %s",
                                    label_duration(&words->report, live->longest_pause_s)));
    return cost;
}

static void draw_cost(struct top_header *header) {
    struct screen *screen = header->screen;
    if (screen->rows < ROWS_WITH_COST || !top_header_has_room(header))
        return;
    struct top_pieces cost = make_cost(header->words);
    top_pieces_put(&cost, 0, top_pieces_fit(&cost, 0, screen->columns), screen,
                   top_header_add_row(header), 0);
}

int top_draw_header(struct top_words *words, struct screen *screen, int row, int most) {
    struct top_header header = {words, screen, row, most, 0};
    if (most < 1)
        return 0;
    draw_process(&header);
    if (words->input->live) {
        draw_loops(&header);
        top_draw_blocks(&header);
        top_draw_counts(&header);
        draw_cost(&header);
    }
    return header.used;
}
