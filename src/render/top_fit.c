/* What a cell says in as many columns as it has. */
#include <ctype.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "top_table.h"

#define TEXT_LEAST 4 /* columns: of what is cut to less nothing can be read */
#define REST_LEAST 8
#define DOTS "..."

static const char *get_text(const char *text) {
    return text ? text : "";
}

/* The parts but the rest, with spaces between them. */
static const char *join_head(struct arena *arena, const char *before, const char *text,
                             const char *place) {
    if (!before && !place)
        return text;
    return arena_format(arena, "%s%s%s%s%s", get_text(before), before ? " " : "", text,
                        place ? " " : "", get_text(place));
}

const char *top_cell_join(struct arena *arena, const struct top_cell *cell) {
    const char *head = join_head(arena, cell->before, get_text(cell->text), cell->place);
    return cell->rest ? arena_format(arena, "%s%s", head, cell->rest) : head;
}

/* "Connection.fetch" as "fetch" before it is cut: which class it is of says less. */
static const char *cut_name(struct arena *arena, const char *name, int columns) {
    const char *dot = strrchr(name, '.');
    if (text_width(name) > columns && dot && dot[1])
        name = dot + 1;
    return text_clip(arena, name, columns);
}

/* How much of a text is left before dots: half a number would be another one. Digits in a word
 * ("0x7f70") are none, and where nothing else would be left, half of it says more. */
static size_t count_kept(const char *text, int columns) {
    size_t length = text_count_fitting(text, columns - (int)strlen(DOTS)), start = length;
    while (start && isdigit((unsigned char)text[start - 1]))
        start--;
    bool is_number = start && !isalpha((unsigned char)text[start - 1]);
    return is_number && isdigit((unsigned char)text[length]) ? start : length;
}

/* Without dots at the end and the spaces around them: they would mean something else. */
static size_t drop_dots(const char *text, size_t length) {
    size_t end = length;
    while (end && strchr(" .", text[end - 1]))
        end--;
    return memchr(text + end, '.', length - end) ? end : length;
}

/* "3.3 ms .. 34 ms" as "3.3 ms..." and not as "3.3 ms ....." or "3.3 ms .. 3..." */
static const char *cut_end(struct arena *arena, const char *text, int columns) {
    if (text_width(text) <= columns || columns < TEXT_LEAST)
        return text_clip(arena, text, columns);
    size_t length = drop_dots(text, count_kept(text, columns));
    return arena_format(arena, "%.*s" DOTS, (int)length, text);
}

static const char *cut_head(struct arena *arena, const struct top_cell *cell, int columns) {
    if (!cell->place)
        return cut_end(arena, get_text(cell->text), columns);
    int room = columns - text_width(cell->place) - 1;
    if (room < TEXT_LEAST)
        return text_clip_start(arena, cell->place, columns);
    return join_head(arena, NULL, cut_name(arena, get_text(cell->text), room), cell->place);
}

const char *top_cell_fit(struct arena *arena, const struct top_cell *cell, int columns) {
    const char *head = join_head(arena, cell->before, get_text(cell->text), cell->place);
    if (cell->before && text_width(head) > columns)
        head = join_head(arena, NULL, get_text(cell->text), cell->place);
    int room = columns - text_width(head);
    if (room < 0)
        return cut_head(arena, cell, columns);
    if (!cell->rest || (room < REST_LEAST && text_width(cell->rest) > room))
        return head;
    return cut_end(arena, arena_format(arena, "%s%s", head, cell->rest), columns);
}
