#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"
#include "asyncspy/base/text.h"
#include "asyncspy/snapshot/snapshot.h"

#define FAMILIES_MAX 4096 /* different names; more would not be shown anyway */
#define NUMBER_MAX 18     /* digits of a number at the end of a name */
#define NAME_MAX_COLUMNS 40

/* Names that differ only in a number at their end. */
struct family {
    const char *prefix;
    size_t prefix_length;
    const char *first, *last; /* those of the least and the greatest number */
    long long least, greatest;
    size_t count;
};

struct names {
    struct page *page;
    struct table *table; /* from the prefix to the family */
    struct family **families;
    size_t count, capacity;
    size_t unlisted; /* names without a family */
    size_t unnamed;
};

struct names *names_create(struct page *page) {
    struct names *names = arena_alloc(page->scratch, sizeof *names);
    *names = (struct names){.page = page, .table = table_create()};
    return names;
}

/* The length of a name without the number at its end; that is -1 where it has none. */
static size_t split(const char *name, long long *ret_number) {
    size_t length = strlen(name), start = length;
    while (start && name[start - 1] >= '0' && name[start - 1] <= '9')
        start--;
    *ret_number = -1;
    if (start == length || length - start > NUMBER_MAX)
        return length;
    *ret_number = strtoll(name + start, NULL, 10);
    return start;
}

void names_add(struct names *names, const char *name) {
    long long number;
    if (!name) {
        names->unnamed++;
        return;
    }
    size_t length = split(name, &number);
    /* "Task-1" and "Task-" are of different families: the byte behind the prefix tells. */
    size_t key_length = number < 0 ? length + 1 : length;
    struct family *family = table_find(names->table, name, key_length);
    if (!family && names->count == FAMILIES_MAX) {
        names->unlisted++;
        return;
    }
    if (!family) {
        family = arena_alloc(names->page->scratch, sizeof *family);
        *family = (struct family){.prefix = name,
                                  .prefix_length = length,
                                  .first = name,
                                  .last = name,
                                  .least = number,
                                  .greatest = number};
        table_add(names->table, name, key_length, family);
        names->families = snapshot_vector_grow(names->page->scratch, names->families, &names->count,
                                               &names->capacity, sizeof *names->families);
        names->families[names->count - 1] = family;
    }
    family->count++;
    if (number < family->least) {
        family->least = number;
        family->first = name;
    }
    if (number > family->greatest) {
        family->greatest = number;
        family->last = name;
    }
}

static int compare_families(const void *a, const void *b) {
    const struct family *first = *(struct family *const *)a, *second = *(struct family *const *)b;
    if (first->count != second->count)
        return first->count > second->count ? -1 : 1;
    return strcmp(first->first, second->first);
}

static const char *shorten(struct page *page, const char *name) {
    if (!*name)
        return "''";
    return text_clip(page->scratch, page_escape(page, name), NAME_MAX_COLUMNS);
}

static const char *describe_family(struct page *page, const struct family *family) {
    const char *first = shorten(page, family->first);
    if (family->count == 1)
        return first;
    if (family->least == family->greatest)
        return arena_format(page->scratch, "%s x %s", first, page_count(page, family->count));
    return arena_format(page->scratch, "%s%s%s", first, family->count == 2 ? ", " : " .. ",
                        shorten(page, family->last));
}

static const char *describe_rest(struct page *page, size_t count) {
    return count ? arena_format(page->scratch, ", +%s more", page_count(page, count)) : "";
}

static size_t count_all(const struct names *names) {
    size_t count = names->unlisted + names->unnamed;
    for (size_t i = 0; i < names->count; i++)
        count += names->families[i]->count;
    return count;
}

/* The first name, where not even its family has room. */
static const char *describe_first(struct names *names, size_t all, int columns) {
    struct page *page = names->page;
    const char *rest = describe_rest(page, all - 1);
    const char *first = shorten(page, names->families[0]->first);
    return arena_format(page->scratch, "%s%s",
                        text_clip(page->scratch, first, columns - text_width(rest)), rest);
}

/* As many families as there is room for, with how many names are left. */
static const char *describe(struct names *names, int columns) {
    struct page *page = names->page;
    size_t all = count_all(names), left = all;
    const char *text = "", *best = NULL;
    if (!names->count)
        return "unnamed";
    for (size_t i = 0; i < names->count && text_width(text) <= columns; i++) {
        text = arena_format(page->scratch, "%s%s%s", text, i ? ", " : "",
                            describe_family(page, names->families[i]));
        left -= names->families[i]->count;
        const char *whole = arena_format(page->scratch, "%s%s", text, describe_rest(page, left));
        best = text_width(whole) <= columns ? whole : best;
    }
    return best ? best : describe_first(names, all, columns);
}

const char *names_describe(struct names *names, int columns) {
    if (names->count)
        qsort(names->families, names->count, sizeof *names->families, compare_families);
    const char *text = describe(names, columns);
    table_destroy(names->table);
    return text;
}

void names_print(struct names *names, int columns) {
    struct page *page = names->page;
    int room = page->width - page->column;
    columns = columns < room ? columns : room;
    page_put_head(page, names_describe(names, columns), columns);
}
