/*
 * ncurses sends what has changed to a terminal, and knows its keys. What the program ends with in
 * an orderly way is endwin(); for the rest the bytes that restore the terminal are prepared when it
 * is opened, since a handler of signals may not call ncurses.
 */
#include "asyncspy/render/terminal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/last_act.h"

#define NCURSES_WIDECHAR 1
#include <ncurses.h>

#define ESCAPE_MILLISECONDS 25 /* after that it was the key Escape */
#define RESTORING_BYTES 256
#define STACK_BYTES ((size_t)64 << 10) /* of the handler */
#define ROWS_UNKNOWN 24
#define COLUMNS_UNKNOWN 80
#define MOUSE_EVENTS (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED)

enum { CONTROL_L = 12, ESCAPE = 27, RUBOUT = 127 };

/* Signals that end a program, but for those that a user sends and the caller is told of. */
static const int ending_signals[] = {SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGABRT,   SIGSYS,
                                     SIGTRAP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF,
                                     SIGXCPU, SIGXFSZ, SIGIO,   SIGPWR};
#define ENDING_COUNT (sizeof ending_signals / sizeof *ending_signals)

struct style {
    attr_t attributes;
    short pair;
};

/* How the terminal was before, and the bytes that make it so again. */
struct before {
    pid_t pid; /* not in a child */
    struct termios settings;
    char bytes[RESTORING_BYTES];
    size_t size;
};

struct terminal {
    SCREEN *ncurses;
    struct before before;
    stack_t stack, stack_before; /* that handlers run on: the other one may be full */
    struct sigaction actions[ENDING_COUNT];
    struct style styles[SCREEN_STYLE_COUNT];
    struct screen_cell *shown; /* NULL: nothing, all is to be sent */
    int rows, columns;
};

/* --- what ends the program without being asked --- */

static void restore(const void *context) {
    const struct before *before = context;
    if (before->pid != getpid())
        return;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before->settings);
    ssize_t ignored = write(STDOUT_FILENO, before->bytes, before->size);
    (void)ignored;
}

/* What would have happened then happens: the handler is there once. */
static void end_by_signal(int number) {
    last_act_do();
    (void)raise(number);
}

static void catch_signals(struct terminal *terminal) {
    struct sigaction action = {.sa_handler = end_by_signal,
                               .sa_flags = (int)(SA_ONSTACK | SA_RESETHAND)};
    sigfillset(&action.sa_mask); /* SIGTTOU too: tcsetattr() of a program in the background */
    terminal->stack = (stack_t){.ss_sp = memory_alloc(STACK_BYTES), .ss_size = STACK_BYTES};
    (void)sigaltstack(&terminal->stack, &terminal->stack_before);
    for (size_t i = 0; i < ENDING_COUNT; i++)
        (void)sigaction(ending_signals[i], &action, &terminal->actions[i]);
}

static void release_signals(struct terminal *terminal) {
    for (size_t i = 0; i < ENDING_COUNT; i++)
        (void)sigaction(ending_signals[i], &terminal->actions[i], NULL);
    (void)sigaltstack(&terminal->stack_before, NULL);
    free(terminal->stack.ss_sp);
}

/* Adds a string of terminfo without the delays for old terminals, "$<5>". */
static void add_restoring(struct before *before, const char *text) {
    if (!text)
        return;
    while (*text && before->size < sizeof before->bytes) {
        const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
        if (end)
            text = end + 1;
        else
            before->bytes[before->size++] = *text++;
    }
}

/* NULL: the terminal cannot do that. */
static const char *get_capability(const char *name) {
    char *text = tigetstr(name);
    return text && text != (char *)-1 && *text ? text : NULL;
}

/* As ncurses switches it on (lib_mouse.c): by XM, where that is known. */
static void add_mouse_off(struct before *before) {
    const char *mouse = get_capability("XM");
    if (has_mouse())
        add_restoring(before, mouse ? tiparm(mouse, 0) : "\033[?1006;1000l");
}

static void prepare_restoring(struct before *before) {
    static const char *const names[] = {"sgr0", "op", "cnorm", "rmkx", "rmcup"};
    add_mouse_off(before);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        add_restoring(before, get_capability(names[i]));
    if (!get_capability("rmcup"))
        add_restoring(before, "\r\n"); /* the screen stays: what comes next begins a line */
}

/* --- open and close --- */

