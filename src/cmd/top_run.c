/*
 * The loop of top: waits for a key, a signal or the next thing that is due; does that; shows what
 * is new.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/clock.h"
#include "asyncspy/base/text.h"
#include "asyncspy/render/terminal.h"
#include "asyncspy/target/process.h"
#include "cmd.h"
#include "pace.h"
#include "top.h"

#define BATCH_ROWS 30
#define NOTICE_S 10
#define FIRST_LIST_S 0.5 /* until sessions have something to tell */
#define WAIT_MOST_S 60

struct top {
    const struct top_options *options;
    struct terminal *terminal; /* NULL: text on standard output */
    struct top_view *view;
    struct top_children *children;  /* NULL: one process */
    struct top_session *session;    /* that is looked at; NULL: the list of `children` */
    const struct top_session *told; /* whose end was told */
    int signals;
    struct top_input input;
    char clock[16];
    struct arena *notice; /* NULL: there is none */
    double notice_until;  /* of clock_monotonic() */
    double list_due;
    double updates;
    bool is_over, is_changed; /* since it was drawn */
};

/* --- what is shown --- */

static void tell_clock(char text[16], time_t now) {
    struct tm broken;
    text[0] = '\0';
    if (localtime_r(&now, &broken))
        strftime(text, 16, "%H:%M:%S", &broken);
}

static void drop_notice(struct top *top) {
    arena_destroy(top->notice);
    top->notice = NULL;
    top->input.notice = NULL;
    top->is_changed = true;
}

/* An arena for the text of a notice that takes the place of the one before. */
static struct arena *begin_notice(struct top *top, bool is_alarm, double seconds) {
    drop_notice(top);
    top->notice = arena_create();
    top->notice_until = clock_monotonic() + seconds;
    top->input.is_notice_alarm = is_alarm;
    return top->notice;
}

static void tell(struct top *top, const char *text) {
    top->input.notice = arena_format(begin_notice(top, false, NOTICE_S), "%s", text);
}

static void tell_error(struct top *top, const char *what, const struct error *err) {
    top->input.notice =
        arena_format(begin_notice(top, true, NOTICE_S), "%s%s", what, error_get_message(err));
}

/* Numbers of sessions die with the next ones. */
static void renew_input(struct top *top) {
    struct top_input *input = &top->input;
    input->live = top->session ? top_session_get_live(top->session) : NULL;
    input->can_go_back = top->session && top->children;
    if (top->children)
        input->processes = top_children_get_rows(top->children, &input->process_count);
}

static void draw(struct top *top) {
    int rows, columns;
    renew_input(top);
    terminal_get_size(top->terminal, &rows, &columns);
    struct screen *screen = screen_create(rows, columns);
    top_draw(top->view, &top->input, screen);
    terminal_show(top->terminal, screen);
    screen_destroy(screen);
    top->is_changed = false;
}

static void tell_trouble(struct top *top) {
    const struct error *trouble = top->session ? top_session_get_trouble(top->session) : NULL;
    if (trouble)
        tell_error(top, "no newer picture: ", trouble);
}

static struct error *print(struct top *top) {
    if (top->updates > 1)
        putchar('\n');
    struct error *err = top_print(&top->input, command_get_width(stdout), BATCH_ROWS, stdout);
    if (!err || errno == EPIPE) {
        error_destroy(err);
        err = command_flush(stdout);
    }
    return err;
}

static struct error *show(struct top *top) {
    if (top->updates == 0)
        drop_notice(top);
    tell_trouble(top);
    tell_clock(top->clock, time(NULL));
    renew_input(top);
    top->updates++;
    top->is_changed = true;
    top->is_over |= top->updates >= top->options->updates;
    return top->terminal ? NULL : print(top);
}

/* --- keys --- */

static void write_dump(struct top *top) {
    char name[TOP_DUMP_NAME_MAX];
    const struct snapshot *picture =
        top->session ? top_session_get_live(top->session)->snapshot : NULL;
    if (!picture) {
        tell(top, top->session ? "there is no picture yet" : "Enter goes into a process; d there");
        return;
    }
    struct error *err = top_dump_write(picture, name);
    if (err)
        tell_error(top, "", err);
    else
        top->input.notice = arena_format(begin_notice(top, false, NOTICE_S),
                                         "wrote %s; asyncspy dump --load %s shows it", name, name);
    error_destroy(err);
}

