/*
 * Which processes `top --children` watches: real ones, whose sessions are the test's. A session may
 * end and the process live on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/cmd/top.h"
#include "../support/child.h"

#define CHILDREN 3

/* --- sessions that do nothing, and end when they are told to --- */

struct top_session {
    pid_t pid;
    struct error *to_end, *end;
    double part;
};

static struct top_session *sessions[64];
static unsigned opened;

struct error *top_session_open(pid_t pid, const struct top_options *options,
                               struct top_session **ret) {
    (void)options;
    struct top_session *session = calloc(1, sizeof *session);
    session->pid = pid;
    assert_true(opened < 64);
    sessions[opened++] = *ret = session;
    return NULL;
}

void top_session_close(struct top_session *session) {
    if (!session)
        return;
    for (unsigned i = 0; i < opened; i++)
        if (sessions[i] == session)
            sessions[i] = NULL;
    error_destroy(session->to_end);
    error_destroy(session->end);
    free(session);
}

const struct live *top_session_get_live(const struct top_session *session) {
    static const struct live live;
    (void)session;
    return &live;
}

const struct error *top_session_get_end(const struct top_session *session, time_t *ret_when) {
    (void)ret_when;
    return session->end;
}

void top_session_set_pace(struct top_session *session, double rate, double interval_s,
                          double part) {
    (void)rate, (void)interval_s;
    session->part = part;
}

void top_session_freeze(struct top_session *session, bool is_frozen) {
    (void)session, (void)is_frozen;
}

double top_session_get_wait(const struct top_session *session) {
    return session->to_end ? 0 : INFINITY;
}

bool top_session_work(struct top_session *session) {
    session->end = session->to_end;
    session->to_end = NULL;
    return false;
}

static struct top_session *find(pid_t pid) {
    for (unsigned i = 0; i < opened; i++)
        if (sessions[i] && sessions[i]->pid == pid)
            return sessions[i];
    return NULL;
}

/* --- a process with children --- */

static pid_t first;
static struct top_children *children;

static void have_children(void) {
    for (int i = 0; i < CHILDREN; i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            break;
        }
    child_count_forever();
}

static int set_up(void **state) {
    (void)state;
    static struct top_options options;
    first = child_start(have_children);
    options = (struct top_options){.pid = first, .delay_s = 1, .rate = 50, .children = true};
    opened = 0;
    struct error *err = top_children_open(&options, &children);
    assert_null(err);
    assert_int_equal(opened, 1 + CHILDREN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    top_children_close(children);
    child_finish(first);
    return 0;
}

static struct top_process get_row(pid_t pid) {
    size_t count;
    const struct top_process *rows = top_children_get_rows(children, &count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].pid == pid)
            return rows[i];
    fail_msg("there is no row of %d", (int)pid);
    return (struct top_process){.pid = 0};
}

static void end_session(pid_t pid, enum error_kind kind, const char *message) {
    struct top_session *session = find(pid);
    if (!session)
        fail_msg("no session of %d", (int)pid);
    else
        session->to_end = error_create(kind, "%s", message);
    for (int i = 0; i < 3; i++) /* one of these is a look for new processes */
        (void)top_children_work(children);
}

/* Until there is another session for it, 10 s at most. */
static void wait_for_session(pid_t pid) {
    unsigned before = opened;
    for (int i = 0; i < 1000 && opened == before; i++) {
        (void)top_children_work(children);
        usleep(10000);
    }
    assert_int_equal(opened, before + 1);
    assert_int_equal(sessions[before]->pid, pid);
    assert_non_null(get_row(pid).live);
    assert_null(get_row(pid).why);
}

static void assert_is_tried_anew(pid_t pid, enum error_kind kind, const char *message,
                                 const char *why) {
    end_session(pid, kind, message);
    assert_null(find(pid));
    assert_true(isnan(get_row(pid).gone_s));
    assert_string_equal(get_row(pid).why, why);
    assert_null(get_row(pid).live);
    assert_null(top_children_find(children, pid));
    assert_false(top_children_are_over(children));
    wait_for_session(pid);
}

/* Of the first, and of another one. */
static void test_other_program(void **state) {
    (void)state;
    assert_is_tried_anew(first, ERROR_GONE, "it became another program", "became another program");
    assert_is_tried_anew(sessions[1]->pid, ERROR_GONE, "the same", "became another program");
}

static void test_unreadable(void **state) {
    (void)state;
    assert_is_tried_anew(first, ERROR_PERMISSION, "a debugger has it", "not permitted");
    assert_is_tried_anew(sessions[2]->pid, ERROR_FAULT, "nothing at 0x10", "nothing at 0x10");
}

/* What is looked at stays until nobody does. */
static void test_looked_at(void **state) {
    (void)state;
    struct top_session *session = find(first);
    top_children_look_at(children, session);
    end_session(first, ERROR_GONE, "it became another program");
    usleep(1100000);
    (void)top_children_work(children);
    assert_ptr_equal(find(first), session);
    assert_ptr_equal(top_children_find(children, first), session);
    assert_true(isnan(get_row(first).gone_s));
    top_children_look_at(children, NULL);
    wait_for_session(first);
}

/* It is a zombie: its parent, the test, has not waited for it. */
static void test_ended(void **state) {
    (void)state;
    siginfo_t info;
    kill(first, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)first, &info, WEXITED | WNOWAIT), 0);
    end_session(first, ERROR_GONE, "it ended");
    assert_true(get_row(first).gone_s >= 0);
    assert_non_null(top_children_find(children, first));
}

static void test_pictures_share_the_time(void **state) {
    (void)state;
    struct top_session *looked_at = find(first);
    for (unsigned i = 0; i < opened; i++)
        assert_true(fabs(sessions[i]->part - 1.0 / (1 + CHILDREN)) < 1e-9);
    top_children_look_at(children, looked_at);
    for (unsigned i = 0; i < opened; i++)
        assert_true(fabs(sessions[i]->part - (sessions[i] == looked_at ? 1 : 1.0 / CHILDREN)) <
                    1e-9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_other_program),
        TEST(test_unreadable),
        TEST(test_looked_at),
        TEST(test_ended),
        TEST(test_pictures_share_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
