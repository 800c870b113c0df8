#include "asyncspy/render/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/text.h"

static int clamp(int value, int least, int most) {
    return value < least ? least : value > most ? most : value;
}

static void blank(struct screen_cell *cell) {
    memset(cell->text, 0, sizeof cell->text);
    cell->text[0] = ' ';
}

struct screen *screen_create(int rows, int columns) {
    struct screen *screen = memory_alloc(sizeof *screen);
    screen->rows = clamp(rows, 1, SCREEN_MOST);
    screen->columns = clamp(columns, 1, SCREEN_MOST);
    size_t count = (size_t)screen->rows * (size_t)screen->columns;
    screen->cells = memory_alloc(count * sizeof *screen->cells);
    for (size_t i = 0; i < count; i++) {
        screen->cells[i] = (struct screen_cell){.style = SCREEN_PLAIN};
        blank(&screen->cells[i]);
    }
    return screen;
}

void screen_destroy(struct screen *screen) {
    if (!screen)
        return;
    free(screen->cells);
    free(screen);
}

static struct screen_cell *get_row(const struct screen *screen, int row) {
    return &screen->cells[(size_t)row * (size_t)screen->columns];
}

/* Makes room for other characters from `start` to before `end`: of a wide one that is there by half
 * only, the other half becomes a blank. */
static void cut_wide(struct screen_cell *cells, int start, int end, int columns) {
    if (start > 0 && !cells[start].text[0])
        blank(&cells[start - 1]);
    if (end < columns && !cells[end].text[0])
        blank(&cells[end]);
}

static void set_cell(struct screen_cell *cell, enum screen_style style, const char *text,
                     size_t size) {
    memset(cell->text, 0, sizeof cell->text);
    memcpy(cell->text, text, size);
    cell->style = (uint8_t)style;
}

/* Adds what combines with the character of a cell, where there is room for it. */
static void join(struct screen_cell *cell, const char *text, size_t size) {
    size_t length = strlen(cell->text);
    if (length + size < sizeof cell->text)
        memcpy(cell->text + length, text, size);
}

int screen_put(struct screen *screen, int row, int column, enum screen_style style,
               const char *text, int columns) {
    if (row < 0 || row >= screen->rows || column < 0 || column >= screen->columns)
        return 0;
    struct screen_cell *cells = get_row(screen, row), *last = NULL;
    int room = screen->columns - column, next = column, width;
    int end = column + (columns < room ? columns : room);
    for (size_t size; *text; text += size) {
        size = text_measure_character(text, &width);
        if (width == 0 && last)
            join(last, text, size);
        if (width == 0)
            continue;
        int columns_taken = width < 0 ? 1 : width;
        if (next + columns_taken > end)
            break;
        cut_wide(cells, next, next + columns_taken, screen->columns);
        last = &cells[next];
        set_cell(last, style, width < 0 ? "?" : text, width < 0 ? 1 : size);
        for (int i = 1; i < columns_taken; i++)
            set_cell(&cells[next + i], style, "", 0);
        next += columns_taken;
    }
    return next - column;
}

void screen_reverse(struct screen *screen, int row) {
    if (row < 0 || row >= screen->rows)
        return;
    struct screen_cell *cells = get_row(screen, row);
    for (int i = 0; i < screen->columns; i++)
        cells[i].is_reversed = !cells[i].is_reversed;
}

static void write_row(const struct screen *screen, int row, FILE *out) {
    const struct screen_cell *cells = get_row(screen, row);
    int count = screen->columns;
    while (count > 0 && strcmp(cells[count - 1].text, " ") == 0)
        count--;
    for (int i = 0; i < count; i++)
        fputs(cells[i].text, out);
    fputc('\n', out);
}

struct error *screen_write(const struct screen *screen, int rows, FILE *out) {
    errno = 0;
    for (int i = 0; i < rows && i < screen->rows; i++)
        write_row(screen, i, out);
    int error_number = ferror(out) || fflush(out) != 0 ? errno : 0;
    return ferror(out) ? error_create_os(error_number, "writing the text") : NULL;
}
