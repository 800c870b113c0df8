/* The text report: nothing raw, no line too long, nothing assumed to be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/render/label.h"
#include "../support/rendering.h"
#include "asyncspy/analysis/edges.h"
#include "asyncspy/analysis/group.h"
#include "asyncspy/base/text.h"

#define EVIL "\x1b[31m\n\r\xc2\x9b\u202e\xff\u4e2d\U0001f40d"

static void add_evil_findings(struct snapshot *snapshot, const char *evil) {
    static snapshot_id tasks[] = {0x10, 0x20, 0x30, 0x40, 0x999990};
    static int64_t threads[] = {7, 8, 999};
    const char **texts = arena_alloc_array(snapshot->arena, 4, sizeof *texts);
    texts[0] = texts[1] = texts[2] = texts[3] = evil;
    for (int i = 0; i < 12; i++)
        *SNAPSHOT_APPEND(snapshot, &snapshot->findings) =
            (struct snapshot_finding){.code = SNAPSHOT_FINDING_DEADLOCK,
                                      .confidence = i % SNAPSHOT_CONFIDENCE_COUNT,
                                      .summary = i % 4 ? evil : NULL,
                                      .tasks = tasks,
                                      .task_count = (size_t)i % 6,
                                      .threads = threads,
                                      .thread_count = (size_t)i % 4,
                                      .where = evil,
                                      .proof = texts,
                                      .proof_count = (size_t)i % 5,
                                      .cost = texts,
                                      .cost_count = (size_t)i % 3,
                                      .next = evil};
    snapshot->verdict.text = evil;
    struct snapshot_object *object = SNAPSHOT_APPEND(snapshot, &snapshot->objects);
    *object = (struct snapshot_object){
        .id = 0x99, .label = evil, .name = evil, .waiters = tasks, .waiter_count = 5};
    object->holders = arena_alloc(snapshot->arena, sizeof *object->holders);
    *object->holders = (struct snapshot_holder){.task = 0x10, .confidence = SNAPSHOT_LIKELY};
    object->holder_count = 1;
    struct snapshot_socket *socket = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
    *socket = snapshot_socket_blank;
    socket->fd = 3;
    socket->local = socket->peer = socket->state = evil;
}

/* Of each kind that leads somewhere: a lock, an executor's thread, a socket, another task. */
static void add_evil_wait(struct snapshot *snapshot, struct snapshot_task *task, const char *evil,
                          int i) {
    task->awaiting = arena_alloc(snapshot->arena, sizeof *task->awaiting);
    *task->awaiting =
        (struct snapshot_wait){.kind = i == 8 ? SNAPSHOT_WAIT_UNKNOWN : SNAPSHOT_WAIT_TASK,
                               .text = evil,
                               .tasks = &snapshot->tasks.items[0].id,
                               .task_count = 1,
                               .object = i == 7 ? 0x99 : 0,
                               .tid = i == 6 ? 8 : SNAPSHOT_UNKNOWN,
                               .fd = i == 5 ? 3 : SNAPSHOT_UNKNOWN,
                               .pid = SNAPSHOT_UNKNOWN};
    task->awaiting->task_count = i < 5 || i == 8;
}

static void add_evil_task(struct snapshot *snapshot, const char *evil, struct snapshot_stack stack,
                          int i) {
    struct snapshot_task *task =
        rendering_add_task(snapshot, arena_format(snapshot->arena, "%d%s%d", i % 3, evil, i));
    task->type = task->coroutine = evil;
    task->frames = i < 7 ? stack : (struct snapshot_stack){0};
    task->state = i == 0 ? SNAPSHOT_TASK_RUNNING : SNAPSHOT_TASK_WAITING;
    task->tid = i == 0 ? 7 : SNAPSHOT_UNKNOWN;
    task->created_at = stack;
    snapshot_add_note(snapshot, task, evil);
    task->exception = arena_alloc(snapshot->arena, sizeof *task->exception);
    task->exception->type = task->exception->text = evil;
    add_evil_wait(snapshot, task, evil, i);
    task->has_context = true;
    task->context_count = task->hold_count = 1;
    task->context = arena_alloc(snapshot->arena, sizeof *task->context);
    *task->context = (struct snapshot_variable){evil, evil};
    task->holds = arena_alloc(snapshot->arena, sizeof *task->holds);
    *task->holds = (struct snapshot_hold){.object = 0x99, .frame = i - 1};
}

