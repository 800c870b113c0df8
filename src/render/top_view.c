#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"
#include "top_view.h"

#define WHEEL_ROWS 3

struct top_view *top_view_create(void) {
    struct top_view *view = memory_alloc(sizeof *view);
    *view = (struct top_view){.tab = TOP_TAB_GROUPS, .process = SNAPSHOT_UNKNOWN};
    return view;
}

void top_view_destroy(struct top_view *view) {
    free(view);
}

bool top_view_is_frozen(const struct top_view *view) {
    return view->is_frozen;
}

int64_t top_view_get_process(const struct top_view *view) {
    return view->process;
}

/* A key, what it meets, and what it leads to. */
struct press {
    struct top_view *view;
    const struct top_input *input;
    const struct top_key *key;
    const struct top_scene *scene;
    struct top_tab_view *tab; /* that is shown */
    struct screen *screen;    /* to draw at */
    struct arena *arena;
};

/* --- the rows of a table --- */

static void select_place(const struct press *press, size_t place) {
    const struct top_list *list = &press->scene->list;
    if (!list->count)
        return;
    if (place >= list->count)
        place = list->count - 1;
    struct top_window window = press->scene->window;
    window.selected = place;
    press->tab->is_chosen = true;
    press->tab->place = place;
    press->tab->first = top_window_scroll(&window, list->count);
    press->tab->key = press->scene->source.get_key(&press->scene->source.table, list->items[place]);
}

/* `value` and a step, not below 0. */
static size_t step(size_t value, int by) {
    if (by < 0)
        return value > (size_t)-by ? value - (size_t)-by : 0;
    return value + (size_t)by;
}

/* How far a key moves, in rows of a page of so many; INT32_MAX: to an end; 0: it
 * does not move anything. */
static int get_move(enum top_key_kind kind, int page) {
    page = page > 1 ? page : 1;
    switch (kind) {
    case TOP_KEY_UP:
        return -1;
    case TOP_KEY_DOWN:
        return 1;
    case TOP_KEY_PAGE_UP:
        return -page;
    case TOP_KEY_PAGE_DOWN:
        return page;
    case TOP_KEY_HOME:
        return -INT32_MAX;
    case TOP_KEY_END:
        return INT32_MAX;
    case TOP_KEY_WHEEL_UP:
        return -WHEEL_ROWS;
    case TOP_KEY_WHEEL_DOWN:
        return WHEEL_ROWS;
    case TOP_KEY_CHARACTER:
    case TOP_KEY_LEFT:
    case TOP_KEY_RIGHT:
    case TOP_KEY_ENTER:
    case TOP_KEY_ESCAPE:
    case TOP_KEY_TAB:
    case TOP_KEY_BACK_TAB:
    case TOP_KEY_BACKSPACE:
    case TOP_KEY_CLICK:
    default:
        return 0;
    }
}

/* What was chosen and asked for in one process is of no use in another. */
static void forget_rows(struct top_view *view) {
    for (size_t i = 0; i < TOP_TAB_COUNT; i++)
        view->tabs[i] = (struct top_tab_view){.sort = view->tabs[i].sort,
                                              .is_reversed = view->tabs[i].is_reversed};
}

static enum top_action open_row(const struct press *press) {
    if (!press->scene->list.count)
        return TOP_NOTHING;
    select_place(press, press->scene->window.selected);
    press->view->is_typing = false;
    if (press->scene->tab != TOP_TAB_PROCESSES) {
        press->view->mode = TOP_MODE_DETAILS;
        press->view->scroll = 0;
        return TOP_NOTHING;
    }
    press->view->process = (int64_t)press->tab->key;
    forget_rows(press->view);
    return TOP_ENTER_PROCESS;
}

/* The first click selects, the second one opens. */
static enum top_action click_row(const struct press *press) {
    const struct top_window *window = &press->scene->window;
    int row = press->key->row - window->row;
    if (row < 0 || row >= window->rows || window->first + (size_t)row >= press->scene->list.count)
        return TOP_NOTHING;
    size_t place = window->first + (size_t)row;
    if (press->tab->is_chosen && place == window->selected)
        return open_row(press);
    select_place(press, place);
    return TOP_NOTHING;
}

