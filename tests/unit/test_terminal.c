/* A terminal of our own (a pty), and a child that takes it over: what it is sent, which keys it
 * understands, and that the terminal is as it was before, whatever ends the child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/render/terminal.h"

#define ROWS 3
#define COLUMNS 20
#define WAIT_MILLISECONDS 10000

#define ENTER_SCREEN "\033[?1049h"
#define LEAVE_SCREEN "\033[?1049l"
#define SHOW_CURSOR "\033[?25h"
#define MOUSE_OFF "\033[?1006;1000l"

struct pair {
    int master;
    pid_t child;
    int result; /* what the child tells */
    struct termios before;
    char output[1 << 16];
    size_t size;
};

typedef void play(struct terminal *terminal, int result);

static void put(struct screen *screen, int row, int column, const char *text,
                enum screen_style style) {
    struct screen_cell *cell = &screen->cells[row * screen->columns + column];
    snprintf(cell->text, sizeof cell->text, "%s", text);
    cell->style = (uint8_t)style;
}

/* "A", a character of two columns, one that has a mark above it. */
static void show(struct terminal *terminal, const char *first) {
    static struct screen_cell cells[ROWS * COLUMNS];
    struct screen screen = {.rows = ROWS, .columns = COLUMNS, .cells = cells};
    for (int i = 0; i < ROWS * COLUMNS; i++)
        put(&screen, 0, i, " ", SCREEN_PLAIN);
    put(&screen, 0, 0, first, SCREEN_ALARM);
    put(&screen, 1, 0, "\xe6\x97\xa5", SCREEN_PLAIN);
    put(&screen, 1, 1, "", SCREEN_PLAIN);
    put(&screen, 1, 2, "e\xcc\x81", SCREEN_PLAIN);
    put(&screen, ROWS - 1, COLUMNS - 1, "Z", SCREEN_PLAIN);
    terminal_show(terminal, &screen);
}

static void run_child(const char *type, play *act, int result) {
    struct terminal *terminal = NULL;
    struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    setenv("TERM", type, 1);
    setlocale(LC_CTYPE, "C.UTF-8");
    struct error *err = terminal_open(true, &terminal);
    if (err) {
        dprintf(result, "%s", error_get_message(err));
        _exit(error_get_kind(err) == ERROR_USAGE ? 2 : 1);
    }
    act(terminal, result);
    _exit(0);
}

static void start(struct pair *pair, const char *type, play *act) {
    struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};
    int ends[2], slave;
    memset(pair, 0, sizeof *pair);
    assert_int_equal(openpty(&pair->master, &slave, NULL, NULL, &size), 0);
    assert_int_equal(tcgetattr(slave, &pair->before), 0);
    assert_int_equal(pipe(ends), 0);
    pair->child = fork();
    assert_true(pair->child >= 0);
    if (pair->child == 0) {
        close(pair->master);
        close(ends[0]);
        login_tty(slave);
        run_child(type, act, ends[1]);
    }
    close(ends[1]);
    pair->result = ends[0];
    close(slave);
}

/* Reads what the child sends until `text` is in it, or (NULL) until the end. */
static void read_until(struct pair *pair, const char *text) {
    struct pollfd file = {.fd = pair->master, .events = POLLIN};
    while (!text || !strstr(pair->output, text)) {
        if (poll(&file, 1, WAIT_MILLISECONDS) <= 0)
            fail_msg("nothing more than: %s", pair->output);
        ssize_t got =
            read(pair->master, pair->output + pair->size, sizeof pair->output - 1 - pair->size);
        if (got <= 0) { /* EIO: nobody has it open any more */
            assert_null(text);
            return;
        }
        pair->size += (size_t)got;
        pair->output[pair->size] = '\0';
    }
}

/* Waits for the end; returns the status. */
static int finish(struct pair *pair) {
    int status;
    read_until(pair, NULL);
    assert_int_equal(waitpid(pair->child, &status, 0), pair->child);
    return status;
}

static void release(struct pair *pair) {
    close(pair->master);
    close(pair->result);
}

static const char *find_last(const char *text, const char *wanted) {
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, wanted)); at++)
        found = at;
    return found;
}

static void assert_restored(struct pair *pair) {
    struct termios after;
    assert_int_equal(tcgetattr(pair->master, &after), 0);
    assert_int_equal(after.c_lflag, pair->before.c_lflag);
    assert_int_equal(after.c_iflag, pair->before.c_iflag);
    assert_int_equal(after.c_oflag, pair->before.c_oflag);
    const char *entered = find_last(pair->output, ENTER_SCREEN);
    assert_non_null(entered);
    assert_non_null(strstr(entered, LEAVE_SCREEN));
    assert_non_null(strstr(entered, SHOW_CURSOR));
    assert_non_null(strstr(entered, MOUSE_OFF));
}

/* --- what it is sent --- */

static void play_show(struct terminal *terminal, int result) {
    (void)result;
    int rows, columns;
    terminal_get_size(terminal, &rows, &columns);
    if (rows != ROWS || columns != COLUMNS)
        _exit(3);
    show(terminal, "A");
    terminal_suspend(terminal);
    terminal_resume(terminal);
    show(terminal, "B");
    show(terminal, "C"); /* the other cells are not sent again */
    terminal_close(terminal);
}

static size_t count_texts(const char *text, const char *wanted) {
    size_t count = 0;
    for (; (text = strstr(text, wanted)); text++)
        count++;
    return count;
}

