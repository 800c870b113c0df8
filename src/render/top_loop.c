/* The line of a loop, in as many words as there is room for. */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"
#include "top_cells.h"
#include "top_header.h"
#include "top_pieces.h"

#define NAME_COLUMNS 24
#define NAME_COLUMNS_SHORT 10
#define BAR_MOST 20

/* How much is told; the first that fits is taken. */
struct level {
    int name; /* columns */
    int bar;  /* columns without the brackets, 0: none */
    enum top_wording wording;
};

static const struct level levels[] = {{NAME_COLUMNS, BAR_MOST, TOP_LONG},
                                      {NAME_COLUMNS, 10, TOP_LONG},
                                      {NAME_COLUMNS, 10, TOP_SHORT},
                                      {NAME_COLUMNS_SHORT, 5, TOP_SHORT},
                                      {NAME_COLUMNS_SHORT, 0, TOP_SHORTEST}};
/* A single loop is the one that is meant: the bar tells more than its name. */
static const struct level levels_of_one[] = {{NAME_COLUMNS, BAR_MOST, TOP_LONG},
                                             {NAME_COLUMNS, 10, TOP_LONG},
                                             {NAME_COLUMNS, 10, TOP_SHORT},
                                             {0, 10, TOP_SHORT},
                                             {0, 5, TOP_SHORT},
                                             {0, 0, TOP_SHORTEST}};

/* "[############--------]" */
static const char *make_bar(struct arena *arena, double share, int columns) {
    char bar[BAR_MOST + 1];
    int filled = (int)lround(fmin(share, 1) * columns);
    memset(bar, '#', (size_t)filled);
    memset(bar + filled, '-', (size_t)(columns - filled));
    return arena_format(arena, "[%.*s]", columns, bar);
}

static const char *describe_name(struct top_words *words, const struct live_loop *loop,
                                 int columns) {
    struct page *page = &words->report.page;
    const char *name = loop->thread;
    if (!name && loop->tid != SNAPSHOT_UNKNOWN)
        name = arena_format(page->scratch, "tid %" PRId64, loop->tid);
    return columns && name ? text_clip(page->scratch, page_escape(page, name), columns) : "";
}

static bool is_running(const struct live_loop *loop) {
    return loop->state != SNAPSHOT_LOOP_STOPPED && loop->state != SNAPSHOT_LOOP_CLOSED;
}

/* "61% busy", "busy -", "blocked, 100%", "stopped". */
static const char *describe_state(struct top_words *words, const struct live_loop *loop) {
    const char *state = snapshot_loop_state_name(loop->state);
    if (!is_running(loop))
        return state ? state : "";
    if (isnan(loop->busy) && loop->state != SNAPSHOT_LOOP_BLOCKED)
        return "busy -";
    return arena_format(words->report.page.scratch,
                        loop->state == SNAPSHOT_LOOP_BLOCKED ? "blocked, %s" : "%s busy",
                        top_share(words, loop->busy));
}

static const char *describe_iteration(struct report *report, const struct live_loop *loop,
                                      enum top_wording wording) {
    const char *median = label_at_least(report, loop->iteration_median_s);
    const char *worst = label_at_least(report, loop->iteration_worst_s);
    if (!*median || !*worst)
        return "";
    if (wording == TOP_LONG)
        return arena_format(report->page.scratch, "iteration >=%s median, >=%s worst", median,
                            worst);
    return arena_format(report->page.scratch, "%s >=%s, worst >=%s",
                        wording == TOP_SHORT ? "iteration" : "iter", median, worst);
}

static const char *describe_lag(struct report *report, const struct live_loop *loop) {
    const char *lag = loop->lag_s > 0 ? label_duration(report, loop->lag_s) : "0 ms";
    return isnan(loop->lag_s) || !*lag ? "" : arena_format(report->page.scratch, "lag %s", lag);
}

static struct top_pieces make_pieces(struct top_words *words, const struct live_loop *loop,
                                     const struct level *level) {
    struct arena *arena = words->report.page.scratch;
    struct top_pieces pieces = {0};
    bool is_blocked = loop->state == SNAPSHOT_LOOP_BLOCKED;
    top_pieces_add(&pieces, SCREEN_BOLD, 0, "Loop");
    top_pieces_add(&pieces, SCREEN_PLAIN, 1, describe_name(words, loop, level->name));
    if (level->bar && loop->busy >= 0 && is_running(loop))
        top_pieces_add(&pieces, is_blocked ? SCREEN_ALARM : SCREEN_PLAIN, 1,
                       make_bar(arena, loop->busy, level->bar));
    top_pieces_add(&pieces, is_blocked ? SCREEN_ALARM : SCREEN_BOLD, 1,
                   describe_state(words, loop));
    if (!is_running(loop))
        return pieces;
    top_pieces_add(&pieces, SCREEN_PLAIN, TOP_GAP,
                   describe_iteration(&words->report, loop, level->wording));
    top_pieces_add(&pieces, SCREEN_PLAIN, TOP_GAP, describe_lag(&words->report, loop));
    if (loop->ready != SNAPSHOT_UNKNOWN)
        top_pieces_add(&pieces, SCREEN_PLAIN, TOP_GAP,
                       arena_format(arena, "ready %" PRId64, loop->ready));
    return pieces;
}

void top_draw_loop(struct top_header *header, const struct live_loop *loop, bool is_one_of_many) {
    const struct level *choice = is_one_of_many ? levels : levels_of_one;
    size_t count = is_one_of_many ? sizeof levels / sizeof *levels
                                  : sizeof levels_of_one / sizeof *levels_of_one;
    int row = top_header_add_row(header);
    struct top_pieces pieces = {0};
    size_t shown = 0;
    for (size_t i = 0; i < count && (!i || shown < pieces.count); i++) {
        pieces = make_pieces(header->words, loop, &choice[i]);
        shown = top_pieces_fit(&pieces, 0, header->screen->columns);
    }
    top_pieces_put(&pieces, 0, shown, header->screen, row, 0);
}
