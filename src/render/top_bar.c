/* The last row of the screen. */
#include <string.h>

#include "asyncspy/base/text.h"
#include "top_view.h"

#define FROZEN "FROZEN"
#define FROZEN_FROM 20 /* columns: below, nothing else is shown beside it */

/* Those of the highest rank go first where room is short. */
struct piece {
    const char *text;
    int rank;
};

#define PIECES_MAX 9

struct bar {
    struct screen *screen;
    struct arena *arena;
    int row, next, end; /* columns */
};

static void put(struct bar *bar, enum screen_style style, const char *text) {
    text = text_clip(bar->arena, text, bar->end - bar->next);
    bar->next += screen_put(bar->screen, bar->row, bar->next, style, text, bar->end - bar->next);
}

static int measure(const struct piece *pieces, const bool *shown, int gap) {
    int columns = 0;
    for (size_t i = 0; i < PIECES_MAX && pieces[i].text; i++)
        if (shown[i])
            columns += text_width(pieces[i].text) + gap;
    return columns - gap;
}

static void drop_last(const struct piece *pieces, bool *shown) {
    size_t found = 0;
    int rank = -1;
    for (size_t i = 0; i < PIECES_MAX && pieces[i].text; i++)
        if (shown[i] && pieces[i].rank > rank) {
            rank = pieces[i].rank;
            found = i;
        }
    shown[found] = false;
}

/* As many pieces as there is room for, closer together where that helps. */
static void put_pieces(struct bar *bar, const struct piece *pieces) {
    bool shown[PIECES_MAX];
    memset(shown, true, sizeof shown);
    int room = bar->end - bar->next;
    while (measure(pieces, shown, 1) > room)
        drop_last(pieces, shown);
    const char *gap = measure(pieces, shown, 2) > room ? " " : "  ", *between = "";
    for (size_t i = 0; i < PIECES_MAX && pieces[i].text; i++) {
        if (!shown[i])
            continue;
        put(bar, SCREEN_PLAIN, between);
        put(bar, SCREEN_PLAIN, pieces[i].text);
        between = gap;
    }
}

/* "Tab groups|[tasks]|locks|sockets|threads". */
static const char *make_tabs(struct arena *arena, enum top_tab tab) {
    static const char *const names[TOP_TAB_COUNT] = {
        [TOP_TAB_GROUPS] = "groups",   [TOP_TAB_TASKS] = "tasks",     [TOP_TAB_OBJECTS] = "locks",
        [TOP_TAB_SOCKETS] = "sockets", [TOP_TAB_THREADS] = "threads",
    };
    const char *text = "Tab ";
    for (size_t i = 0; i < TOP_TAB_COUNT; i++)
        text = arena_format(arena, i == tab ? "%s%s[%s]" : "%s%s%s", text, i ? "|" : "", names[i]);
    return text;
}

static void put_table_keys(struct bar *bar, const struct top_view *view,
                           const struct top_input *input, enum top_tab tab) {
    const struct piece of_process[PIECES_MAX] = {
        {make_tabs(bar->arena, tab), 2},
        {"s sort", 6},
        {"/ filter", 5},
        {"Enter details", 3},
        {view->is_frozen ? "f go on" : "f freeze", 7},
        {"d dump", 8},
        {*view->tabs[tab].filter ? "Esc all rows"
         : input->can_go_back    ? "Esc processes"
                                 : NULL,
         2},
    };
    const struct piece of_list[PIECES_MAX] = {{"Enter look into it", 2},
                                              {"s sort", 4},
                                              {"/ filter", 3},
                                              {view->is_frozen ? "f go on" : "f freeze", 5}};
    struct piece pieces[PIECES_MAX];
    memcpy(pieces, tab == TOP_TAB_PROCESSES ? of_list : of_process, sizeof pieces);
    size_t count = 0;
    while (pieces[count].text)
        count++;
    pieces[count++] = (struct piece){"? help", 1};
    pieces[count] = (struct piece){"q quit", 0};
    put_pieces(bar, pieces);
}

static void put_line_keys(struct bar *bar, const struct top_scene *scene) {
    size_t rows = (size_t)scene->line_rows, count = scene->lines.count;
    size_t last = count - scene->scroll < rows ? count : scene->scroll + rows;
    const struct piece pieces[PIECES_MAX] = {
        {"Esc back", 0},
        {"up/down/PgUp/PgDn scroll", 2},
        {arena_format(bar->arena, "lines %zu-%zu of %zu", scene->scroll + 1, last, count), 1},
    };
    put_pieces(bar, pieces);
}

static const char *escape(const struct bar *bar, const struct top_input *input, const char *text) {
    return input->ascii ? text_escape_ascii(bar->arena, text) : text_escape(bar->arena, text);
}

/* The filter, with the end of it in view while it is typed. */
static void put_filter(struct bar *bar, const struct top_view *view, const struct top_input *input,
                       const char *filter) {
    const char *text = arena_format(bar->arena, "/%s", escape(bar, input, filter));
    if (view->is_typing)
        text = arena_format(bar->arena, "%s_", text);
    int room = bar->end - bar->next;
    put(bar, SCREEN_BOLD, text_clip_start(bar->arena, text, room));
    put(bar, SCREEN_PLAIN, "  ");
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
                  const struct top_scene *scene, struct screen *screen, struct arena *arena) {
    struct bar bar = {
        .screen = screen, .arena = arena, .row = screen->rows - 1, .end = screen->columns};
    bool is_table = scene->mode == TOP_MODE_TABLE;
    const char *filter = view->tabs[scene->tab].filter;
    if (view->is_frozen)
        put_frozen(&bar);
    if (is_table && (view->is_typing || (*filter && !input->notice)))
        put_filter(&bar, view, input, filter);
    if (is_table && view->is_typing)
        put(&bar, SCREEN_DIM, "Enter keep  Esc drop");
    else if (input->notice)
        put(&bar, input->is_notice_alarm ? SCREEN_ALARM : SCREEN_BOLD,
            escape(&bar, input, input->notice));
    else if (is_table)
        put_table_keys(&bar, view, input, scene->tab);
    else
        put_line_keys(&bar, scene);
}
