#include <errno.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "top_view.h"

#define RULES_FROM 16    /* rows of a screen from which on its parts are kept apart by rules */
#define FINDINGS_LEAST 3 /* that room is kept for, above a header that would take it all */
#define PRINT_HEADER 200 /* rows, at most */
#define PRINT_FINDINGS 200

static struct top_source make_source(struct top_words *words, enum top_tab tab, bool ascii) {
    return (struct top_source){.table = top_table_make(words, tab),
                               .get_row = top_table_get_row,
                               .get_key = top_table_get_key,
                               .ascii = ascii};
}

static bool has_rows(const struct top_input *input) {
    return !input->live || input->live->snapshot;
}

/* --- above the table --- */

static int draw_rule(struct screen *screen, int row) {
    for (int i = 0; i < screen->columns; i++)
        screen_put(screen, row, i, SCREEN_DIM, "-", 1);
    return 1;
}

/* The rows that the table needs: its share, and never less than the heading and a row. */
static int get_table_least(int rows) {
    return rows < 6 ? 2 : (rows + 2) / 3;
}

/* Their lines; where nothing was found, that is said in one. */
static size_t count_findings(const struct live *live) {
    if (!live || !live->snapshot)
        return 0;
    return live->finding_count ? live->finding_count : 1;
}

/* Header and findings, at most `most` rows of both; returns how many they took. */
static int draw_top(struct top_words *words, struct screen *screen, int most) {
    size_t findings = count_findings(words->input->live);
    int rule = screen->rows >= RULES_FROM;
    int kept = findings < FINDINGS_LEAST ? (int)findings : FINDINGS_LEAST;
    int header = most - rule - (rule && findings ? kept + rule : 0);
    int row = top_draw_header(words, screen, 0, header > 0 ? header : 1);
    if (rule && row < most)
        row += draw_rule(screen, row);
    int taken = findings && most - row - rule > 0
                    ? top_draw_findings(words, screen, row, most - row - rule)
                    : 0;
    row += taken;
    return row + (rule && taken ? draw_rule(screen, row) : 0);
}

/* --- the table --- */

static const char *get_nothing(const struct top_input *input, const struct top_scene *scene,
                               const char *filter) {
    if (!has_rows(input))
        return "the first picture is being taken";
    if (*filter && scene->source.table.row_count)
        return "no row has what the filter asks for";
    return scene->source.table.nothing ? scene->source.table.nothing : "";
}

/* The place of the selected row: where its key is now, else where it was. */
static size_t find_selected(const struct top_scene *scene, const struct top_tab_view *tab) {
    if (!scene->list.count)
        return SIZE_MAX;
    size_t place = tab->is_chosen ? top_list_find(&scene->list, &scene->source, tab->key) : 0;
    if (place == SIZE_MAX)
        place = tab->place;
    return place < scene->list.count ? place : scene->list.count - 1;
}

static void draw_table(const struct top_view *view, const struct top_input *input,
                       struct screen *screen, struct arena *arena, struct top_scene *scene) {
    const struct top_tab_view *tab = &view->tabs[scene->tab];
    struct top_order order = {
        .sort = tab->sort, .is_reversed = tab->is_reversed, .filter = tab->filter};
    if (has_rows(input)) {
        scene->source = make_source(scene->words, scene->tab, input->ascii);
        scene->list = top_list_make(&scene->source, &order, arena);
    }
    scene->window.selected = find_selected(scene, tab);
    scene->window.first = tab->first;
    scene->window.first = top_window_scroll(&scene->window, scene->list.count);
    top_rows_draw(&scene->source, &scene->list, &order, &scene->window, screen, arena,
                  scene->columns);
    if (!scene->list.count && scene->window.rows > 0)
        screen_put(screen, scene->window.row, 1, SCREEN_PLAIN,
                   get_nothing(input, scene, tab->filter), screen->columns);
}

/* What rows there are for it: where there are three in all, they are the header, a row, the bar. */
static void draw_table_screen(const struct top_view *view, const struct top_input *input,
                              struct screen *screen, struct arena *arena, struct top_scene *scene) {
    int room = screen->rows - 1;
    int row = draw_top(scene->words, screen, room - get_table_least(screen->rows));
    struct top_window *window = &scene->window;
    window->has_heading = room - row >= 2;
    window->row = row + window->has_heading;
    window->rows = room - window->row;
    draw_table(view, input, screen, arena, scene);
}

/* --- details and help --- */

static struct top_lines make_line(struct arena *arena, const char *text) {
    struct top_lines lines = {.count = 1, .items = arena_alloc(arena, sizeof *lines.items)};
    lines.items[0] = text;
    return lines;
}

static struct top_lines make_details(const struct top_view *view, struct top_scene *scene,
                                     struct arena *arena, int columns) {
    const struct top_input *input = scene->words->input;
    if (!has_rows(input))
        return make_line(arena, "it is not there any more");
    scene->source = make_source(scene->words, scene->tab, input->ascii);
    const struct top_table *table = &scene->source.table;
    for (size_t i = 0; i < table->row_count; i++)
        if (scene->source.get_key(table, i) == view->tabs[scene->tab].key)
            return top_details(table, i, columns);
    return make_line(arena, "it is not there any more");
}

/* Behind each other, an empty line in between. */
static struct top_lines join_lines(const struct top_lines *parts, size_t count,
                                   struct arena *arena) {
    struct top_lines lines = {0};
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most += parts[i].count + 1;
    lines.items = arena_alloc_array(arena, most, sizeof *lines.items);
    lines.styles = arena_alloc_array(arena, most, sizeof *lines.styles);
    for (size_t i = 0; i < count; i++) {
        if (i)
            lines.items[lines.count++] = "";
        for (size_t j = 0; j < parts[i].count; j++) {
            if (parts[i].styles)
                lines.styles[lines.count] = parts[i].styles[j];
            lines.items[lines.count++] = parts[i].items[j];
        }
    }
    return lines;
}

