/*
 * Pieces of text side by side on a row of the screen. Private to render.
 */
#pragma once

#include "top_parts.h"

#define TOP_PIECES_MAX 40
#define TOP_GAP 2 /* columns between pieces */

struct top_piece {
    const char *text; /* escaped */
    enum screen_style style;
    int gap; /* columns before it, unless it is the first of its row */
};

struct top_pieces {
    struct top_piece items[TOP_PIECES_MAX];
    size_t count;
};

/* Adds a piece; not so an empty one, and none beyond TOP_PIECES_MAX. */
void top_pieces_add(struct top_pieces *pieces, enum screen_style style, int gap, const char *text);

/* How many of the pieces from `first` on fit into `columns`. */
size_t top_pieces_fit(const struct top_pieces *pieces, size_t first, int columns);

/* The columns that pieces `first` to `end` - 1 take. */
int top_pieces_width(const struct top_pieces *pieces, size_t first, size_t end);

/* Puts them from `column` on. */
void top_pieces_put(const struct top_pieces *pieces, size_t first, size_t end,
                    struct screen *screen, int row, int column);
