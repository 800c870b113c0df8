/*
 * From bytes to text, in one place: the first read for newcomers. A fake Python of each version is
 * built object by object (tests/support/fake_program.c), walked, folded and rendered. Step through
 * it in gdb; no Python is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/capture/walk.h"
#include "../support/fake_asyncio.h"
#include "../support/fake_target.h"
#include "asyncspy/analysis/analyze.h"
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

static void test_bytes_to_text(struct fake_target *target) {
    /* 1. A target: an interpreter with a task in every state, as bytes. */
    struct fake_asyncio aio;
    struct fake_program program;
    fake_asyncio_create(&aio, target->fake);
    fake_program_create(&program, &aio);
    fake_target_open(target, aio.runtime);

    /* 2. The walk reads the bytes through the layout of that version into plain data. */
    struct target_thread kernel = {.tid = 4711, .namespace_tid = 4711, .name = "python3"};
    struct walk_search search = {0};
    fake_expect_success(walk_interpreters(target->py, target->snapshot,
                                          &(struct walk_kernel){&kernel, 1, NAN}, &search));

    /* 3. Analysis: who awaits whom, which stacks are the same, what is wrong. */
    analyze(target->snapshot, NULL);
    assert_true(target->snapshot->groups.count > 3);

    /* 4. Text for people, JSON for programs. */
    char *text = capture_text(target->snapshot, write_text);
    assert_has(text, "RUNNING");
    assert_has(text, "busy");
    assert_has(text, "srv/app.py:");
    free(text);
    char *json = capture_text(target->snapshot, snapshot_json_write);
    assert_has(json, "\"schema\": \"asyncspy.snapshot/1\"");
    assert_has(json, "\"state\":\"not_started\"");
    free(json);
}

FAKE_EACH_VERSION(test_bytes_to_text)

int main(void) {
    const struct CMUnitTest tests[] = {FAKE_TEST(test_bytes_to_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
