/* What is wrong, a line each, as it comes and goes. */
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"
#include "shorten.h"
#include "top_cells.h"

#define MARK_COLUMNS 3
#define GAP 2
#define PLACE_SHARE 5        /* of the row, that the place may take from the summary */
#define COLUMNS_WITH_AGE 120 /* from so many on the age of old ones is told too */
#define JUST_NOW_S 1         /* what came or went since then did so just now */

static const char *get_mark(enum snapshot_confidence confidence) {
    return confidence == SNAPSHOT_CERTAIN ? "!!" : confidence == SNAPSHOT_LIKELY ? " !" : " ?";
}

static enum screen_style get_style(const struct live_finding *finding) {
    if (finding->news == LIVE_GONE)
        return SCREEN_DIM;
    return finding->confidence == SNAPSHOT_CERTAIN  ? SCREEN_ALARM
           : finding->confidence == SNAPSHOT_LIKELY ? SCREEN_WARNING
                                                    : SCREEN_PLAIN;
}

/* "new", "new 4.0 s", "gone", "gone 3.0 s ago", "for >=48.0 s". */
static const char *describe_news(struct top_words *words, const struct live_finding *finding,
                                 int columns) {
    struct arena *arena = words->report.page.scratch;
    struct live_age since = {finding->since_s, finding->is_bound};
    const char *age = top_age(words, since);
    if (finding->news != LIVE_KNOWN && finding->since_s < JUST_NOW_S)
        return finding->news == LIVE_GONE ? "gone" : "new";
    if (finding->news == LIVE_GONE)
        return arena_format(arena, "gone %s ago", age);
    if (finding->news == LIVE_NEW)
        return arena_format(arena, "new %s", age);
    bool is_known = strcmp(age, "-") != 0;
    return columns < COLUMNS_WITH_AGE || !is_known ? "" : arena_format(arena, "for %s", age);
}

/* Puts text that ends before `end`; gives where it starts. */
static int put_before(struct screen *screen, int row, int end, enum screen_style style,
                      const char *text) {
    int column = end - text_width(text);
    if (!*text || column <= MARK_COLUMNS)
        return end;
    screen_put(screen, row, column, style, text, end - column);
    return column - GAP;
}

/* Where it is, in `columns`: of what does not fit, the place alone, which is the end of it. */
static const char *describe_where(struct page *page, const char *where, int columns) {
    const char *place = where;
    for (const char *gap; (gap = strstr(place, "  "));)
        place = gap + strspn(gap, " ");
    int least = page->width / PLACE_SHARE;
    int room = columns > least ? columns : least;
    if (text_width(where) > room)
        where = place;
    return text_clip(page->scratch, shorten_text(page, where, room, 1), room);
}

static void draw_finding(struct top_words *words, const struct live_finding *finding,
                         struct screen *screen, int row) {
    struct page *page = &words->report.page;
    enum screen_style style = get_style(finding);
    int end = put_before(screen, row, screen->columns, SCREEN_DIM,
                         describe_news(words, finding, screen->columns));
    const char *text =
        page_escape(page, label_finding(page->scratch, finding->code, finding->summary));
    const char *where = page_escape(page, finding->where ? finding->where : "");
    where = describe_where(page, where, end - MARK_COLUMNS - text_width(text) - GAP);
    end =
        put_before(screen, row, end, finding->news == LIVE_GONE ? SCREEN_DIM : SCREEN_PLAIN, where);
    screen_put(screen, row, 0, style, get_mark(finding->confidence), screen->columns);
    if (end > MARK_COLUMNS)
        screen_put(screen, row, MARK_COLUMNS, style,
                   text_clip(page->scratch, text, end - MARK_COLUMNS), end - MARK_COLUMNS);
}

/* All of them; those that are only possible come last. */
static const struct live_finding **order_findings(struct top_words *words) {
    const struct live *live = words->input->live;
    const struct live_finding **order =
        arena_alloc_array(words->report.page.scratch, live->finding_count, sizeof *order);
    size_t count = 0;
    for (int possible = 0; possible < 2; possible++)
        for (size_t i = 0; i < live->finding_count; i++)
            if ((live->findings[i].confidence == SNAPSHOT_POSSIBLE) == possible)
                order[count++] = &live->findings[i];
    return order;
}

static int draw_findings(struct top_words *words, struct screen *screen, int row, int most) {
    size_t count = words->input->live->finding_count;
    if (!count || most < 1)
        return 0;
    const struct live_finding **order = order_findings(words);
    size_t shown = count <= (size_t)most ? count : (size_t)most - 1;
    for (size_t i = 0; i < shown; i++)
        draw_finding(words, order[i], screen, row + (int)i);
    if (shown == count)
        return (int)count;
    const char *text =
        arena_format(words->report.page.scratch, "... %zu %sfinding%s (!)", count - shown,
                     shown ? "more " : "", count - shown == 1 ? "" : "s");
    screen_put(screen, row + (int)shown, MARK_COLUMNS, SCREEN_DIM, text,
               screen->columns - MARK_COLUMNS);
    return most;
}

static bool has_found_nothing(const struct live *live) {
    for (size_t i = 0; i < live->finding_count; i++)
        if (live->findings[i].index != SIZE_MAX)
            return false;
    return live->snapshot && live->snapshot->verdict.code == SNAPSHOT_FINDING_OK;
}

/* That it was looked for is worth a line too. */
static void draw_verdict(struct top_words *words, struct screen *screen, int row) {
    struct page *page = &words->report.page;
    const char *text =
        page_escape(page, label_verdict(page->scratch, &words->report.snapshot->verdict));
    int room = screen->columns - MARK_COLUMNS - 1;
    screen_put(screen, row, 0, SCREEN_GOOD, "OK", screen->columns);
    if (room > 0)
        screen_put(screen, row, MARK_COLUMNS, SCREEN_PLAIN, text_clip(page->scratch, text, room),
                   room);
}

int top_draw_findings(struct top_words *words, struct screen *screen, int row, int most) {
    const struct live *live = words->input->live;
    if (!live || most < 1)
        return 0;
    int first = has_found_nothing(live);
    if (first)
        draw_verdict(words, screen, row);
    return first + draw_findings(words, screen, row + first, most - first);
}