static void make_styles(struct terminal *terminal, bool color) {
    static const short colors[SCREEN_STYLE_COUNT] = {
        [SCREEN_GOOD] = COLOR_GREEN, [SCREEN_WARNING] = COLOR_YELLOW, [SCREEN_ALARM] = COLOR_RED};
    static const attr_t attributes[SCREEN_STYLE_COUNT] = {
        [SCREEN_BOLD] = A_BOLD, [SCREEN_DIM] = A_DIM, [SCREEN_ALARM] = A_BOLD};
    bool has = color && has_colors() && start_color() != ERR;
    short background = has && use_default_colors() != ERR ? -1 : COLOR_BLACK;
    for (short i = 0; i < (short)SCREEN_STYLE_COUNT; i++) {
        terminal->styles[i].attributes = attributes[i];
        if (has && colors[i] && init_pair(i, colors[i], background) != ERR)
            terminal->styles[i].pair = i;
    }
}

static void set_modes(void) {
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)keypad(stdscr, TRUE);
    (void)nodelay(stdscr, TRUE);
    (void)curs_set(0);
    (void)set_escdelay(ESCAPE_MILLISECONDS);
    (void)mouseinterval(0); /* a click is told of when it begins */
    (void)mousemask(MOUSE_EVENTS, NULL);
}

static struct error *explain_type(void) {
    const char *type = getenv("TERM");
    if (!type || !*type)
        return error_create(ERROR_USAGE, "what this terminal can do is not known: TERM is not set; "
                                         "set it (TERM=xterm), or use --batch");
    return error_create(ERROR_USAGE,
                        "a terminal of type '%s' cannot show a screen, or is not known here (its "
                        "terminfo is missing); set TERM to another type (TERM=xterm), or use "
                        "--batch",
                        type);
}

/* newterm(), since initscr() ends the program where there is an error. */
static struct error *start_ncurses(struct terminal *terminal) {
    terminal->ncurses = newterm(NULL, stdout, stdin);
    if (!terminal->ncurses)
        return explain_type();
    if (get_capability("cup"))
        return NULL;
    (void)endwin();
    delscreen(terminal->ncurses);
    return explain_type();
}

static struct error *start(struct terminal *terminal) {
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal->before.settings) != 0)
        return error_create(ERROR_USAGE, "standard input and output are no terminal; --batch needs "
                                         "none");
    return start_ncurses(terminal);
}

struct error *terminal_open(bool color, struct terminal **ret) {
    struct terminal *terminal = memory_alloc(sizeof *terminal);
    *terminal = (struct terminal){.before = {.pid = getpid()}};
    struct error *err = start(terminal);
    if (err) {
        free(terminal);
        return err;
    }
    set_modes();
    make_styles(terminal, color);
    prepare_restoring(&terminal->before);
    last_act_set(restore, &terminal->before);
    catch_signals(terminal);
    *ret = terminal;
    return NULL;
}

void terminal_close(struct terminal *terminal) {
    if (!terminal)
        return;
    (void)endwin();
    last_act_set(NULL, NULL);
    release_signals(terminal);
    delscreen(terminal->ncurses);
    free(terminal->shown);
    free(terminal);
}

void terminal_suspend(struct terminal *terminal) {
    (void)terminal;
    (void)endwin();
}

/* Until the next picture all that was sent is on the screen of somebody else. */
static void forget_shown(struct terminal *terminal) {
    free(terminal->shown);
    terminal->shown = NULL;
    (void)erase();
    (void)clearok(curscr, TRUE);
}

void terminal_resume(struct terminal *terminal) {
    forget_shown(terminal);
    (void)refresh();
    (void)curs_set(0);
}

/* --- the screen --- */

static int clamp(int value, int unknown) {
    if (value < 1)
        return unknown;
    return value < SCREEN_MOST ? value : SCREEN_MOST;
}

