/* What is known about a row: the report's own words, on a page of memory, cut into lines. */
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "report_details.h"
#include "top_rows.h"

#define LINES_MAX 4000

/* A page that the parts of the report may write to: they forget its scratch arena while what the
 * screen shows must stay. */
struct sheet {
    struct report report;
    struct text_options options;
    char *text;
    size_t size;
};

static void open_sheet(struct sheet *sheet, const struct top_words *words, int columns) {
    int width = columns < TEXT_WIDTH_LEAST ? TEXT_WIDTH_LEAST : columns;
    *sheet = (struct sheet){.report = words->report, .options = words->options};
    sheet->options.width = width;
    sheet->options.verbose = true;
    sheet->report.options = &sheet->options;
    /* Colours tell which style each line has. */
    sheet->report.page = (struct page){.width = width, .ascii = words->input->ascii, .color = true};
    sheet->report.page.scratch = arena_create();
    sheet->report.page.out = open_memstream(&sheet->text, &sheet->size);
    if (!sheet->report.page.out)
        memory_exhausted();
}

static size_t count_lines(const char *text) {
    size_t count = 0;
    for (; (text = strchr(text, '\n')); text++)
        count++;
    return count;
}

static enum screen_style get_style(enum page_style style) {
    switch (style) {
    case PAGE_BOLD:
        return SCREEN_BOLD;
    case PAGE_GOOD:
        return SCREEN_GOOD;
    case PAGE_WARNING:
        return SCREEN_WARNING;
    case PAGE_ALARM:
        return SCREEN_ALARM;
    case PAGE_PLAIN:
    case PAGE_DIM: /* the label of a fact that is not */
    default:
        return SCREEN_PLAIN;
    }
}

/* A line without the marks of styles; its style is that of what it begins with. */
static const char *read_line(struct arena *arena, const char *text, size_t length,
                             enum screen_style *ret_style) {
    char *line = arena_alloc(arena, length + 1), *next = line;
    const char *end = text + length;
    enum page_style style = PAGE_PLAIN, first = PAGE_PLAIN;
    bool begins = true;
    while (text < end) {
        if (page_read_style(&text, &style))
            continue;
        if (begins && *text != ' ') {
            first = style;
            begins = false;
        }
        *next++ = *text++;
    }
    *next = '\0';
    *ret_style = get_style(first);
    return line;
}

static struct top_lines split(struct arena *arena, const char *text, int columns) {
    size_t all = count_lines(text), most = all > LINES_MAX ? LINES_MAX : all;
    struct top_lines lines = {.items = arena_alloc_array(arena, most + 1, sizeof *lines.items)};
    lines.styles = arena_alloc_array(arena, most + 1, sizeof *lines.styles);
    for (; lines.count < most; lines.count++) {
        const char *end = strchr(text, '\n');
        const char *line = read_line(arena, text, (size_t)(end - text), &lines.styles[lines.count]);
        lines.items[lines.count] = text_clip(arena, line, columns);
        text = end + 1;
    }
    if (all > most)
        lines.items[lines.count++] =
            text_clip(arena, arena_format(arena, "... %zu more lines", all - most), columns);
    return lines;
}

/* Ends the page; its lines live in the arena of the words. */
static struct top_lines close_sheet(struct sheet *sheet, const struct top_words *words,
                                    int columns) {
    if (fclose(sheet->report.page.out) != 0)
        memory_exhausted();
    struct top_lines lines = split(words->report.page.scratch, sheet->text, columns);
    free(sheet->text);
    arena_destroy(sheet->report.page.scratch);
    return lines;
}

struct top_lines top_details(const struct top_table *table, size_t row, int columns) {
    const struct top_rows *rows = top_rows_find(table->tab);
    struct sheet sheet;
    if (!rows || row >= table->row_count)
        return (struct top_lines){0};
    open_sheet(&sheet, table->words, columns);
    rows->print_details(table, row, &sheet.report);
    return close_sheet(&sheet, table->words, columns);
}

struct top_lines top_finding_details(struct top_words *words, size_t index, int columns) {
    struct sheet sheet;
    const struct snapshot *snapshot = words->report.snapshot;
    if (!snapshot || index >= snapshot->findings.count)
        return (struct top_lines){0};
    open_sheet(&sheet, words, columns);
    report_finding_details(&sheet.report, &snapshot->findings.items[index]);
    return close_sheet(&sheet, words, columns);
}
