#include "report_tally.h"

#include <stdint.h>

#include "frames.h"

#define ROWS_MAX 3

size_t report_get_most(const struct report *report) {
    return report->options->verbose ? SIZE_MAX : ROWS_MAX;
}

void report_more(struct report *report, const char *label, size_t count, size_t tasks,
                 bool of_one) {
    struct page *page = &report->page;
    const char *text = arena_format(page->scratch, "... %s more", page_count(page, count));
    if (!of_one)
        text = arena_format(page->scratch, "%s (%s tasks)", text, page_count(page, tasks));
    stack_print_fact(page, label, text, NULL, 1);
}

void report_tally(struct report *report, const char *label, struct tally *tally, bool of_one) {
    size_t rest = 0, most = report_get_most(report);
    tally_sort(tally);
    for (size_t i = 0; i < tally->count; i++) {
        if (i < most)
            stack_print_fact(&report->page, label, tally->items[i]->key, NULL,
                             tally->items[i]->count);
        else
            rest += tally->items[i]->count;
    }
    if (rest)
        report_more(report, label, tally->count - most, rest, of_one);
}
