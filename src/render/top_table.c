#include "top_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"

#define NUMBER_MOST 12 /* a column of numbers grows up to this, rather than to cut one */

/* --- which rows, in which order --- */

/* All rows are asked for what they say, and nearly nothing of it is kept: their words have a
 * scratch arena of their own, for one row at a time. */
struct scan {
    struct top_source source;
    struct top_words words;
    struct arena *scratch;
};

static void start_scan(struct scan *scan, const struct top_source *source, bool orders_only) {
    *scan = (struct scan){.source = *source, .scratch = arena_create()};
    scan->source.table.orders_only = orders_only;
    if (!source->table.words)
        return;
    scan->words = *source->table.words;
    scan->words.report.page.scratch = scan->scratch;
    scan->source.table.words = &scan->words;
}

static void read_row(struct scan *scan, size_t row, struct top_cell cells[TOP_COLUMNS_MAX]) {
    arena_reset(scan->scratch);
    scan->source.get_row(&scan->source.table, row, cells);
}

static bool matches(const struct scan *scan, const struct top_cell *cells, const char *filter) {
    for (size_t i = 0; i < scan->source.table.column_count; i++)
        if (strcasestr(top_cell_join(scan->scratch, &cells[i]), filter))
            return true;
    return false;
}

struct entry {
    size_t row;
    double order;
    const char *text;
};

static int compare_numbers(double a, double b) {
    return (a < b) - (a > b);
}

static int compare(const void *a, const void *b, void *is_reversed) {
    const struct entry *left = a, *right = b;
    bool left_last = isnan(left->order), right_last = isnan(right->order);
    if (left_last != right_last)
        return left_last ? 1 : -1;
    int result = left->text ? strverscmp(left->text, right->text)
                            : compare_numbers(left->order, right->order);
    if (*(const bool *)is_reversed)
        result = -result;
    return result ? result : (left->row > right->row) - (left->row < right->row);
}

/* What a row is sorted by; its order is left 0 where that is a text. */
static struct entry make_entry(const struct scan *scan, size_t row, const struct top_cell *cells,
                               size_t sort, struct arena *arena) {
    struct entry entry = {.row = row};
    if (!sort)
        return entry;
    const struct top_cell *cell = &cells[sort - 1];
    if (scan->source.table.columns[sort - 1].is_number) {
        entry.order = cell->order;
        return entry;
    }
    const char *text = top_cell_join(scan->scratch, cell);
    entry.text = arena_copy_string(arena, text, strlen(text));
    return entry;
}

static size_t collect(const struct top_source *source, const struct top_order *order, size_t sort,
                      struct arena *arena, struct entry *entries) {
    const struct top_table *table = &source->table;
    struct top_cell cells[TOP_COLUMNS_MAX] = {0};
    struct scan scan;
    size_t count = 0;
    start_scan(&scan, source, !*order->filter && sort && table->columns[sort - 1].is_number);
    for (size_t i = 0; i < table->row_count; i++) {
        if (*order->filter || sort)
            read_row(&scan, i, cells);
        if (!*order->filter || matches(&scan, cells, order->filter))
            entries[count++] = make_entry(&scan, i, cells, sort, arena);
    }
    arena_destroy(scan.scratch);
    return count;
}