static struct top_lines make_findings(struct top_words *words, struct arena *arena, int columns) {
    const struct live *live = words->input->live;
    size_t count = 0, most = live->snapshot ? live->finding_count : 0;
    struct top_lines *parts = arena_alloc_array(arena, most, sizeof *parts);
    for (size_t i = 0; i < most; i++)
        if (live->findings[i].index != SIZE_MAX)
            parts[count++] = top_finding_details(words, live->findings[i].index, columns);
    return count ? join_lines(parts, count, arena) : make_line(arena, "nothing was found");
}

static struct top_lines make_lines(const struct top_view *view, struct top_scene *scene,
                                   struct arena *arena, int columns) {
    if (scene->mode == TOP_MODE_HELP)
        return top_help_make(arena, columns);
    if (scene->mode == TOP_MODE_FINDINGS)
        return make_findings(scene->words, arena, columns);
    return make_details(view, scene, arena, columns);
}

static void draw_lines_screen(const struct top_view *view, struct screen *screen,
                              struct arena *arena, struct top_scene *scene) {
    int row = screen->rows > 2 ? top_draw_header(scene->words, screen, 0, 1) : 0;
    if (screen->rows >= RULES_FROM)
        row += draw_rule(screen, row);
    scene->lines = make_lines(view, scene, arena, screen->columns);
    scene->line_rows = screen->rows - 1 - row > 0 ? screen->rows - 1 - row : 1;
    size_t rows = (size_t)scene->line_rows, count = scene->lines.count;
    size_t most = count > rows ? count - rows : 0;
    scene->scroll = view->scroll < most ? view->scroll : most;
    for (size_t i = 0; i < rows && scene->scroll + i < count; i++) {
        size_t line = scene->scroll + i;
        screen_put(screen, row + (int)i, 0,
                   scene->lines.styles ? scene->lines.styles[line] : SCREEN_PLAIN,
                   scene->lines.items[line], screen->columns);
    }
}

/* --- the whole --- */

void top_scene_draw(const struct top_view *view, const struct top_input *input,
                    struct screen *screen, struct arena *arena, struct top_scene *ret) {
    *ret = (struct top_scene){.tab = input->live ? view->tab : TOP_TAB_PROCESSES,
                              .mode = input->live || view->mode == TOP_MODE_HELP ? view->mode
                                                                                 : TOP_MODE_TABLE,
                              .words = top_words_create(arena, input, screen->columns),
                              .last_row = screen->rows - 1};
    ret->source.ascii = input->ascii;
    if (ret->mode == TOP_MODE_TABLE)
        draw_table_screen(view, input, screen, arena, ret);
    else
        draw_lines_screen(view, screen, arena, ret);
    if (screen->rows > 1)
        top_bar_draw(view, input, ret, screen, arena);
}

/* A row that goes later leaves the selection there. */
static void remember_place(struct top_tab_view *tab, const struct top_scene *scene) {
    size_t place = scene->window.selected;
    if (tab->is_chosen && place < scene->list.count &&
        scene->source.get_key(&scene->source.table, scene->list.items[place]) == tab->key)
        tab->place = place;
}

void top_draw(struct top_view *view, const struct top_input *input, struct screen *screen) {
    struct arena *arena = arena_create();
    struct top_scene scene;
    top_scene_draw(view, input, screen, arena, &scene);
    remember_place(&view->tabs[scene.tab], &scene);
    arena_destroy(arena);
}

/* --- for a reader instead of a terminal --- */

static int print_rows(const struct top_input *input, struct top_words *words, int row, size_t most,
                      struct screen *screen, struct arena *arena) {
    struct top_source source = {.ascii = input->ascii};
    struct top_order order = {.filter = ""};
    struct top_span spans[TOP_COLUMNS_MAX];
    if (has_rows(input))
        source = make_source(words, input->live ? TOP_TAB_GROUPS : TOP_TAB_PROCESSES, input->ascii);
    struct top_list list = top_list_make(&source, &order, arena);
    struct top_window window = {
        .row = row + 1, .rows = (int)most, .selected = SIZE_MAX, .has_heading = true};
    top_rows_draw(&source, &list, &order, &window, screen, arena, spans);
    row = window.row + (int)(list.count < most ? list.count : most);
    const char *last = list.count > most
                           ? arena_format(arena, "... %zu more rows", list.count - most)
                       : list.count      ? NULL
                       : has_rows(input) ? source.table.nothing
                                         : "the first picture is being taken";
    if (last)
        screen_put(screen, row++, 1, SCREEN_PLAIN, last, screen->columns);
    return row;
}

struct error *top_print(const struct top_input *input, int columns, size_t most, FILE *out) {
    const size_t room = SCREEN_MOST - PRINT_HEADER - PRINT_FINDINGS - 4; /* rules, first, last */
    most = most < room ? most : room;
    struct arena *arena = arena_create();
    struct screen *screen =
        screen_create(SCREEN_MOST - (int)(room - most), columns < 80 ? 80 : columns);
    struct top_words *words = top_words_create(arena, input, screen->columns);
    int row = top_draw_header(words, screen, 0, PRINT_HEADER);
    row += draw_rule(screen, row);
    int findings =
        count_findings(input->live) ? top_draw_findings(words, screen, row, PRINT_FINDINGS) : 0;
    row += findings;
    row += findings ? draw_rule(screen, row) : 0;
    row = print_rows(input, words, row, most, screen, arena);
    struct error *err = screen_write(screen, row, out);
    screen_destroy(screen);
    arena_destroy(arena);
    return err;
}
