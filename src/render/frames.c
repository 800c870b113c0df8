#include "frames.h"

#include <string.h>

#include "asyncspy/base/text.h"
#include "shorten.h"

#define MARK "  > "
#define INDENT 4          /* of frames behind the margin: the mark */
#define NAME_COLUMNS 24   /* of the function, where no longer one is in the stack */
#define FACT_COLUMNS 12   /* "created by  " */
#define CALLERS_COLUMNS 6 /* " < ..." */
#define ROWS_MAX 48       /* of a stack; then its middle is left out */
#define ROWS_HEAD 32
#define ROWS_TAIL 12

const char *frame_get_place(struct page *page, const struct snapshot_frame *frame, bool whole) {
    const char *file = whole && frame->file ? frame->file : frame_get_known_file(frame);
    if (!frame->file)
        return "(no file)";
    if (frame->native)
        return page_escape(page, file);
    if (frame->line < 0)
        return page_escape(page, arena_format(page->scratch, "%s:?", file));
    return page_escape(page, arena_format(page->scratch, "%s:%d", file, (int)frame->line));
}

/* Where frames and facts start. */
static void start_line(struct page *page) {
    page->column = page->margin + INDENT;
}

/* A line of a printed stack: a frame, or library frames that are folded. */
struct row {
    const struct snapshot_frame *frame; /* of a fold: its outermost */
    size_t folded;                      /* 0: a frame of its own */
    size_t repeats;                     /* how often the frame follows on itself */
    bool user;
};

/* Makes a row one of folded frames, with one more. */
static void fold(struct row *row, const struct snapshot_frame *outermost) {
    row->folded += row->folded ? 1 : 2;
    row->frame = outermost;
}

/* The rows of a stack: each frame of the user, the innermost frame unless the wait tells of it, and
 * of the libraries' frames in between one row for each run. `rows` has room for every frame. */
static size_t make_rows(const struct snapshot_stack *stack, struct stack_style style,
                        struct row *rows) {
    size_t count = 0;
    bool whole = style.whole;
    for (size_t i = 0; i < stack->count; i++) {
        bool user = frame_get_origin(stack->frames[i]) == FRAME_USER;
        struct row *last = count ? &rows[count - 1] : NULL;
        if (!whole && last && !last->folded && last->frame == stack->frames[i])
            last->repeats++;
        else if (whole || user || !last || (count == 1 && !style.wait_known) || last->user ||
                 last->repeats)
            rows[count++] = (struct row){.frame = stack->frames[i], .user = user};
        else
            fold(last, stack->frames[i]);
    }
    return count;
}

static int measure_name(struct page *page, const struct row *row) {
    return row->folded ? 0 : text_width(page_escape(page, frame_get_name(row->frame)));
}

/* The columns that functions get, so that places stand below each other. */
static int measure_names(struct page *page, const struct row *rows, size_t count) {
    int columns = NAME_COLUMNS, most = page->width * 2 / 5;
    for (size_t i = 0; i < count; i++) {
        int width = measure_name(page, &rows[i]);
        columns = width > columns ? width : columns;
    }
    return columns < most ? columns : most;
}

static void print_frame(struct page *page, const struct snapshot_frame *frame, bool marked,
                        int name_columns, bool whole) {
    page->column = page->margin;
    page_put_styled(page, PAGE_BOLD, marked ? MARK : "");
    start_line(page);
    page_put_head(page, frame_get_name(frame), name_columns);
    page_move(page, page->margin + INDENT + name_columns + 2);
    const char *place = frame_get_place(page, frame, whole);
    int room = page->width - page->column;
    if (frame->source && *frame->source) {
        page_put_tail(page, place, room / 2);
        page_move(page, page->column);
        page_put_styled(page, PAGE_DIM, frame->source);
    } else {
        page_put_tail(page, place, room);
    }
    page_end_line(page);
}

static void print_fold(struct page *page, const struct row *row) {
    start_line(page);
    page_put_styled(page, PAGE_DIM,
                    arena_format(page->scratch, "... %zu library frames up to %s (-v)", row->folded,
                                 frame_get_name(row->frame)));
    page_end_line(page);
}

static void print_left_out(struct page *page, size_t count, const char *what) {
    start_line(page);
    page_put_styled(page, PAGE_DIM,
                    arena_format(page->scratch, "... %s %s (-v)", page_count(page, count), what));
    page_end_line(page);
}