struct top_list top_list_make(const struct top_source *source, const struct top_order *order,
                              struct arena *arena) {
    size_t sort = order->sort <= source->table.column_count ? order->sort : 0;
    struct entry *entries = arena_alloc_array(arena, source->table.row_count, sizeof *entries);
    size_t count = collect(source, order, sort, arena, entries);
    bool is_reversed = order->is_reversed;
    if (sort && count)
        qsort_r(entries, count, sizeof *entries, compare, &is_reversed);
    size_t *items = arena_alloc_array(arena, count, sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = entries[!sort && is_reversed ? count - 1 - i : i].row;
    return (struct top_list){.count = count, .items = items};
}

size_t top_list_find(const struct top_list *list, const struct top_source *source, uint64_t key) {
    for (size_t i = 0; i < list->count; i++)
        if (source->get_key(&source->table, list->items[i]) == key)
            return i;
    return SIZE_MAX;
}

size_t top_window_scroll(const struct top_window *window, size_t count) {
    size_t rows = window->rows > 0 ? (size_t)window->rows : 1;
    size_t most = count > rows ? count - rows : 0;
    size_t first = window->first < most ? window->first : most;
    if (window->selected == SIZE_MAX)
        return first;
    if (window->selected < first)
        return window->selected;
    return window->selected - first < rows ? first : window->selected - rows + 1;
}

/* --- which columns, and how wide --- */

struct layout {
    bool shown[TOP_COLUMNS_MAX];
    int widths[TOP_COLUMNS_MAX];
    int starts[TOP_COLUMNS_MAX];
};

/* What is drawn. */
struct drawing {
    const struct top_source *source;
    const struct top_order *order;
    const struct top_window *window;
    struct screen *screen;
    struct arena *arena;
    struct layout layout;
    size_t count;           /* rows that are shown */
    struct top_cell *cells; /* TOP_COLUMNS_MAX of each, escaped */
};

/* "OLDEST v" of the column that the rows are sorted by. */
static const char *make_title(const struct drawing *drawing, size_t column) {
    const struct top_column *columns = drawing->source->table.columns;
    if (drawing->order->sort != column + 1)
        return columns[column].title;
    bool falls = columns[column].is_number != drawing->order->is_reversed;
    return arena_format(drawing->arena, "%s %c", columns[column].title, falls ? 'v' : '^');
}

static int choose_least(const struct drawing *drawing, size_t column) {
    const struct top_column *it = &drawing->source->table.columns[column];
    int title = text_width(make_title(drawing, column));
    int least = it->columns > title ? it->columns : title;
    int most = it->is_number ? NUMBER_MOST : it->most;
    for (size_t i = 0; least < most && i < drawing->count; i++) {
        int width = text_width(drawing->cells[i * TOP_COLUMNS_MAX + column].text);
        if (width > least)
            least = width < most ? width : most;
    }
    return least;
}

/* Puts the columns beside each other; returns where the last one ends. Column 0 is for the mark of
 * the selected row: a number at the right of its column needs nothing in between. */
static int place_columns(const struct top_table *table, struct layout *layout) {
    int next = 1;
    bool is_first = true, was_text = false;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!layout->shown[i])
            continue;
        bool is_text = !table->columns[i].is_number;
        int gap = is_text && was_text ? 2 : !is_first || is_text;
        layout->starts[i] = next + gap;
        next = layout->starts[i] + layout->widths[i];
        is_first = false;
        was_text = is_text;
    }
    return next;
}

/* The shown column of the highest rank, the last of several; the one that the rows are sorted by
 * only after all others. SIZE_MAX: none may go. */
static size_t find_to_drop(const struct drawing *drawing) {
    const struct top_table *table = &drawing->source->table;
    size_t sorted = drawing->order->sort - 1, found = SIZE_MAX;
    int rank = 1;
    for (size_t i = 0; i < table->column_count; i++)
        if (i != sorted && drawing->layout.shown[i] && table->columns[i].rank >= rank) {
            rank = table->columns[i].rank;
            found = i;
        }
    if (found != SIZE_MAX || sorted >= table->column_count || !table->columns[sorted].rank)
        return found;
    return drawing->layout.shown[sorted] ? sorted : SIZE_MAX;
}

static void share_room(const struct top_table *table, struct layout *layout, int room) {
    int shares = 0;
    for (size_t i = 0; i < table->column_count; i++)
        shares += layout->shown[i] ? table->columns[i].share : 0;
    for (size_t i = 0; i < table->column_count; i++) {
        int share = layout->shown[i] ? table->columns[i].share : 0;
        if (share <= 0)
            continue;
        int part = room * share / shares;
        layout->widths[i] += part;
        room -= part;
        shares -= share;
    }
}

static void choose_columns(struct drawing *drawing) {
    const struct top_table *table = &drawing->source->table;
    struct layout *layout = &drawing->layout;
    for (size_t i = 0; i < table->column_count; i++) {
        layout->shown[i] = true;
        layout->widths[i] = choose_least(drawing, i);
    }
    int width = drawing->screen->columns, end;
    for (size_t drop; (end = place_columns(table, layout)) > width;) {
        drop = find_to_drop(drawing);
        if (drop == SIZE_MAX)
            break;
        int least = table->columns[drop].least;
        if (least && layout->widths[drop] > least)
            layout->widths[drop] = least;
        else
            layout->shown[drop] = false;
    }
    if (end < width)
        share_room(table, layout, width - end);
    place_columns(table, layout);
}