static void change_tab(const struct press *press, int by) {
    if (press->scene->tab != TOP_TAB_PROCESSES)
        press->view->tab =
            (enum top_tab)(((int)press->view->tab + by + TOP_TAB_COUNT) % TOP_TAB_COUNT);
}

/* The next column, or the natural order. Those are left out that cannot be seen even then: which
 * ones have room depends on what the rows are sorted by. */
static void change_sort(const struct press *press, int by) {
    int count = (int)press->scene->source.table.column_count + 1;
    int sort = (int)press->tab->sort % count;
    struct top_scene scene;
    press->tab->is_reversed = false;
    do {
        sort = (sort + by + count) % count;
        press->tab->sort = (size_t)sort;
        top_scene_draw(press->view, press->input, press->screen, press->arena, &scene);
    } while (sort && !scene.columns[sort - 1].end);
}

/* --- clicks --- */

/* The place of the span that was clicked at; `count`: none was. */
static size_t find_span(const struct press *press, const struct top_span *spans, size_t count) {
    size_t i = 0;
    while (i < count && (press->key->column < spans[i].start || press->key->column >= spans[i].end))
        i++;
    return i;
}

/* Sorts by the column; the other way round if it was so already. */
static void click_heading(const struct press *press) {
    size_t column = find_span(press, press->scene->columns, TOP_COLUMNS_MAX);
    if (column == TOP_COLUMNS_MAX)
        return;
    bool is_same = press->tab->sort == column + 1;
    press->tab->is_reversed = is_same && !press->tab->is_reversed;
    press->tab->sort = column + 1;
}

static enum top_action click(const struct press *press) {
    const struct top_scene *scene = press->scene;
    size_t tab = find_span(press, scene->tabs, TOP_TAB_COUNT);
    if (press->key->row == scene->last_row && tab < TOP_TAB_COUNT)
        press->view->tab = (enum top_tab)tab;
    else if (scene->window.has_heading && press->key->row == scene->window.row - 1)
        click_heading(press);
    else
        return click_row(press);
    return TOP_NOTHING;
}

/* --- the filter --- */

static void drop_filter(const struct press *press) {
    press->tab->filter[0] = 0;
    press->view->is_typing = false;
}

