/* What was found, worst first: each finding in a few lines that are enough to act. */
#include <string.h>

#include "asyncspy/base/text.h"
#include "label.h"
#include "report_who.h"
#include "shorten.h"

#define MARK_COLUMNS 3
#define LABEL_COLUMN MARK_COLUMNS
#define VALUE_COLUMN (LABEL_COLUMN + 7) /* "proof  " */
#define LINES_FIRST 7                   /* of the gravest finding */
#define LINES_OTHER 3
#define LINES_SHORT 2
#define HEADING_MAX 2 /* lines of a summary */
#define WHOLE_MAX 3   /* findings that get more than a place */
#define SHORT_MAX 8
#define WHO_LINES_VERBOSE 8

/* A line of a finding, or several where its text is long. */
struct row {
    const char *label;
    const char *text; /* escaped */
    size_t rank;      /* the lower, the sooner it gets a line */
    size_t needed;
    size_t lines;
    const char **wrapped; /* so many */
};

struct rows {
    struct report *report;
    struct row *items;
    size_t count;
    size_t dropped; /* rows without a line */
};

static void add_row(struct rows *rows, const char *label, const char *text, size_t rank) {
    struct page *page = &rows->report->page;
    if (!text || !*text)
        return;
    text = page_escape(page, text);
    rows->items[rows->count++] = (struct row){
        .label = label,
        .text = text,
        .rank = rank,
        .needed = page_wrap(page, text, page->width - VALUE_COLUMN, SIZE_MAX, NULL),
    };
}

/* The row of the least rank that has fewer than `most` lines and needs more; NULL: none. */
static struct row *find_needy(struct rows *rows, size_t most) {
    struct row *found = NULL;
    for (size_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->items[i];
        if (row->lines < row->needed && row->lines < most && (!found || row->rank < found->rank))
            found = row;
    }
    return found;
}

/* Gives lines to the rows: each its first one before any gets a second one. */
static void share_lines(struct rows *rows, size_t budget) {
    for (size_t most = 1; budget && most <= budget + 1; most++)
        for (struct row *row; budget && (row = find_needy(rows, most)); budget--)
            row->lines++;
    for (size_t i = 0; i < rows->count; i++)
        rows->dropped += rows->items[i].lines == 0;
}

static void give_all_lines(struct rows *rows) {
    for (size_t i = 0; i < rows->count; i++)
        rows->items[i].lines = rows->items[i].needed;
}

/* Of the gravest finding what to do, the first proof, who, where and the first cost stand before
 * any further proof; of one that gets a line or two only, where it is tells more than what to do.
 */
static struct rows make_rows(struct report *report, const struct snapshot_finding *finding,
                             bool gravest) {
    struct page *page = &report->page;
    struct rows rows = {.report = report};
    int columns = page->width - VALUE_COLUMN;
    rows.items = arena_alloc_array(page->scratch, finding->proof_count + finding->cost_count + 3,
                                   sizeof *rows.items);
    add_row(&rows, "who",
            report_who(report, finding,
                       report->options->verbose ? WHO_LINES_VERBOSE * columns : columns),
            gravest ? 2 : 3);
    add_row(&rows, "where", finding->where, gravest ? 3 : 0);
    for (size_t i = 0; i < finding->proof_count; i++)
        add_row(&rows, i ? "" : "proof", finding->proof[i], i ? 5 + 2 * i - 1 : 1);
    for (size_t i = 0; i < finding->cost_count; i++)
        add_row(&rows, i ? "" : "cost", finding->cost[i], 5 + 2 * i);
    add_row(&rows, "next", finding->next, gravest ? 0 : 4);
    return rows;
}

static void wrap_row(struct page *page, struct row *row) {
    int columns = page->width - VALUE_COLUMN;
    const char *text = shorten_text(page, row->text, columns, row->lines);
    row->wrapped = arena_alloc_array(page->scratch, row->lines, sizeof *row->wrapped);
    row->lines = page_wrap(page, text, columns, row->lines, row->wrapped);
}

/* The last row that has room for the note at its end, rather not the one that says what to do; else
 * the last of the others, which then loses words. */
static const struct row *choose_noted(const struct rows *rows, const char *note) {
    int room = rows->report->page.width - VALUE_COLUMN - text_width(note) - 2;
    const struct row *roomy = NULL, *last = NULL, *next = NULL;
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (!row->lines)
            continue;
        bool has_room = text_width(row->wrapped[row->lines - 1]) <= room;
        if (strcmp(row->label, "next") == 0) {
            next = has_room || !last ? row : NULL;
        } else {
            roomy = has_room ? row : roomy;
            last = row;
        }
    }
    return roomy ? roomy : next ? next : last;
}

