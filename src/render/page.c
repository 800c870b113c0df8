#include "page.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"

#define GAP 2

static const char *const style_codes[] = {
    [PAGE_PLAIN] = "",          [PAGE_BOLD] = "\033[1m",       [PAGE_DIM] = "\033[2m",
    [PAGE_GOOD] = "\033[1;32m", [PAGE_WARNING] = "\033[1;33m", [PAGE_ALARM] = "\033[1;31m",
};

#define PLAIN_CODE "\033[0m"

bool page_read_style(const char **text, enum page_style *ret) {
    if (**text != '\033')
        return false;
    for (size_t i = PAGE_PLAIN; i < sizeof style_codes / sizeof *style_codes; i++) {
        const char *code = i == PAGE_PLAIN ? PLAIN_CODE : style_codes[i];
        size_t length = strlen(code);
        if (strncmp(*text, code, length) != 0)
            continue;
        *text += length;
        *ret = (enum page_style)i;
        return true;
    }
    return false;
}

const char *page_escape(struct page *page, const char *text) {
    return page->ascii ? text_escape_ascii(page->scratch, text) : text_escape(page->scratch, text);
}

static void put_escaped(struct page *page, enum page_style style, const char *text) {
    bool styled = page->color && style != PAGE_PLAIN;
    size_t length = strlen(text);
    while (length && text[length - 1] == ' ')
        length--;
    if (!length) {
        page->column += (int)strlen(text);
        return;
    }
    for (; page->written < page->column; page->written++)
        fputc(' ', page->out);
    if (styled)
        fputs(style_codes[style], page->out);
    fwrite(text, 1, length, page->out);
    if (styled)
        fputs(PLAIN_CODE, page->out);
    page->column += text_width(text);
    page->written = page->column - (int)strlen(text + length);
}

static int get_room(const struct page *page, int columns) {
    int room = page->width - page->column;
    return columns < room ? columns : room;
}

static void put(struct page *page, enum page_style style, const char *text, int columns) {
    text = page_escape(page, text);
    put_escaped(page, style, text_clip(page->scratch, text, get_room(page, columns)));
}

void page_put(struct page *page, const char *text) {
    put(page, PAGE_PLAIN, text, INT32_MAX);
}

void page_put_styled(struct page *page, enum page_style style, const char *text) {
    put(page, style, text, INT32_MAX);
}

void page_put_head(struct page *page, const char *text, int columns) {
    put(page, PAGE_PLAIN, text, columns);
}

void page_put_head_styled(struct page *page, enum page_style style, const char *text, int columns) {
    put(page, style, text, columns);
}

void page_put_tail(struct page *page, const char *text, int columns) {
    text = page_escape(page, text);
    put_escaped(page, PAGE_PLAIN, text_clip_start(page->scratch, text, get_room(page, columns)));
}

void page_format(struct page *page, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        memory_exhausted();
    page_put(page, text);
    free(text);
}

const char *page_count(struct page *page, size_t count) {
    if (count < 1000)
        return arena_format(page->scratch, "%zu", count);
    return arena_format(page->scratch, "%s,%03zu", page_count(page, count / 1000), count % 1000);
}

void page_put_count(struct page *page, size_t count, int columns) {
    const char *text = page_count(page, count);
    int width = text_width(text);
    page->column += width < columns ? columns - width : 0;
    page_put(page, text);
}

void page_move(struct page *page, int column) {
    page->column = page->column + GAP <= column ? column : page->column + GAP;
}

bool page_put_right(struct page *page, const char *text) {
    text = page_escape(page, text);
    int column = page->width - text_width(text);
    if (column < page->column + (page->column ? GAP : 0))
        return false;
    page->column = column;
    put_escaped(page, PAGE_PLAIN, text);
    return true;
}

/* Bytes of the first line of text without the space behind it; 0 when all of it is one line, or
 * not a character fits. */
static size_t find_break(const char *text, int columns) {
    size_t fitting = text_count_fitting(text, columns), end = fitting;
    if (!text[end])
        return 0;
    while (end && text[end] != ' ')
        end--;
    while (end && text[end - 1] == ' ')
        end--;
    return end ? end : fitting;
}

size_t page_wrap(struct page *page, const char *text, int columns, size_t most, const char **ret) {
    size_t count = 0;
    for (size_t size; count + 1 < most && (size = find_break(text, columns)) > 0;) {
        if (ret)
            ret[count] = arena_copy_string(page->scratch, text, size);
        count++;
        text += size + strspn(text + size, " ");
    }
    if (ret && most)
        ret[count] = text_clip(page->scratch, text, columns);
    return count + (most > 0);
}

void page_put_lines_styled(struct page *page, enum page_style style, const char *text,
                           size_t most) {
    int column = page->column, columns = page->width - column;
    text = page_escape(page, text);
    size_t count = page_wrap(page, text, columns, most, NULL);
    const char **lines = arena_alloc_array(page->scratch, count, sizeof *lines);
    page_wrap(page, text, columns, most, lines);
    for (size_t i = 0; i < count; i++) {
        page->column = column;
        page_put_styled(page, style, lines[i]);
        page_end_line(page);
    }
}

void page_put_lines(struct page *page, const char *text, size_t most) {
    page_put_lines_styled(page, PAGE_PLAIN, text, most);
}

void page_end_line(struct page *page) {
    fputc('\n', page->out);
    page->column = page->written = 0;
}