static size_t encode(uint32_t code, char ret[5]) {
    static const unsigned char starts[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    memset(ret, 0, 5);
    if (size == 1)
        ret[0] = (char)code;
    for (size_t i = size - 1; size > 1 && i > 0; i--, code >>= 6)
        ret[i] = (char)(0x80 | (code & 0x3F));
    if (size > 1)
        ret[0] = (char)(starts[size] | code);
    return size;
}

static size_t count_characters(const char *text) {
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static void type(struct top_tab_view *tab, uint32_t character) {
    char text[5];
    int columns;
    if (!character || character > 0x10FFFF ||
        count_characters(tab->filter) >= TOP_FILTER_CHARACTERS)
        return;
    size_t size = encode(character, text);
    text_measure_character(text, &columns);
    if (columns >= 0) /* else nobody could see it */
        memcpy(tab->filter + strlen(tab->filter), text, size + 1);
}

static void type_back(struct top_tab_view *tab) {
    size_t length = strlen(tab->filter);
    while (length && ((unsigned char)tab->filter[length - 1] & 0xC0) == 0x80)
        length--;
    tab->filter[length ? length - 1 : 0] = 0;
}

/* False: the key has nothing to do with typing. */
static bool press_typing(const struct press *press) {
    switch ((int)press->key->kind) {
    case TOP_KEY_CHARACTER:
        type(press->tab, press->key->character);
        return true;
    case TOP_KEY_BACKSPACE:
        type_back(press->tab);
        return true;
    case TOP_KEY_ENTER:
        press->view->is_typing = false;
        return true;
    case TOP_KEY_ESCAPE:
        drop_filter(press);
        return true;
    case TOP_KEY_CLICK:
        return false;
    default:
        return get_move(press->key->kind, 1) == 0;
    }
}

/* --- keys --- */

static void show(struct top_view *view, enum top_mode mode) {
    view->mode = mode;
    view->scroll = 0;
}

/* Those that do the same everywhere; `ret_done`: it was one. */
static enum top_action press_anywhere(const struct press *press, bool *ret_done) {
    uint32_t character = press->key->kind == TOP_KEY_CHARACTER ? press->key->character : 0;
    *ret_done = true;
    switch (character) {
    case 'f':
    case ' ':
        press->view->is_frozen = !press->view->is_frozen;
        return TOP_FREEZE;
    case 'd':
        return TOP_WRITE_DUMP;
    default:
        *ret_done = false;
        return TOP_NOTHING;
    }
}

static enum top_action press_character(const struct press *press) {
    struct top_view *view = press->view;
    uint32_t character = press->key->character;
    switch (character) {
    case 'q':
        return TOP_QUIT;
    case '?':
    case 'h':
        show(view, TOP_MODE_HELP);
        break;
    case '!':
        show(view, press->input->live ? TOP_MODE_FINDINGS : TOP_MODE_TABLE);
        break;
    case '/':
        view->is_typing = true;
        break;
    case 's':
        change_sort(press, 1);
        break;
    case 'S':
        change_sort(press, -1);
        break;
    case 'r':
        press->tab->is_reversed = !press->tab->is_reversed;
        break;
    default:
        if (character > '0' && character <= '0' + TOP_TAB_COUNT && press->input->live)
            view->tab = (enum top_tab)(character - '1');
    }
    return TOP_NOTHING;
}

static enum top_action go_back(const struct press *press) {
    if (*press->tab->filter)
        drop_filter(press);
    else if (press->input->live && press->input->can_go_back)
        return TOP_LEAVE_PROCESS;
    return TOP_NOTHING;
}

static enum top_action press_table(const struct press *press) {
    switch ((int)press->key->kind) {
    case TOP_KEY_CHARACTER:
        return press_character(press);
    case TOP_KEY_ENTER:
        return open_row(press);
    case TOP_KEY_CLICK:
        return click(press);
    case TOP_KEY_ESCAPE:
        return go_back(press);
    case TOP_KEY_TAB:
    case TOP_KEY_RIGHT:
        change_tab(press, 1);
        return TOP_NOTHING;
    case TOP_KEY_BACK_TAB:
    case TOP_KEY_LEFT:
        change_tab(press, -1);
        return TOP_NOTHING;
    default:
        break;
    }
    int by = get_move(press->key->kind, press->scene->window.rows);
    if (by && press->scene->list.count)
        select_place(press, step(press->scene->window.selected, by));
    return TOP_NOTHING;
}

static bool leaves_lines(const struct top_key *key) {
    return key->kind == TOP_KEY_ESCAPE || key->kind == TOP_KEY_ENTER || key->kind == TOP_KEY_LEFT ||
           key->kind == TOP_KEY_BACKSPACE ||
           (key->kind == TOP_KEY_CHARACTER && key->character == 'q');
}

static enum top_action press_lines(const struct press *press) {
    struct top_view *view = press->view;
    const struct top_key *key = press->key;
    bool asks_help =
        key->kind == TOP_KEY_CHARACTER && (key->character == '?' || key->character == 'h');
    if (leaves_lines(key) || (asks_help && view->mode == TOP_MODE_HELP))
        show(view, TOP_MODE_TABLE);
    else if (asks_help)
        show(view, TOP_MODE_HELP);
    else
        view->scroll = step(press->scene->scroll, get_move(key->kind, press->scene->line_rows));
    return TOP_NOTHING;
}

static enum top_action press_key(const struct press *press) {
    bool is_table = press->view->mode == TOP_MODE_TABLE, done;
    if (is_table && press->view->is_typing && press_typing(press))
        return TOP_NOTHING;
    enum top_action action = press_anywhere(press, &done);
    if (done)
        return action;
    return is_table ? press_table(press) : press_lines(press);
}

enum top_action top_view_press(struct top_view *view, const struct top_input *input,
                               const struct top_key *key, int rows, int columns) {
    struct screen *screen = screen_create(rows, columns);
    struct arena *arena = arena_create();
    struct top_scene scene;
    top_scene_draw(view, input, screen, arena, &scene);
    view->mode = scene.mode; /* the process that details were of may be left */
    const struct press press = {.view = view,
                                .input = input,
                                .key = key,
                                .scene = &scene,
                                .tab = &view->tabs[scene.tab],
                                .screen = screen,
                                .arena = arena};
    enum top_action action = press_key(&press);
    arena_destroy(arena);
    screen_destroy(screen);
    return action;
}
