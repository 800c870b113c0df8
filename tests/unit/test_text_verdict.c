/* The verdict of the text report: enough in few lines, everything where that is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../support/rendering.h"
#include "asyncspy/analysis/group.h"

#define PROOFS 9

static const char *const long_proofs[PROOFS] = {
    "first: one word after another that takes far more than one line of a terminal, at any width "
    "that a terminal has, and goes on and on so that it takes three of them at eighty",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth: the very last"};

static struct snapshot_finding *add_finding(struct snapshot *snapshot,
                                            enum snapshot_finding_code code,
                                            enum snapshot_confidence confidence,
                                            const char *summary) {
    struct snapshot_finding *finding = SNAPSHOT_APPEND(snapshot, &snapshot->findings);
    *finding = (struct snapshot_finding){.code = code,
                                         .confidence = confidence,
                                         .summary = summary,
                                         .where = "app.py:3",
                                         .next = "do something about it"};
    finding->proof = arena_alloc_array(snapshot->arena, PROOFS, sizeof *finding->proof);
    memcpy(finding->proof, long_proofs, sizeof long_proofs);
    finding->proof_count = PROOFS;
    finding->cost = finding->proof + 5;
    finding->cost_count = 2;
    return finding;
}

static void test_lines(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    add_finding(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN, "all stand still");
    for (int width = 80; width < 200; width += 13) {
        struct text_options options = {.width = width, .verdict_only = true};
        char *text = rendering_text(snapshot, &options);
        assert_int_equal(rendering_count_lines(text), 7);
        assert_non_null(strstr(text, "!! DEADLOCK - all stand still"));
        assert_non_null(strstr(text, "[certain]\n"));
        assert_non_null(strstr(text, "\n   where  app.py:3\n"));
        assert_non_null(strstr(text, "\n   proof  first: one word"));
        assert_non_null(strstr(text, "\n   cost   sixth"));
        assert_non_null(strstr(text, " more: -v)"));
        assert_non_null(strstr(text, "\n   next   do something about it\n"));
        rendering_check_lines(text, width, true);
        free(text);
    }
    snapshot_destroy(snapshot);
}

/* Not a word is lost. */
static void test_verbose(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    for (int i = 0; i < 20; i++)
        add_finding(snapshot, SNAPSHOT_FINDING_BACKLOG, i % SNAPSHOT_CONFIDENCE_COUNT,
                    arena_format(snapshot->arena, "number %d and %s", i, long_proofs[0]));
    struct text_options options = {.width = 80, .verdict_only = true, .verbose = true};
    char *text = rendering_text(snapshot, &options);
    size_t last_words = 0;
    for (const char *at = text; (at = strstr(at, "the very last")); at++)
        last_words++;
    assert_int_equal(last_words, 20);
    assert_null(strstr(text, "..."));
    assert_null(strstr(text, "-v"));
    for (int i = 0; i < 20; i++)
        assert_non_null(strstr(text, arena_format(snapshot->arena, "number %d and first", i)));
    rendering_check_lines(text, 80, true);
    free(text);
    snapshot_destroy(snapshot);
}

/* The gravest first; what is only possible in two lines each, behind all others. */
static void test_order(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    add_finding(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_POSSIBLE, "maybe one");
    add_finding(snapshot, SNAPSHOT_FINDING_LOOP_BLOCKED, SNAPSHOT_CERTAIN, "Surely");
    add_finding(snapshot, SNAPSHOT_FINDING_BACKLOG, SNAPSHOT_LIKELY, "backlog: seven clients");
    add_finding(snapshot, SNAPSHOT_FINDING_BACKLOG, SNAPSHOT_POSSIBLE, NULL);
    add_finding(snapshot, SNAPSHOT_FINDING_EXC_UNRETRIEVED, SNAPSHOT_POSSIBLE, "EXCEPTIONS: 3");
    struct text_options options = {.width = 100, .verdict_only = true};
    char *text = rendering_text(snapshot, &options);
    const char *expected[] = {"!! LOOP BLOCKED - Surely  ", "\n ! backlog: seven clients  ",
                              "\n ? DEADLOCK - maybe one  ",
                              "\n ? BACKLOG - clients wait to be accepted  ",
                              "\n ? EXCEPTIONS: 3  "};
    const char *at = text;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        at = strstr(at, expected[i]);
        assert_non_null(at);
    }
    assert_int_equal(rendering_count_lines(text), 7 + 3 + 2 + 2 + 2);
    free(text);
    snapshot_destroy(snapshot);
}

static void test_ok(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    struct text_options options = {.width = 100, .verdict_only = true};
    char *text = rendering_text(snapshot, &options);
    assert_string_equal(text, ""); /* nobody analysed it */
    free(text);
    snapshot->verdict.text = "OK: the loop is well";
    add_finding(snapshot, SNAPSHOT_FINDING_BACKLOG, SNAPSHOT_POSSIBLE, "perhaps");
    text = rendering_text(snapshot, &options);
    assert_ptr_equal(strstr(text, "OK the loop is well\n ? BACKLOG - perhaps  "), text);
    assert_int_equal(rendering_count_lines(text), 3);
    free(text);
    snapshot_destroy(snapshot);
}

/* Tasks and threads by their names. */
static void test_who(void **state) {
    (void)state;
    static snapshot_id tasks[] = {0x10, 0x20, 0x30, 0x40, 0x50};
    static int64_t threads[] = {42};
    struct snapshot *snapshot = snapshot_create();
    rendering_add_task(snapshot, "alone")->coroutine = "Api.get";
    for (int i = 0; i < 3; i++)
        rendering_add_task(snapshot, i ? "other" : NULL);
    struct snapshot_finding *finding =
        add_finding(snapshot, SNAPSHOT_FINDING_DEADLOCK, SNAPSHOT_CERTAIN, "x");
    struct text_options options = {.width = 100, .verdict_only = true};
    finding->tasks = tasks;
    finding->task_count = 1;
    finding->threads = threads;
    finding->thread_count = 1;
    char *text = rendering_text(snapshot, &options);
    assert_non_null(strstr(text, "\n   who    task alone (Api.get); tid 42\n"));
    free(text);
    finding->task_count = 5;
    finding->thread_count = 0;
    text = rendering_text(snapshot, &options);
    assert_non_null(strstr(text, "\n   who    other x 2, task 0x20, task 0x50, alone\n"));
    free(text);
    snapshot_destroy(snapshot);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines), cmocka_unit_test(test_verbose), cmocka_unit_test(test_order),
        cmocka_unit_test(test_ok),    cmocka_unit_test(test_who),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
