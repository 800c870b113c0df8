/* The line of iterations that took too long: how many, how long the longest was, what it ran. */
#include <inttypes.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"
#include "shorten.h"
#include "top_header.h"
#include "top_pieces.h"

#define COLUMNS_USUAL 80 /* that screens have at least */

/* What is told beside how long it was, and whether it goes on: these never give way. */
enum {
    COUNT = 1,
    LIMIT = 2,  /* ">100 ms" */
    WITHIN = 4, /* "in 60 s" */
    AGO = 8,    /* "12 s ago", and "the last" before "60 s" */
    TASK = 16,
    CALLER = 32,  /* the user's function, where it called another one */
    FOLDERS = 64, /* of its file */
};

/* The first that fits is taken; what of the last one has no room is the blame. */
static const unsigned levels[] = {
    COUNT | LIMIT | WITHIN | TASK | FOLDERS | CALLER | AGO,
    COUNT | LIMIT | WITHIN | TASK | FOLDERS | CALLER,
    COUNT | LIMIT | WITHIN | TASK | FOLDERS,
    COUNT | LIMIT | WITHIN | TASK,
    COUNT | LIMIT | TASK | FOLDERS,
    COUNT | LIMIT | TASK,
    COUNT | LIMIT | FOLDERS,
    COUNT | LIMIT,
    COUNT,
    FOLDERS, /* on a screen that is narrower than any terminal should be */
    0,
};

/* The longest block of all loops; NULL: its length is not known. */
static const struct live_block *find_worst(const struct live *live, uint64_t *ret_count) {
    const struct live_block *worst = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < live->loop_count; i++) {
        const struct live_loop *loop = &live->loops[i];
        *ret_count += loop->blocks;
        if (!loop->blocks || isnan(loop->worst.length_s))
            continue;
        if (!worst || loop->worst.length_s > worst->length_s)
            worst = &loop->worst;
    }
    return worst;
}

static bool goes_on(const struct live_block *block) {
    return block && block->ended_s <= 0;
}

/* "7 times >100 ms in the last 60 s". */
static const char *describe_count(struct top_words *words, uint64_t count, unsigned level) {
    struct arena *arena = words->report.page.scratch;
    double within = fmin(LIVE_BLOCKS_WITHIN_S, words->input->live->watched_s);
    const char *text = arena_format(arena, "%" PRIu64 " %s", count, count == 1 ? "time" : "times");
    if (level & LIMIT)
        text = arena_format(arena, "%s >%.0f ms", text, LIVE_BLOCK_S * 1e3);
    if (level & WITHIN)
        text = arena_format(arena, "%s in %s%.0f s", text, level & AGO ? "the last " : "", within);
    return text;
}

/* ">=1.2 s goes on", ">=1.2 s 12 s ago". */
static const char *describe_length(struct report *report, const struct live_block *block,
                                   unsigned level) {
    struct arena *arena = report->page.scratch;
    const char *text = arena_format(arena, ">=%s", label_at_least(report, block->length_s));
    if (goes_on(block))
        return arena_format(arena, "%s goes on", text);
    if (!(level & AGO))
        return text;
    return block->ended_s >= 1 ? arena_format(arena, "%s %.0f s ago", text, block->ended_s)
                               : arena_format(arena, "%s just now", text);
}

static const char *describe_head(struct top_words *words, const struct live_block *worst,
                                 uint64_t count, unsigned level) {
    const char *times = level & COUNT ? describe_count(words, count, level) : "";
    if (!worst)
        return times;
    const char *length = describe_length(&words->report, worst, level);
    return arena_format(words->report.page.scratch, "%s%s%s", times, *times ? ", worst " : "",
                        length);
}

static const char *describe_place(struct arena *arena, const struct live_block *block,
                                  unsigned level) {
    const char *slash = strrchr(block->file, '/');
    const char *file = slash && !(level & FOLDERS) ? slash + 1 : block->file;
    return block->line >= 0 ? arena_format(arena, "%s:%d", file, (int)block->line) : file;
}

/* "req-812  sleep < build_csv  app/report.py:57": whatever is known. */
static const char *describe_blame(struct report *report, const struct live_block *block,
                                  unsigned level) {
    struct arena *arena = report->page.scratch;
    const char *text = level & TASK && block->task ? block->task : "";
    const char *inner = block->callee ? block->callee : block->frame;
    if (inner)
        text = arena_format(arena, "%s%s%s", text, *text ? "  " : "", inner);
    if (block->callee && block->frame && level & CALLER)
        text = arena_format(arena, "%s < %s", text, block->frame);
    if (block->file)
        text = arena_format(arena, "%s%s%s", text, *text ? "  " : "",
                            describe_place(arena, block, level));
    return page_escape(&report->page, text);
}

/* The head as it is, and of the blame where it was first of all. */
static const char *join(struct page *page, const char *head, const char *blame, int columns) {
    int room = columns - text_width(head) - TOP_GAP;
    if (!*blame || room <= 0)
        return text_clip(page->scratch, head, columns);
    blame = text_clip(page->scratch, shorten_text(page, blame, room, 1), room);
    return arena_format(page->scratch, "%s%*s%s", head, TOP_GAP, "", blame);
}

static const char *describe_blocks(const struct top_header *header, const struct live_block *worst,
                                   uint64_t count, int columns) {
    struct report *report = &header->words->report;
    bool must_count = !worst || header->screen->columns >= COLUMNS_USUAL;
    const char *head = "", *blame = "";
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (must_count && !(levels[i] & COUNT))
            break;
        head = describe_head(header->words, worst, count, levels[i]);
        blame = worst ? describe_blame(report, worst, levels[i]) : "";
        if (text_width(head) + (*blame ? TOP_GAP : 0) + text_width(blame) <= columns)
            break;
    }
    return join(&report->page, head, blame, columns);
}

void top_draw_blocks(struct top_header *header) {
    struct screen *screen = header->screen;
    uint64_t count;
    const struct live_block *worst = find_worst(header->words->input->live, &count);
    if (!count || !top_header_has_room(header))
        return;
    int row = top_header_add_row(header);
    bool is_alarm = goes_on(worst);
    int column = screen_put(screen, row, 0, is_alarm ? SCREEN_ALARM : SCREEN_BOLD, "Blocked",
                            screen->columns) +
                 1;
    int room = screen->columns - column;
    if (room > 0)
        screen_put(screen, row, column, is_alarm ? SCREEN_ALARM : SCREEN_PLAIN,
                   describe_blocks(header, worst, count, room), room);
}