void stack_print(struct page *page, const struct snapshot_stack *stack, struct stack_style style) {
    struct row *rows = arena_alloc_array(page->scratch, stack->count, sizeof *rows);
    size_t count = make_rows(stack, style, rows);
    int name_columns = measure_names(page, rows, count);
    bool whole = style.whole, mark = !style.unmarked;
    for (size_t i = 0; i < count; i++) {
        if (!whole && count > ROWS_MAX && i == ROWS_HEAD) {
            i = count - ROWS_TAIL;
            print_left_out(page, i - ROWS_HEAD, "more lines");
        }
        if (rows[i].folded)
            print_fold(page, &rows[i]);
        else
            print_frame(page, rows[i].frame, mark && rows[i].user, name_columns, whole);
        if (rows[i].repeats)
            print_left_out(page, rows[i].repeats, "more of the same frame");
        mark = mark && !rows[i].user;
    }
}

/* The innermost frame of that origin; `stack->count` when there is none. */
static size_t find_origin(const struct snapshot_stack *stack, enum frame_origin origin) {
    size_t i = 0;
    while (i < stack->count && frame_get_origin(stack->frames[i]) != origin)
        i++;
    return i;
}

/* The place of the user's own frame; 0 where no frame is better than another. */
static size_t find_own(const struct snapshot_stack *stack) {
    size_t own = find_origin(stack, FRAME_USER);
    if (own == stack->count)
        own = find_origin(stack, FRAME_PACKAGE);
    return own == stack->count ? 0 : own;
}

/* " < caller < its caller", while there is room. */
static void put_callers(struct page *page, const struct snapshot_stack *stack, size_t own) {
    const char *last = frame_get_name(stack->frames[own]);
    for (size_t i = own + 1; i < stack->count; i++) {
        const char *name = frame_get_name(stack->frames[i]);
        if (frame_get_origin(stack->frames[i]) != FRAME_USER || strcmp(name, last) == 0)
            continue;
        const char *text = arena_format(page->scratch, " < %s", page_escape(page, name));
        last = name;
        if (page->column + text_width(text) + (int)strlen(" < ...") > page->width) {
            page_put_styled(page, PAGE_DIM, " < ...");
            return;
        }
        page_put_styled(page, PAGE_DIM, text);
    }
}

static void print_brief(struct page *page, const struct snapshot_frame *frame, const char *mark,
                        const struct snapshot_stack *callers, size_t own) {
    page->column = page->margin;
    page_put_styled(page, PAGE_BOLD, mark);
    start_line(page);
    page_put_head(page, frame_get_name(frame), page->width * 2 / 5);
    page_move(page, page->margin + INDENT + NAME_COLUMNS + 2);
    int room = page->width - page->column - (callers ? CALLERS_COLUMNS : 0);
    page_put_tail(page, shorten_text(page, frame_get_place(page, frame, false), room, 1), room);
    if (callers)
        put_callers(page, callers, own);
    page_end_line(page);
}

void stack_print_brief(struct page *page, const struct snapshot_stack *stack,
                       struct stack_style style) {
    if (!stack->count)
        return;
    size_t own = find_own(stack), inner = style.wait_known ? find_origin(stack, FRAME_PACKAGE) : 0;
    if (inner < own)
        print_brief(page, stack->frames[inner], "", NULL, 0);
    print_brief(page, stack->frames[own], style.unmarked ? "" : MARK, stack, own);
}

void stack_start_fact(struct page *page, const char *label) {
    start_line(page);
    page_put_styled(page, PAGE_DIM, label);
    page_move(page, page->margin + INDENT + FACT_COLUMNS);
}

void stack_print_fact(struct page *page, const char *label, const char *name, const char *place,
                      size_t count) {
    const char *times =
        count > 1 ? arena_format(page->scratch, "  x %s", page_count(page, count)) : "";
    stack_start_fact(page, label);
    int room = page->width - page->column - text_width(times);
    if (place) {
        page_put_head(page, name, room * 2 / 5);
        page_move(page, page->margin + INDENT + NAME_COLUMNS + 2);
        page_put_tail(page, place, page->width - page->column - text_width(times));
    } else {
        page_put_head(page, name, room);
    }
    page_put(page, times);
    page_end_line(page);
}
