#include "top_pieces.h"

#include "asyncspy/base/text.h"

void top_pieces_add(struct top_pieces *pieces, enum screen_style style, int gap, const char *text) {
    if (*text && pieces->count < TOP_PIECES_MAX)
        pieces->items[pieces->count++] = (struct top_piece){text, style, gap};
}

int top_pieces_width(const struct top_pieces *pieces, size_t first, size_t end) {
    int width = 0;
    for (size_t i = first; i < end; i++)
        width += text_width(pieces->items[i].text) + (i > first ? pieces->items[i].gap : 0);
    return width;
}

size_t top_pieces_fit(const struct top_pieces *pieces, size_t first, int columns) {
    size_t end = first;
    while (end < pieces->count && top_pieces_width(pieces, first, end + 1) <= columns)
        end++;
    return end - first;
}

void top_pieces_put(const struct top_pieces *pieces, size_t first, size_t end,
                    struct screen *screen, int row, int column) {
    for (size_t i = first; i < end; i++) {
        const struct top_piece *piece = &pieces->items[i];
        column += i > first ? piece->gap : 0;
        column +=
            screen_put(screen, row, column, piece->style, piece->text, screen->columns - column);
    }
}
