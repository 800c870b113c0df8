/*
 * The page that text is written on, from left to right and line by line: escapes everything, cuts
 * what would leave the line, and never ends a line in spaces. Private to render.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "asyncspy/base/arena.h"

enum page_style { PAGE_PLAIN, PAGE_BOLD, PAGE_DIM, PAGE_GOOD, PAGE_WARNING, PAGE_ALARM };

struct page {
    FILE *out;
    int width;
    bool color, ascii;
    int margin;            /* where the lines of the block in hand start */
    int column;            /* of the next character */
    int written;           /* columns that are on the page; up to `column` spaces are owed */
    struct arena *scratch; /* forgotten at the end of each block */
};

/* Escaped text as it will stand on the page; what is measured must come from here. */
const char *page_escape(struct page *page, const char *text);

/* Text, cut at the edge or after `columns`. `page_put_tail` cuts the start of it. */
void page_put(struct page *page, const char *text);
void page_put_styled(struct page *page, enum page_style style, const char *text);
void page_put_head(struct page *page, const char *text, int columns);
void page_put_head_styled(struct page *page, enum page_style style, const char *text, int columns);
void page_put_tail(struct page *page, const char *text, int columns);
void page_format(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of what is on a page with colours: moves `text` behind the mark of a style that it starts with;
 * false: it starts with none. Behind styled text PAGE_PLAIN follows. */
bool page_read_style(const char **text, enum page_style *ret);

/* A number with thousands separated, right-aligned in `columns`. */
void page_put_count(struct page *page, size_t count, int columns);

/* Goes to a column, or further, so that two are free behind the text. */
void page_move(struct page *page, int column);

/* Puts text at the right edge, two columns from what stands before it; false: no room for it. */
bool page_put_right(struct page *page, const char *text);

/* Breaks escaped text into lines of at most `columns`, at spaces where there are any, and puts them
 * into `ret` (NULL: only counts them). The last of `most` lines is cut where more would follow. */
size_t page_wrap(struct page *page, const char *text, int columns, size_t most, const char **ret);

/* Puts text that may take several lines, at most `most`; all of them start at the column in hand.
 * Ends the last line. */
void page_put_lines(struct page *page, const char *text, size_t most);
void page_put_lines_styled(struct page *page, enum page_style style, const char *text, size_t most);

void page_end_line(struct page *page);

/* "10,001" in the scratch arena. */
const char *page_count(struct page *page, size_t count);