/* --- drawing --- */

static void put_cell(const struct drawing *drawing, int row, size_t column,
                     const struct top_cell *cell) {
    const struct top_column *it = &drawing->source->table.columns[column];
    int start = drawing->layout.starts[column], room = drawing->screen->columns - start;
    int width = drawing->layout.widths[column] < room ? drawing->layout.widths[column] : room;
    start += cell->indent;
    width -= cell->indent;
    if (width <= 0)
        return;
    const char *text = it->cuts_start ? text_clip_start(drawing->arena, cell->text, width)
                                      : top_cell_fit(drawing->arena, cell, width);
    if (it->is_number)
        start += width - text_width(text);
    screen_put(drawing->screen, row, start, cell->style, text, width);
}

static void draw_heading(const struct drawing *drawing, int row) {
    const struct top_table *table = &drawing->source->table;
    if (drawing->order->is_reversed && !drawing->order->sort)
        screen_put(drawing->screen, row, 0, SCREEN_BOLD, "^", 1);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct top_cell title = {.text = make_title(drawing, i), .style = SCREEN_BOLD};
        if (drawing->layout.shown[i])
            put_cell(drawing, row, i, &title);
    }
}

static void draw_row(const struct drawing *drawing, size_t i) {
    const struct top_cell *cells = &drawing->cells[i * TOP_COLUMNS_MAX];
    int row = drawing->window->row + (int)i;
    for (size_t j = 0; j < drawing->source->table.column_count; j++)
        if (drawing->layout.shown[j])
            put_cell(drawing, row, j, &cells[j]);
    if (drawing->window->first + i == drawing->window->selected) {
        screen_put(drawing->screen, row, 0, SCREEN_BOLD, ">", 1);
        screen_reverse(drawing->screen, row);
    }
}

static const char *escape(const struct drawing *drawing, const char *text) {
    if (!text)
        return NULL;
    return drawing->source->ascii ? text_escape_ascii(drawing->arena, text)
                                  : text_escape(drawing->arena, text);
}

static void read_cells(struct drawing *drawing, const struct top_list *list) {
    const struct top_source *source = drawing->source;
    for (size_t i = 0; i < drawing->count; i++) {
        struct top_cell *cells = &drawing->cells[i * TOP_COLUMNS_MAX];
        source->get_row(&source->table, list->items[drawing->window->first + i], cells);
        for (size_t j = 0; j < source->table.column_count; j++) {
            cells[j].before = escape(drawing, cells[j].before);
            cells[j].text = escape(drawing, cells[j].text ? cells[j].text : "");
            cells[j].place = escape(drawing, cells[j].place);
            cells[j].rest = escape(drawing, cells[j].rest);
        }
    }
}

static void get_spans(const struct drawing *drawing, struct top_span ret[TOP_COLUMNS_MAX]) {
    const struct layout *layout = &drawing->layout;
    int width = drawing->screen->columns;
    for (size_t i = 0; i < TOP_COLUMNS_MAX; i++) {
        int end = layout->starts[i] + layout->widths[i];
        ret[i] = layout->shown[i] && layout->starts[i] < width
                     ? (struct top_span){layout->starts[i], end < width ? end : width}
                     : (struct top_span){0, 0};
    }
}

void top_rows_draw(const struct top_source *source, const struct top_list *list,
                   const struct top_order *order, const struct top_window *window,
                   struct screen *screen, struct arena *arena,
                   struct top_span ret_spans[TOP_COLUMNS_MAX]) {
    size_t room = window->rows > 0 ? (size_t)window->rows : 0;
    size_t left = window->first < list->count ? list->count - window->first : 0;
    struct drawing drawing = {.source = source,
                              .order = order,
                              .window = window,
                              .screen = screen,
                              .arena = arena,
                              .count = left < room ? left : room};
    drawing.cells =
        arena_alloc_array(arena, drawing.count * TOP_COLUMNS_MAX, sizeof *drawing.cells);
    read_cells(&drawing, list);
    choose_columns(&drawing);
    if (window->has_heading)
        draw_heading(&drawing, window->row - 1);
    for (size_t i = 0; i < drawing.count; i++)
        draw_row(&drawing, i);
    get_spans(&drawing, ret_spans);
}
