/* The last row of the screen. */
#include <string.h>

#include "asyncspy/base/text.h"
#include "top_view.h"

#define FROZEN "FROZEN"
#define FROZEN_FROM 20 /* columns: below, nothing else is shown beside it */
#define FILTER_PART 3  /* of the row that it may have beside a notice */

/* A key. Where room is short it stands in brief, those of the highest `wordy` first, and those of
 * the highest rank go first. */
struct piece {
    const char *text, *brief;
    int wordy, rank;
};

#define PIECES_MAX 9
#define TAB_KEY "Tab "
#define BACK_KEY "Esc back"

struct bar {
    struct screen *screen;
    struct arena *arena;
    int row, next, end; /* columns */
};

static void put(struct bar *bar, enum screen_style style, const char *text) {
    text = text_clip(bar->arena, text, bar->end - bar->next);
    bar->next += screen_put(bar->screen, bar->row, bar->next, style, text, bar->end - bar->next);
}

struct choice {
    bool shown, brief;
};

static const char *get_text(const struct piece *piece, struct choice choice) {
    return choice.brief ? piece->brief : piece->text;
}

static int measure(const struct piece *pieces, const struct choice *choices, int gap) {
    int columns = 0;
    for (size_t i = 0; i < PIECES_MAX; i++)
        if (choices[i].shown)
            columns += text_width(get_text(&pieces[i], choices[i])) + gap;
    return columns - gap;
}

/* Those of the lowest rank first, as many as there is room for. */
static void choose(const struct piece *pieces, struct choice *choices, int room) {
    for (int rank = 0; rank < PIECES_MAX; rank++)
        for (size_t i = 0; i < PIECES_MAX; i++) {
            if (!pieces[i].text || pieces[i].rank != rank)
                continue;
            choices[i].shown = true;
            choices[i].shown = measure(pieces, choices, 1) <= room;
        }
}

/* Has as many of them in full as there is room for. */
static void tell_more(const struct piece *pieces, struct choice *choices, int room) {
    for (int wordy = 0; wordy <= PIECES_MAX; wordy++)
        for (size_t i = 0; i < PIECES_MAX; i++) {
            if (!choices[i].shown || pieces[i].wordy != wordy)
                continue;
            choices[i].brief = false;
            choices[i].brief = measure(pieces, choices, 1) > room;
        }
}

/* As many pieces as there is room for, closer together where that helps. Returns how the first one
 * stands there. */
static struct choice put_pieces(struct bar *bar, const struct piece *pieces) {
    struct choice choices[PIECES_MAX];
    for (size_t i = 0; i < PIECES_MAX; i++)
        choices[i] = (struct choice){.shown = false, .brief = true};
    int room = bar->end - bar->next;
    choose(pieces, choices, room);
    tell_more(pieces, choices, room);
    const char *gap = measure(pieces, choices, 2) > room ? " " : "  ", *between = "";
    for (size_t i = 0; i < PIECES_MAX; i++) {
        if (!choices[i].shown)
            continue;
        put(bar, SCREEN_PLAIN, between);
        put(bar, SCREEN_PLAIN, get_text(&pieces[i], choices[i]));
        between = gap;
    }
    return choices[0];
}

static const char *const tab_names[TOP_TAB_COUNT] = {
    [TOP_TAB_GROUPS] = "groups",   [TOP_TAB_TASKS] = "tasks",     [TOP_TAB_OBJECTS] = "locks",
    [TOP_TAB_SOCKETS] = "sockets", [TOP_TAB_THREADS] = "threads",
};

/* "groups|[tasks]|locks|sockets|threads". */
static const char *make_tabs(struct arena *arena, enum top_tab tab) {
    const char *text = "";
    for (size_t i = 0; i < TOP_TAB_COUNT; i++)
        text =
            arena_format(arena, i == tab ? "%s%s[%s]" : "%s%s%s", text, i ? "|" : "", tab_names[i]);
    return text;
}

/* Where the names are that `make_tabs` has put from a column on. */
static void find_tabs(struct top_scene *scene, int column) {
    for (size_t i = 0; i < TOP_TAB_COUNT; i++) {
        int columns = (int)strlen(tab_names[i]) + (i == scene->tab ? 2 : 0);
        scene->tabs[i] = (struct top_span){column, column + columns};
        column += columns + 1;
    }
}

