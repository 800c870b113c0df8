/*
 * A grid of cells, as a terminal has it: what is to be shown, without a terminal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "asyncspy/base/error.h"

#define SCREEN_CELL_BYTES 16

enum screen_style {
    SCREEN_PLAIN,
    SCREEN_BOLD,
    SCREEN_DIM,
    SCREEN_GOOD,
    SCREEN_WARNING,
    SCREEN_ALARM,
    SCREEN_STYLE_COUNT
};

/* A character with what combines with it, as UTF-8 that ends in NUL. One of two columns leaves the
 * cell behind it empty (""). */
struct screen_cell {
    char text[SCREEN_CELL_BYTES];
    uint8_t style; /* enum screen_style */
    bool is_reversed;
};

struct screen {
    int rows, columns;
    struct screen_cell *cells; /* row by row */
};

/* All blanks. Not less than one row and column, and not more than SCREEN_MOST of each. */
#define SCREEN_MOST 2000
struct screen *screen_create(int rows, int columns);
void screen_destroy(struct screen *screen); /* NULL-safe */

/* Puts escaped text (base/text.h) at a place, in at most `columns`, and not beyond the edge; a wide
 * character that would not fit as a whole is left out. Returns the columns that it took. Outside of
 * the screen nothing is put. */
int screen_put(struct screen *screen, int row, int column, enum screen_style style,
               const char *text, int columns);

/* Exchanges the colours of a row. */
void screen_reverse(struct screen *screen, int row);

/* The rows as lines of text, without blanks at their ends; of the last rows only those up to
 * `rows`. ERROR_OS when writing fails. */
struct error *screen_write(const struct screen *screen, int rows, FILE *out) ERROR_CHECK;