static void test_shows_what_changes(void **state) {
    (void)state;
    struct pair pair;
    start(&pair, "xterm-256color", play_show);
    assert_int_equal(finish(&pair), 0);
    assert_restored(&pair);
    assert_non_null(strstr(pair.output, "\033[31m")); /* red */
    assert_int_equal(count_texts(pair.output, "\xe6\x97\xa5"), 2);
    assert_int_equal(count_texts(pair.output, "e\xcc\x81"), 2);
    assert_int_equal(count_texts(pair.output, "Z"), 2);
    assert_int_equal(count_texts(pair.output, ENTER_SCREEN), 2);
    assert_int_equal(count_texts(pair.output, LEAVE_SCREEN), 2);
    release(&pair);
}

/* --- keys --- */

static void play_keys(struct terminal *terminal, int result) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct top_key key;
    bool is_over = false;
    show(terminal, "A");
    while (!is_over && poll(&input, 1, WAIT_MILLISECONDS) > 0)
        while (terminal_read_key(terminal, &key)) {
            is_over |= key.character == 'q';
            if (write(result, &key, sizeof key) != (ssize_t)sizeof key)
                _exit(1);
        }
    terminal_close(terminal);
}

static void test_understands_keys(void **state) {
    (void)state;
    static const struct {
        const char *sent;
        struct top_key key;
    } cases[] = {
        {"a", {.kind = TOP_KEY_CHARACTER, .character = 'a'}},
        {"\xc3\xa4", {.kind = TOP_KEY_CHARACTER, .character = 0xe4}},
        {"\033OA", {.kind = TOP_KEY_UP}},
        {"\033OB", {.kind = TOP_KEY_DOWN}},
        {"\033[5~", {.kind = TOP_KEY_PAGE_UP}},
        {"\033[6~", {.kind = TOP_KEY_PAGE_DOWN}},
        {"\033OH", {.kind = TOP_KEY_HOME}},
        {"\033OF", {.kind = TOP_KEY_END}},
        {"\033[Z", {.kind = TOP_KEY_BACK_TAB}},
        {"\t", {.kind = TOP_KEY_TAB}},
        {"\r", {.kind = TOP_KEY_ENTER}},
        {"\177", {.kind = TOP_KEY_BACKSPACE}},
        {"\033[<64;1;1M", {.kind = TOP_KEY_WHEEL_UP}},
        {"\033[<65;1;1M", {.kind = TOP_KEY_WHEEL_DOWN}},
        {"\033[<0;5;3M", {.kind = TOP_KEY_CLICK, .row = 2, .column = 4}},
        {"\033", {.kind = TOP_KEY_ESCAPE}},
        {"q", {.kind = TOP_KEY_CHARACTER, .character = 'q'}},
    };
    struct pair pair;
    start(&pair, "xterm-256color", play_keys);
    read_until(&pair, "Z");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct top_key key;
        struct pollfd file = {.fd = pair.result, .events = POLLIN};
        size_t length = strlen(cases[i].sent);
        assert_int_equal(write(pair.master, cases[i].sent, length), length);
        if (poll(&file, 1, WAIT_MILLISECONDS) <= 0)
            fail_msg("case %zu is no key", i);
        assert_int_equal(read(pair.result, &key, sizeof key), sizeof key);
        assert_int_equal(key.kind, cases[i].key.kind);
        assert_int_equal(key.character, cases[i].key.character);
        assert_int_equal(key.row, cases[i].key.row);
        assert_int_equal(key.column, cases[i].key.column);
    }
    assert_int_equal(finish(&pair), 0);
    assert_restored(&pair);
    release(&pair);
}

/* --- what ends it --- */

static void play_fault(struct terminal *terminal, int result) {
    (void)result;
    show(terminal, "A");
    volatile int *volatile nowhere = (volatile int *)8;
    *nowhere = 1;
}

static void play_abort(struct terminal *terminal, int result) {
    (void)result;
    show(terminal, "A");
    abort();
}

static void play_memory(struct terminal *terminal, int result) {
    (void)result;
    show(terminal, "A");
    memory_exhausted();
}

static void play_other(struct terminal *terminal, int result) {
    (void)result;
    show(terminal, "A");
    kill(getpid(), SIGUSR2);
}

static void assert_ends_by(play *act, int signal_number) {
    struct pair pair;
    start(&pair, "xterm-256color", act);
    int status = finish(&pair);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal_number);
    assert_restored(&pair);
    release(&pair);
}

static void test_signals_restore(void **state) {
    (void)state;
    assert_ends_by(play_fault, SIGSEGV);
    assert_ends_by(play_abort, SIGABRT);
    assert_ends_by(play_other, SIGUSR2);
}

static void test_memory_restores(void **state) {
    (void)state;
    struct pair pair;
    start(&pair, "xterm-256color", play_memory);
    int status = finish(&pair);
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_restored(&pair);
    assert_non_null(strstr(strstr(pair.output, LEAVE_SCREEN), "out of memory"));
    release(&pair);
}

static void test_unknown_types(void **state) {
    (void)state;
    static const char *const types[] = {"dumb", "no-such-terminal", ""};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char text[1000] = "";
        struct pair pair;
        start(&pair, types[i], play_abort);
        int status = finish(&pair);
        assert_int_equal(WEXITSTATUS(status), 2);
        assert_true(read(pair.result, text, sizeof text - 1) > 0);
        assert_non_null(strstr(text, "TERM"));
        assert_non_null(strstr(text, "--batch"));
        assert_null(strstr(pair.output, ENTER_SCREEN));
        release(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shows_what_changes), cmocka_unit_test(test_understands_keys),
        cmocka_unit_test(test_signals_restore),    cmocka_unit_test(test_memory_restores),
        cmocka_unit_test(test_unknown_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