static void freeze(struct top *top) {
    bool is_frozen = top_view_is_frozen(top->view);
    if (top->children)
        top_children_freeze(top->children, is_frozen);
    else
        top_session_freeze(top->session, is_frozen);
    top->list_due = clock_monotonic();
}

static void look_at(struct top *top, struct top_session *session) {
    top->session = session;
    top->told = NULL;
    drop_notice(top);
    top_children_look_at(top->children, session);
}

static void enter(struct top *top) {
    if (!top->children)
        return;
    struct top_session *session = top_children_find(top->children, top_view_get_process(top->view));
    if (session)
        look_at(top, session);
    else
        tell(top, "this process is not watched");
}

static void act(struct top *top, enum top_action action) {
    switch (action) {
    case TOP_QUIT:
        top->is_over = true;
        break;
    case TOP_WRITE_DUMP:
        write_dump(top);
        break;
    case TOP_FREEZE:
        freeze(top);
        break;
    case TOP_ENTER_PROCESS:
        enter(top);
        break;
    case TOP_LEAVE_PROCESS:
        if (top->children)
            look_at(top, NULL);
        break;
    case TOP_NOTHING:
        break;
    }
}

static void take_keys(struct top *top) {
    struct top_key key;
    int rows, columns;
    while (!top->is_over && terminal_read_key(top->terminal, &key)) {
        terminal_get_size(top->terminal, &rows, &columns);
        renew_input(top);
        top->is_changed = true;
        act(top, top_view_press(top->view, &top->input, &key, rows, columns));
    }
}

/* --- signals --- */

static struct error *open_signals(struct top *top) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    static const int others[] = {SIGWINCH, SIGTSTP, SIGCONT};
    sigset_t wanted;
    sigemptyset(&wanted);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaddset(&wanted, ends[i]);
    for (size_t i = 0; !top->options->is_batch && i < sizeof others / sizeof *others; i++)
        sigaddset(&wanted, others[i]);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    top->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return top->signals < 0 ? error_create_os(errno, "waiting for signals") : NULL;
}

/* As if nobody had asked for SIGTSTP: without a shell that could continue us, nothing happens. */
static void stop_here(struct top *top) {
    sigset_t stop, blocked;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    terminal_suspend(top->terminal);
    (void)signal(SIGTSTP, SIG_DFL);
    (void)kill(getpid(), SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, &blocked);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    terminal_resume(top->terminal);
}

static void take_signal(struct top *top, uint32_t number) {
    top->is_changed = true;
    switch (number) {
    case SIGWINCH:
        break;
    case SIGTSTP:
        stop_here(top);
        break;
    case SIGCONT: /* whoever stopped it: the terminal was somebody else's */
        terminal_suspend(top->terminal);
        terminal_resume(top->terminal);
        break;
    default:
        top->is_over = true;
    }
}

static void take_signals(struct top *top) {
    struct signalfd_siginfo info;
    while (read(top->signals, &info, sizeof info) == (ssize_t)sizeof info)
        take_signal(top, info.ssi_signo);
}

/* --- the loop --- */

static double find_wait(const struct top *top) {
    double now = clock_monotonic();
    double wait =
        top->children ? top_children_get_wait(top->children) : top_session_get_wait(top->session);
    if (!top->session && !top_view_is_frozen(top->view))
        wait = fmin(wait, top->list_due - now);
    if (top->notice)
        wait = fmin(wait, top->notice_until - now);
    return fmin(fmax(wait, 0), WAIT_MOST_S);
}

static void wait_and_read(struct top *top) {
    struct pollfd files[] = {{.fd = top->signals, .events = POLLIN},
                             {.fd = top->terminal ? STDIN_FILENO : -1, .events = POLLIN}};
    double wait = find_wait(top);
    struct timespec timeout = {(time_t)wait, (long)((wait - floor(wait)) * 1e9)};
    if (ppoll(files, 2, &timeout, NULL) <= 0)
        return;
    if (files[0].revents)
        take_signals(top);
    if (files[1].revents & POLLIN)
        take_keys(top);
    if (files[1].revents & (POLLHUP | POLLERR | POLLNVAL))
        top->is_over = true; /* the terminal is gone */
}