void terminal_get_size(struct terminal *terminal, int *ret_rows, int *ret_columns) {
    struct winsize size = {.ws_row = 0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        size = (struct winsize){.ws_row = 0};
    *ret_rows = clamp(size.ws_row, ROWS_UNKNOWN);
    *ret_columns = clamp(size.ws_col, COLUMNS_UNKNOWN);
    if (*ret_rows != LINES || *ret_columns != COLS) {
        (void)resize_term(*ret_rows, *ret_columns);
        forget_shown(terminal);
    }
}

static bool equals(const struct screen_cell *a, const struct screen_cell *b) {
    return a->style == b->style && a->is_reversed == b->is_reversed &&
           strncmp(a->text, b->text, SCREEN_CELL_BYTES) == 0;
}

static void put(const struct terminal *terminal, int row, int column,
                const struct screen_cell *cell) {
    wchar_t text[SCREEN_CELL_BYTES];
    const struct style *style = &terminal->styles[cell->style];
    if (!cell->text[0])
        return; /* the right half of a wide character */
    size_t length = mbstowcs(text, cell->text, SCREEN_CELL_BYTES);
    if (length == (size_t)-1 || length == SCREEN_CELL_BYTES)
        length = mbstowcs(text, "?", SCREEN_CELL_BYTES);
    (void)attr_set(style->attributes | (cell->is_reversed ? A_REVERSE : 0), style->pair, NULL);
    (void)mvaddnwstr(row, column, text, (int)length); /* the last cell cannot scroll: an error */
}

/* A screen of another size than the terminal: what it shows of that is all it can. */
static void prepare_shown(struct terminal *terminal, const struct screen *screen) {
    if (terminal->shown && terminal->rows == screen->rows && terminal->columns == screen->columns)
        return;
    free(terminal->shown);
    (void)erase();
    terminal->rows = screen->rows;
    terminal->columns = screen->columns;
    size_t count = (size_t)screen->rows * (size_t)screen->columns;
    terminal->shown = memory_alloc(count * sizeof *terminal->shown);
    memset(terminal->shown, 0xff, count * sizeof *terminal->shown); /* like no cell */
}

void terminal_show(struct terminal *terminal, const struct screen *screen) {
    prepare_shown(terminal, screen);
    for (int row = 0; row < screen->rows; row++)
        for (int column = 0; column < screen->columns; column++) {
            size_t at = (size_t)row * (size_t)screen->columns + (size_t)column;
            if (equals(&terminal->shown[at], &screen->cells[at]))
                continue;
            put(terminal, row, column, &screen->cells[at]);
            terminal->shown[at] = screen->cells[at];
        }
    (void)refresh();
}

/* --- keys --- */

static bool read_mouse(struct top_key *ret) {
    MEVENT event;
    if (getmouse(&event) != OK)
        return false;
    if (event.bstate & BUTTON4_PRESSED)
        ret->kind = TOP_KEY_WHEEL_UP;
    else if (event.bstate & BUTTON5_PRESSED)
        ret->kind = TOP_KEY_WHEEL_DOWN;
    else if (event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED))
        *ret = (struct top_key){.kind = TOP_KEY_CLICK, .row = event.y, .column = event.x};
    else
        return false;
    return true;
}

static bool translate_function_key(wint_t code, struct top_key *ret) {
    static const struct {
        wint_t code;
        enum top_key_kind kind;
    } keys[] = {
        {KEY_UP, TOP_KEY_UP},
        {KEY_DOWN, TOP_KEY_DOWN},
        {KEY_LEFT, TOP_KEY_LEFT},
        {KEY_RIGHT, TOP_KEY_RIGHT},
        {KEY_PPAGE, TOP_KEY_PAGE_UP},
        {KEY_NPAGE, TOP_KEY_PAGE_DOWN},
        {KEY_HOME, TOP_KEY_HOME},
        {KEY_FIND, TOP_KEY_HOME}, /* so terminals of the VT220 kind call it */
        {KEY_END, TOP_KEY_END},
        {KEY_SELECT, TOP_KEY_END},
        {KEY_ENTER, TOP_KEY_ENTER},
        {KEY_BTAB, TOP_KEY_BACK_TAB},
        {KEY_BACKSPACE, TOP_KEY_BACKSPACE},
    };
    if (code == KEY_MOUSE)
        return read_mouse(ret);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i].code == code) {
            ret->kind = keys[i].kind;
            return true;
        }
    return false;
}

static bool translate_character(struct terminal *terminal, wint_t character, struct top_key *ret) {
    switch (character) {
    case '\r':
    case '\n':
        ret->kind = TOP_KEY_ENTER;
        return true;
    case '\t':
        ret->kind = TOP_KEY_TAB;
        return true;
    case ESCAPE:
        ret->kind = TOP_KEY_ESCAPE;
        return true;
    case '\b':
    case RUBOUT:
        ret->kind = TOP_KEY_BACKSPACE;
        return true;
    case CONTROL_L: /* as everywhere: something else has written on the screen */
        forget_shown(terminal);
        break;
    default:
        break;
    }
    *ret = (struct top_key){.kind = TOP_KEY_CHARACTER, .character = (uint32_t)character};
    return true;
}

bool terminal_read_key(struct terminal *terminal, struct top_key *ret) {
    for (;;) {
        wint_t code;
        *ret = (struct top_key){.kind = TOP_KEY_CHARACTER};
        int kind = get_wch(&code);
        if (kind == ERR)
            return false;
        if (kind == KEY_CODE_YES ? translate_function_key(code, ret)
                                 : translate_character(terminal, code, ret))
            return true;
    }
}
