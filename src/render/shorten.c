#include "shorten.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "asyncspy/base/text.h"

#define TEXT_MAX 4096 /* bytes that are looked at; longer ones lose their end first */
#define DOTS "..."

static bool fits(struct page *page, const char *text, int columns, size_t lines) {
    return page_wrap(page, text, columns, lines + 1, NULL) <= lines;
}

static bool ends_with(const char *text, size_t length, const char *end) {
    size_t size = strlen(end);
    return length > size && memcmp(text + length - size, end, size) == 0;
}

/* A word that says where in a file: "app/main.py:57", with what closes a clause behind it. */
static bool is_place(const char *word, size_t length) {
    while (length && strchr(",;.)", word[length - 1]))
        length--;
    size_t digits = 0;
    while (digits < length && isdigit((unsigned char)word[length - digits - 1]))
        digits++;
    length -= digits;
    return digits && (ends_with(word, length, ".py:") || ends_with(word, length, ".pyx:") ||
                      ends_with(word, length, ">:"));
}

/* A text cut into words and the spaces before them. */
struct word {
    const char *start;
    size_t length, spaces;
};

static size_t split(struct page *page, const char *text, struct word **ret) {
    size_t count = 0;
    struct word *words = arena_alloc_array(page->scratch, strlen(text) / 2 + 1, sizeof *words);
    while (*text) {
        size_t spaces = strspn(text, " "), length = strcspn(text + spaces, " ");
        if (length)
            words[count++] = (struct word){text + spaces, length, spaces};
        text += spaces + length;
    }
    *ret = words;
    return count;
}

/* The words from `first` on, as they stood. */
static const char *join(struct page *page, const struct word *words, size_t first, size_t count) {
    size_t size = 0;
    for (size_t i = first; i < count; i++)
        size += words[i].length + words[i].spaces;
    char *text = arena_alloc(page->scratch, size + 1), *end = text;
    for (size_t i = first; i < count; i++) {
        size_t spaces = i == first ? 0 : words[i].spaces;
        memset(end, ' ', spaces);
        end = mempcpy(end + spaces, words[i].start, words[i].length);
    }
    *end = '\0';
    return text;
}

static void drop_folders(struct word *word) {
    for (size_t i = word->length; i-- > 0;)
        if (word->start[i] == '/') {
            word->start += i + 1;
            word->length -= i + 1;
            return;
        }
}

/* The end of the text that must stay: its last place and, where there is room, the function before
 * it. `count`: there is no place. */
static size_t find_kept(struct page *page, const struct word *words, size_t count, int columns) {
    size_t kept = count;
    for (size_t i = count; i-- > 0 && kept == count;)
        if (is_place(words[i].start, words[i].length))
            kept = i;
    for (size_t i = 0; i < 2 && kept < count && kept > 1; i++) /* "<- query" */
        if (text_width(join(page, words, kept - 1, count)) <= columns * 3 / 5)
            kept--;
    return kept;
}

/* "what there was room for... query  app.py:26" in at most so many columns. */
static const char *cut_before(struct page *page, const char *head, const char *tail, int columns) {
    int room = columns - text_width(tail) - 1;
    if (room < (int)strlen(DOTS))
        return text_clip_start(page->scratch, tail, columns);
    return arena_format(page->scratch, "%s %s", text_clip(page->scratch, head, room), tail);
}

/* Cuts what stands before the kept words, so far as it must; NULL where nothing is to be kept. */
static const char *cut_middle(struct page *page, const struct word *words, size_t count,
                              int columns, size_t lines) {
    size_t kept = find_kept(page, words, count, columns);
    if (kept == count)
        return NULL;
    const char *head = join(page, words, 0, kept), *tail = join(page, words, kept, count);
    for (int all = columns * (int)lines; all >= columns; all--) {
        const char *text = cut_before(page, head, tail, all);
        if (fits(page, text, columns, lines))
            return text;
    }
    return NULL;
}

const char *shorten_text(struct page *page, const char *text, int columns, size_t lines) {
    if (lines > 16 || strnlen(text, TEXT_MAX) == TEXT_MAX || fits(page, text, columns, lines))
        return text;
    struct word *words;
    size_t count = split(page, text, &words);
    for (size_t i = 0; i < count; i++) {
        if (!is_place(words[i].start, words[i].length))
            continue;
        drop_folders(&words[i]);
        const char *shorter = join(page, words, 0, count);
        if (fits(page, shorter, columns, lines))
            return shorter;
    }
    const char *cut = cut_middle(page, words, count, columns, lines);
    return cut ? cut : join(page, words, 0, count);
}
