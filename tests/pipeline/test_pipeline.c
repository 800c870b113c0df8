/*
 * From bytes to text, in one place: the first read for newcomers. A fake interpreter is built
 * object by object (tests/support/fake_server.c), walked, folded and rendered. Step through it in
 * gdb; no Python is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/fake_server.h"
#include "asyncspy/analysis/edges.h"
#include "asyncspy/analysis/group.h"
#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/json.h"

/* What `write` writes, as one string; free() it. */
static char *capture_text(const struct snapshot *snapshot,
                          struct error *(*write)(const struct snapshot *snapshot, FILE *out)) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_null(write(snapshot, out));
    fclose(out);
    return text;
}

static struct error *write_text(const struct snapshot *snapshot, FILE *out) {
    struct text_options options = {.width = 100};
    return render_text(snapshot, &options, out);
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("`%s` is not in:\n%s", part, text);
}

static void test_bytes_to_text(void **state) {
    (void)state;
    for (size_t i = 0; py_table_get(i); i++) {
        /* 1. A target: an interpreter with one task in each state, as bytes. */
        struct fake_interpreter *fake = fake_server_create(py_table_get(i));
        struct snapshot *snapshot = snapshot_create();

        /* 2. The walk reads the bytes through the layout of that version into plain data. */
        assert_null(fake_server_walk(fake, snapshot));
        const struct snapshot_task *worker = fake_server_find(fake, snapshot, SERVER_WAITING);
        assert_int_equal(worker->frames.count, 2);

        /* 3. Analysis: who awaits whom, which stacks are the same. */
        edges_find(snapshot);
        group_tasks(snapshot);
        assert_int_equal(worker->awaited_by_count, 1);
        assert_int_equal(worker->awaited_by[0], fake->tasks[SERVER_ON_TASK]);

        /* 4. Text for people, JSON for programs. */
        char *text = capture_text(snapshot, write_text);
        assert_has(text, "RUNNING  busy");
        assert_has(text, "/srv/app.py:21");
        assert_has(text, "Task-7");
        assert_has(text, "await chain: it forms a cycle");
        free(text);
        char *json = capture_text(snapshot, snapshot_json_write);
        assert_has(json, "\"schema\": \"asyncspy.snapshot/1\"");
        assert_has(json, "\"state\":\"not_started\"");
        free(json);

        snapshot_destroy(snapshot);
        fake_interpreter_destroy(fake);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bytes_to_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