/* True: what is looked at has new numbers. */
static bool work(struct top *top) {
    if (!top->children)
        return top_session_work(top->session);
    struct top_session *renewed = top_children_work(top->children);
    if (top->session)
        return renewed == top->session;
    double now = clock_monotonic();
    if (top_view_is_frozen(top->view) || now < top->list_due)
        return false;
    top->list_due = now + top->options->delay_s;
    return true;
}

static bool has_ended(const struct top *top) {
    return top->session ? top_session_get_end(top->session, NULL) != NULL
                        : top_children_are_over(top->children);
}

static void tell_end(struct top *top) {
    char clock[16];
    time_t when;
    const struct error *err = top_session_get_end(top->session, &when);
    tell_clock(clock, when);
    top->told = top->session;
    pid_t pid = top_session_get_pid(top->session);
    struct arena *arena = begin_notice(top, true, INFINITY);
    const char *what = process_exists(pid)
                           ? arena_format(arena, "%s: %s", clock, error_get_message(err))
                           : arena_format(arena, "process %d ended at %s", (int)pid, clock);
    top->input.notice =
        arena_format(arena, "%s; %s%s", what,
                     top_session_get_live(top->session)->snapshot ? "d writes a dump, " : "",
                     top->children ? "Esc back" : "Ctrl-C quits"); /* q may lead back */
}

/* Text ends with what it shows; a screen stays for who looks at it. */
static void notice_end(struct top *top) {
    if (!has_ended(top))
        return;
    if (!top->terminal)
        top->is_over = true;
    else if (top->session && (top->told != top->session || !top->notice))
        tell_end(top);
}

static struct error *run(struct top *top) {
    struct error *err = NULL;
    if (top->terminal)
        draw(top);
    while (!top->is_over && !err) {
        wait_and_read(top);
        if (!top->is_over && work(top))
            err = show(top);
        if (top->notice && clock_monotonic() >= top->notice_until)
            drop_notice(top);
        notice_end(top);
        if (top->terminal && top->is_changed)
            draw(top);
    }
    return err;
}

/* --- begin and end --- */

static struct error *open_target(struct top *top) {
    if (top->options->children)
        return top_children_open(top->options, &top->children);
    return top_session_open(top->options->pid, top->options, &top->session);
}

static struct error *open_screen(struct top *top) {
    struct error *err = open_signals(top);
    if (err || top->options->is_batch)
        return err;
    err = terminal_open(command_use_color(top->options->color, stdout), &top->terminal);
    if (err)
        return err;
    tell(top, "the first picture is being taken");
    top->notice_until = INFINITY; /* until there is something to show */
    return NULL;
}

/* Text that stops says why, as far as that was not asked for. Of several nothing is left then. */
static void explain_end(const struct top *top, int *ret_status) {
    if (top->terminal || !has_ended(top))
        return;
    *ret_status = top->updates > 0 ? EXIT_DONE : EXIT_FAILED;
    const struct error *err = top->session ? top_session_get_end(top->session, NULL) : NULL;
    if (top->options->quiet && *ret_status == EXIT_DONE)
        return;
    fputs("asyncspy: ", stderr);
    if (err && process_exists(top->options->pid))
        text_write_escaped(stderr, error_get_message(err));
    else
        fprintf(stderr, "process %d ended", top->options->pid);
    fputc('\n', stderr);
}

static void close_all(struct top *top) {
    terminal_close(top->terminal);
    if (top->signals >= 0)
        close(top->signals);
    top_view_destroy(top->view);
    if (!top->children)
        top_session_close(top->session);
    top_children_close(top->children);
    arena_destroy(top->notice);
    pace_prefer(false);
}

struct error *top_run(const struct top_options *options, int *ret_status) {
    struct top top = {.options = options,
                      .view = top_view_create(),
                      .signals = -1,
                      .is_changed = true,
                      .list_due = clock_monotonic() + FIRST_LIST_S};
    top.input = (struct top_input){
        .clock = top.clock, .refresh_s = options->delay_s, .ascii = options->ascii};
    tell_clock(top.clock, time(NULL));
    *ret_status = EXIT_DONE;
    pace_prefer(true);
    struct error *err = open_target(&top);
    if (!err)
        err = open_screen(&top);
    if (!err)
        err = run(&top);
    if (!err)
        explain_end(&top, ret_status);
    close_all(&top);
    return err;
}