/* Every string that could come from a target is hostile and long. */
static struct snapshot *make_evil(void) {
    struct snapshot *snapshot = snapshot_create();
    const char *evil = "";
    for (int i = 0; i < 30; i++)
        evil = arena_format(snapshot->arena, "%s%s", evil, EVIL);
    snapshot->asyncspy = "0.1.0";
    snapshot->captured_at = evil;
    snapshot->target.command_line = &snapshot->target.executable;
    snapshot->target.command_line_count = 1;
    snapshot->target.executable = snapshot->target.core = snapshot->target.python_version = evil;
    snapshot->capture.mode = evil;
    snapshot_add_missing(snapshot, evil, evil);
    const struct snapshot_frame *frames[] = {
        rendering_make_frame(snapshot, evil, evil, INT32_MAX),
        rendering_make_frame(snapshot, NULL, NULL, -1),
        rendering_make_frame(snapshot, evil, "/usr/lib/python3.11/\x1b.py", 5),
        rendering_make_frame(snapshot, evil, "<frozen \x1b>", 5)};
    struct snapshot_stack stack = rendering_make_stack(snapshot, 4, frames);
    for (int i = 0; i < 9; i++)
        add_evil_task(snapshot, evil, stack, i);
    add_evil_findings(snapshot, evil);
    *SNAPSHOT_APPEND(snapshot, &snapshot->event_loops) = (struct snapshot_loop){
        .id = 1, .type = evil, .tid = 7, .state = SNAPSHOT_LOOP_STATE_UNKNOWN};
    for (int i = 0; i < 3; i++)
        *SNAPSHOT_APPEND(snapshot, &snapshot->threads) =
            (struct snapshot_thread){.tid = 7 + i,
                                     .name = evil,
                                     .os_state = evil,
                                     .syscall = evil,
                                     .frames = stack,
                                     .event_loop = i ? 0 : 1,
                                     .current_task = i ? 0 : 0x10,
                                     .holds_gil = SNAPSHOT_YES};
    edges_find(snapshot);
    group_tasks(snapshot);
    return snapshot;
}

static void test_hostile(void **state) {
    (void)state;
    struct snapshot *snapshot = make_evil();
    for (int width = 80; width < 240; width += 31)
        for (int flags = 0; flags < 32; flags++) {
            struct text_options options = {.width = width,
                                           .all_tasks = flags & 1,
                                           .verbose = flags & 2,
                                           .ascii = flags & 4,
                                           .graph = flags & 8,
                                           .verdict_only = flags & 16};
            char *text = rendering_text(snapshot, &options);
            rendering_check_lines(text, width, options.ascii);
            free(text);
        }
    snapshot_destroy(snapshot);
}

/* Nothing is known, of anything. */
static void test_unknown(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    struct text_options options = {.width = 0};
    for (int round = 0; round < 2; round++) {
        char *text = rendering_text(snapshot, &options);
        rendering_check_lines(text, TEXT_WIDTH_LEAST, true);
        free(text);
        rendering_add_task(snapshot, NULL);
        rendering_add_task(snapshot, NULL);
        rendering_add_task(snapshot, NULL)->state = SNAPSHOT_TASK_RUNNING;
        *SNAPSHOT_APPEND(snapshot, &snapshot->event_loops) =
            (struct snapshot_loop){.tid = SNAPSHOT_UNKNOWN, .state = SNAPSHOT_LOOP_STATE_UNKNOWN};
        *SNAPSHOT_APPEND(snapshot, &snapshot->threads) = (struct snapshot_thread){
            .tid = SNAPSHOT_UNKNOWN, .holds_gil = SNAPSHOT_MAYBE, .cpu_s = NAN};
        group_tasks(snapshot);
    }
    snapshot_destroy(snapshot);
}

static void test_color(void **state) {
    (void)state;
    struct snapshot *snapshot = make_evil();
    struct text_options options = {.width = 100};
    char *plain = rendering_text(snapshot, &options);
    options.color = true;
    char *colored = rendering_text(snapshot, &options), *to = colored;
    for (const char *at = colored; *at; at++) { /* without its sequences it is the plain text */
        if (*at == '\x1b')
            at = strchr(at, 'm');
        else
            *to++ = *at;
    }
    *to = '\0';
    assert_string_equal(plain, colored);
    free(plain);
    free(colored);
    snapshot_destroy(snapshot);
}