static void print_row(struct page *page, const struct row *row, const char *note) {
    int columns = page->width - VALUE_COLUMN;
    for (size_t i = 0; i < row->lines; i++) {
        const char *end = i + 1 == row->lines ? note : "";
        int room = columns - (*end ? text_width(end) + 2 : 0);
        page->column = LABEL_COLUMN;
        page_put_styled(page, PAGE_DIM, i ? "" : row->label);
        page->column = VALUE_COLUMN;
        page_put_head(page, shorten_text(page, row->wrapped[i], room, 1), room);
        if (*end)
            page_put_right(page, end);
        page_end_line(page);
    }
}

static void print_rows(struct rows *rows) {
    struct page *page = &rows->report->page;
    const char *note =
        rows->dropped ? arena_format(page->scratch, "(%zu more: -v)", rows->dropped) : "";
    for (size_t i = 0; i < rows->count; i++)
        wrap_row(page, &rows->items[i]);
    const struct row *noted = rows->count ? choose_noted(rows, note) : NULL;
    for (size_t i = 0; i < rows->count; i++)
        print_row(page, &rows->items[i], &rows->items[i] == noted ? note : "");
}

/* The first line, or at most so many; gives how many. */
static size_t print_heading(struct report *report, const char *mark, enum page_style style,
                            const char *text, const char *tag, size_t most) {
    struct page *page = &report->page;
    int columns = page->width - MARK_COLUMNS - (*tag ? text_width(tag) + 2 : 0);
    text = page_escape(page, text);
    size_t count = page_wrap(page, text, columns, most, NULL);
    const char **lines = arena_alloc_array(page->scratch, count, sizeof *lines);
    page_wrap(page, text, columns, most, lines);
    page_put_styled(page, style, mark);
    for (size_t i = 0; i < count; i++) {
        page->column = MARK_COLUMNS;
        page_put_styled(page, style, lines[i]);
        if (i == 0 && *tag)
            page_put_right(page, tag);
        page_end_line(page);
    }
    return count;
}

void report_finding(struct report *report, const struct snapshot_finding *finding, size_t lines,
                    bool gravest) {
    static const struct {
        const char *mark;
        enum page_style style;
    } looks[SNAPSHOT_CONFIDENCE_COUNT] = {[SNAPSHOT_POSSIBLE] = {" ?", PAGE_BOLD},
                                          [SNAPSHOT_LIKELY] = {" !", PAGE_WARNING},
                                          [SNAPSHOT_CERTAIN] = {"!!", PAGE_ALARM}};
    const char *tag =
        arena_format(report->page.scratch, "[%s]", snapshot_confidence_name(finding->confidence));
    size_t most = lines < HEADING_MAX || report->options->verbose ? lines : HEADING_MAX;
    size_t used = print_heading(
        report, looks[finding->confidence].mark, looks[finding->confidence].style,
        label_finding(report->page.scratch, finding->code, finding->summary), tag, most);
    if (lines > used) {
        struct rows rows = make_rows(report, finding, gravest);
        if (report->options->verbose)
            give_all_lines(&rows);
        else
            share_lines(&rows, lines - used);
        print_rows(&rows);
    }
    arena_reset(report->page.scratch);
}

/* How many lines the next finding gets, after `printed` ones; 0: it is only counted. */
static size_t choose_lines(const struct report *report, const struct snapshot_finding *finding,
                           size_t printed) {
    if (report->options->verbose)
        return SIZE_MAX;
    if (printed >= SHORT_MAX)
        return 0;
    if (finding->confidence == SNAPSHOT_POSSIBLE || printed >= WHOLE_MAX)
        return LINES_SHORT;
    return printed ? LINES_OTHER : LINES_FIRST;
}

/* Those that are only possible, or all others. */
static void print_findings(struct report *report, bool possible, size_t *printed, size_t *left) {
    for (size_t i = 0; i < report->snapshot->findings.count; i++) {
        const struct snapshot_finding *finding = &report->snapshot->findings.items[i];
        if ((finding->confidence == SNAPSHOT_POSSIBLE) != possible)
            continue;
        size_t lines = choose_lines(report, finding, *printed);
        if (lines)
            report_finding(report, finding, lines, *printed == 0);
        *printed += lines > 0;
        *left += lines == 0;
    }
}

static void print_ok(struct report *report) {
    const struct snapshot_verdict *verdict = &report->snapshot->verdict;
    if (!verdict->text || verdict->code != SNAPSHOT_FINDING_OK)
        return;
    print_heading(report, "OK", PAGE_GOOD, label_verdict(report->page.scratch, verdict), "",
                  LINES_FIRST);
    arena_reset(report->page.scratch);
}

void report_verdict(struct report *report) {
    struct page *page = &report->page;
    size_t printed = 0, left = 0;
    if (!report->snapshot->findings.count && !report->snapshot->verdict.text)
        return; /* nobody analysed it */
    if (!report->options->verdict_only)
        page_end_line(page);
    print_findings(report, false, &printed, &left);
    print_ok(report);
    print_findings(report, true, &printed, &left);
    if (left) {
        page->column = MARK_COLUMNS;
        page_put_styled(page, PAGE_DIM,
                        arena_format(page->scratch, "... %zu more findings (-v)", left));
        page_end_line(page);
    }
}