static void put_process_keys(struct bar *bar, const struct top_view *view,
                             const struct top_input *input, struct top_scene *scene) {
    const char *tabs = make_tabs(bar->arena, scene->tab);
    const struct piece pieces[PIECES_MAX] = {
        {arena_format(bar->arena, TAB_KEY "%s", tabs), tabs, 8, 2},
        {"s sort", "s", 0, 5},
        {"/ filter", "/", 3, 4},
        {"Enter details", "Enter", 7, 8},
        {view->is_frozen ? "f go on" : "f freeze", "f", 1, 6},
        {"d dump", "d", 2, 7},
        {*view->tabs[scene->tab].filter ? "Esc all rows"
         : input->can_go_back           ? "Esc processes"
                                        : NULL,
         "Esc", 4, 3},
        {"? help", "?", 5, 1},
        {"q quit", "q", 6, 0},
    };
    int start = bar->next;
    struct choice first = put_pieces(bar, pieces);
    if (first.shown)
        find_tabs(scene, start + (first.brief ? 0 : (int)strlen(TAB_KEY)));
}

static void put_list_keys(struct bar *bar, const struct top_view *view) {
    const struct piece pieces[PIECES_MAX] = {
        {"Enter look into it", "Enter", 5, 2},
        {"s sort", "s", 0, 4},
        {"/ filter", "/", 2, 3},
        {view->is_frozen ? "f go on" : "f freeze", "f", 1, 5},
        {"? help", "?", 3, 1},
        {"q quit", "q", 4, 0},
    };
    put_pieces(bar, pieces);
}

static const char *describe_lines(const struct bar *bar, const struct top_scene *scene) {
    size_t rows = (size_t)scene->line_rows, count = scene->lines.count;
    size_t last = count - scene->scroll < rows ? count : scene->scroll + rows;
    return arena_format(bar->arena, "lines %zu-%zu of %zu", scene->scroll + 1, last, count);
}

static void put_line_keys(struct bar *bar, const struct top_scene *scene) {
    const char *lines = describe_lines(bar, scene);
    const struct piece pieces[PIECES_MAX] = {
        {BACK_KEY, BACK_KEY, 0, 0},
        {"up/down/PgUp/PgDn scroll", "up/down scroll", 1, 2},
        {lines, lines, 0, 1},
    };
    put_pieces(bar, pieces);
}

static const char *escape(const struct bar *bar, const struct top_input *input, const char *text) {
    return input->ascii ? text_escape_ascii(bar->arena, text) : text_escape(bar->arena, text);
}

/* The filter, with the end of it in view while it is typed; a notice is left most of the row. */
static void put_filter(struct bar *bar, const struct top_view *view, const struct top_input *input,
                       const char *filter) {
    const char *text = arena_format(bar->arena, "/%s", escape(bar, input, filter));
    if (view->is_typing)
        text = arena_format(bar->arena, "%s_", text);
    int room = bar->end - bar->next;
    if (input->notice && !view->is_typing)
        room /= FILTER_PART;
    put(bar, SCREEN_BOLD, text_clip_start(bar->arena, text, room));
    put(bar, SCREEN_PLAIN, "  ");
}

/* What just happened; that one can go back, and where there is room how far one is, stay. */
static void put_notice(struct bar *bar, const struct top_input *input,
                       const struct top_scene *scene) {
    bool is_table = scene->mode == TOP_MODE_TABLE;
    if (!is_table)
        put(bar, SCREEN_PLAIN, BACK_KEY "  ");
    put(bar, input->is_notice_alarm ? SCREEN_ALARM : SCREEN_BOLD,
        escape(bar, input, input->notice));
    const char *lines =
        is_table ? "" : arena_format(bar->arena, "  %s", describe_lines(bar, scene));
    if (text_width(lines) <= bar->end - bar->next)
        put(bar, SCREEN_PLAIN, lines);
}

/* At the right edge; a screen that is too narrow for more shows nothing else. */
static void put_frozen(struct bar *bar) {
    int width = (int)strlen(FROZEN);
    if (bar->end < FROZEN_FROM) {
        put(bar, SCREEN_WARNING, FROZEN);
        bar->next = bar->end;
        return;
    }
    bar->end -= width;
    screen_put(bar->screen, bar->row, bar->end, SCREEN_WARNING, FROZEN, width);
    bar->end -= 2;
}

void top_bar_draw(const struct top_view *view, const struct top_input *input,
                  struct top_scene *scene, struct screen *screen, struct arena *arena) {
    struct bar bar = {
        .screen = screen, .arena = arena, .row = screen->rows - 1, .end = screen->columns};
    bool is_table = scene->mode == TOP_MODE_TABLE;
    const char *filter = view->tabs[scene->tab].filter;
    if (view->is_frozen)
        put_frozen(&bar);
    if (is_table && (view->is_typing || *filter))
        put_filter(&bar, view, input, filter);
    if (is_table && view->is_typing)
        put(&bar, SCREEN_DIM, "Enter keep  Esc drop");
    else if (input->notice)
        put_notice(&bar, input, scene);
    else if (is_table && scene->tab == TOP_TAB_PROCESSES)
        put_list_keys(&bar, view);
    else if (is_table)
        put_process_keys(&bar, view, input, scene);
    else
        put_line_keys(&bar, scene);
}