/* The line of the report that holds `word`; fails if there is none. */
static void assert_line(const char *text, const char *word, const char *expected) {
    const char *found = strstr(text, word);
    if (!found)
        fail_msg("no %s in\n%s", word, text);
    while (found > text && found[-1] != '\n')
        found--;
    char *line = strndup(found, strcspn(found, "\n"));
    assert_string_equal(line, expected);
    free(line);
}

static void test_places(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    const struct snapshot_frame *frames[] = {
        rendering_make_frame(snapshot, "innermost", "/usr/lib64/python3.13t/asyncio/locks.py", 1),
        rendering_make_frame(snapshot, "Api.get", "/v/lib/python3.12/site-packages/api/x.py", 2),
        rendering_make_frame(snapshot, "f.<locals>.outer", "/usr/lib/python3/dist-packages/y.py",
                             3),
        rendering_make_frame(snapshot, "mine", "/opt/me/python3.11/app.py", 4),
        rendering_make_frame(snapshot, "theirs", "/usr/lib/python3.11/runpy.py", 5),
    };
    for (int i = 2; i < 12; i++) {
        struct snapshot_task *task = rendering_add_task(
            snapshot, arena_format(snapshot->arena, "Task-%d", i == 2 ? 100 : i));
        task->frames = rendering_make_stack(snapshot, 5, frames);
        task->created_at = rendering_make_stack(snapshot, 3, frames);
    }
    group_tasks(snapshot);
    struct text_options options = {.width = 100};
    char *text = rendering_text(snapshot, &options);
    assert_line(text, "Task-3", "      10  waiting      ?                     Task-3 .. Task-100");
    assert_line(text, "innermost", "          innermost                 asyncio/locks.py:1");
    assert_line(text, "mine", "        > mine                      python3.11/app.py:4");
    assert_null(strstr(text, "theirs"));
    assert_line(text, "created", "          created by  Api.get       api/x.py:2  x 10");
    free(text);
    options.all_tasks = true;
    text = rendering_text(snapshot, &options);
    assert_line(text, "innermost", "    innermost                 asyncio/locks.py:1");
    assert_line(text, "library", "    ... 2 library frames up to outer (-v)");
    assert_line(text, "mine", "  > mine                      python3.11/app.py:4");
    assert_line(text, "theirs", "    theirs                    runpy.py:5");
    free(text);
    snapshot_destroy(snapshot);
}

/* What stands behind ">=" is rounded down: it is at least so long. */
static void test_bounds(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    struct snapshot_loop *loop = SNAPSHOT_APPEND(snapshot, &snapshot->event_loops);
    *loop = (struct snapshot_loop){.tid = SNAPSHOT_UNKNOWN,
                                   .state = SNAPSHOT_LOOP_BLOCKED,
                                   .iteration_age_s = 47.96,
                                   .callback_count = SNAPSHOT_UNKNOWN};
    struct text_options options = {.width = 100};
    char *text = rendering_text(snapshot, &options);
    assert_non_null(strstr(text, "BLOCKED >= 47.9 s"));
    free(text);
    loop->callback_count = 1;
    text = rendering_text(snapshot, &options);
    assert_non_null(strstr(text, "BLOCKED 48.0 s"));
    free(text);
    struct report report = {.page.scratch = snapshot->arena};
    assert_string_equal(label_silence(&report, 47.96, true), "silent for >= 47.9 s");
    assert_string_equal(label_silence(&report, 47.96, false), "silent for 48.0 s");
    snapshot_destroy(snapshot);
}

static void test_full_disk(void **state) {
    (void)state;
    struct snapshot *snapshot = make_evil();
    struct text_options options = {.width = 100};
    FILE *out = fopen("/dev/full", "w");
    struct error *err = render_text(snapshot, &options, out);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    error_destroy(err);
    fclose(out);
    snapshot_destroy(snapshot);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_color),   cmocka_unit_test(test_places),
        cmocka_unit_test(test_bounds),  cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
