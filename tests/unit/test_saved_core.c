/* What a saved core says besides memory: written, read again, and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/fake_target.h"
#include "../support/full_snapshot.h"
#include "asyncspy/snapshot/json.h"
#include "asyncspy/snapshot/saved_core.h"

struct text {
    char *bytes;
    size_t size;
};

static struct text write_full(const struct snapshot *snapshot, size_t walked_tasks) {
    static snapshot_id tasks[] = {0x7f01, 0x7f02}, loops[] = {0x7f03};
    struct saved_thread thread = {.tid = 4711,
                                  .namespace_tid = 17,
                                  .name = "python",
                                  .state = "S",
                                  .wait_channel = "ep_poll",
                                  .syscall = 232,
                                  .arguments = {3, UINT64_MAX, 0},
                                  .cpu_s = 0.25};
    struct saved_search search = {
        .interpreter = 0x5551, .tasks = tasks, .task_count = 2, .loops = loops, .loop_count = 1};
    const struct saved_core saved = {.monotonic = 41338.369561404,
                                     .python = {.hexversion = 0x030b07f0,
                                                .debug_build = true,
                                                .module = "/usr/lib/libpython3.11.so",
                                                .build_id = "49da",
                                                .runtime = UINT64_MAX,
                                                .runtime_size = 166688,
                                                .asyncio_data = 0x7f20,
                                                .asyncio_data_size = 7888},
                                     .threads = &thread,
                                     .thread_count = 1,
                                     .is_searched = true,
                                     .searches = &search,
                                     .search_count = 1,
                                     .walked_tasks = walked_tasks};
    struct text text = {NULL, 0};
    FILE *out = open_memstream(&text.bytes, &text.size);
    fake_expect_success(saved_core_write(&saved, snapshot, out));
    fclose(out);
    return text;
}

static void test_what_comes_before_the_memory(void **state) {
    struct snapshot *snapshot = full_snapshot_create();
    struct text text = write_full(snapshot, snapshot->tasks.count);
    struct saved_core core;
    (void)state;
    fake_expect_success(saved_core_read(text.bytes, text.size, snapshot, &core));
    assert_true(core.monotonic == 41338.369561404);
    assert_int_equal(core.python.hexversion, 0x030b07f0);
    assert_true(core.python.debug_build && !core.python.free_threaded);
    assert_true(core.python.runtime == UINT64_MAX);
    assert_int_equal(core.python.runtime_size, 166688);
    assert_int_equal(core.python.current_thread, 0);
    assert_string_equal(core.python.build_id, "49da");
    assert_int_equal(core.thread_count, 1);
    assert_int_equal(core.threads[0].namespace_tid, 17);
    assert_true(core.threads[0].arguments[1] == UINT64_MAX);
    assert_string_equal(core.threads[0].wait_channel, "ep_poll");
    assert_true(core.is_searched);
    assert_int_equal(core.searches[0].tasks[1], 0x7f02);
    assert_int_equal(core.searches[0].loop_count, 1);
    free(text.bytes);
    snapshot_destroy(snapshot);
}

static char *write_json(const struct snapshot *snapshot) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fake_expect_success(snapshot_json_write(snapshot, out));
    fclose(out);
    return text;
}

/* What the memory alone gives of the snapshot, but for the first `tasks` of its tasks. */
static struct snapshot *forget(size_t tasks) {
    struct snapshot *snapshot = full_snapshot_create();
    snapshot->tasks.count = tasks;
    for (size_t i = 0; i < tasks; i++) {
        struct snapshot_wait *wait = snapshot->tasks.items[i].awaiting;
        snapshot->tasks.items[i].moved = SNAPSHOT_MAYBE;
        if (!wait || wait->kind != SNAPSHOT_WAIT_FUTURE)
            continue;
        wait->referrer_count = 0;
        wait->referrers_complete = SNAPSHOT_MAYBE;
    }
    for (size_t i = 0; i < snapshot->event_loops.count; i++) {
        snapshot->event_loops.items[i].moved = SNAPSHOT_MAYBE;
        snapshot->event_loops.items[i].common_frames = SNAPSHOT_UNKNOWN;
    }
    for (size_t i = 0; i < snapshot->threads.count; i++)
        snapshot->threads.items[i].moved = SNAPSHOT_MAYBE;
    snapshot->sockets.count = snapshot->coroutines.count = snapshot->missing.count = 0;
    snapshot->has_coroutines = false;
    snapshot->captured_at = NULL;
    snapshot->capture.second_look_s = NAN;
    snapshot->target.pid = 1;
    snapshot->target.started_at = NULL;
    return snapshot;
}

static void check_completed(size_t walked_tasks) {
    struct snapshot *full = full_snapshot_create(), *snapshot = forget(walked_tasks);
    struct text text = write_full(full, walked_tasks);
    char *expected = write_json(full), *bare = write_json(snapshot);
    assert_string_not_equal(bare, expected);
    fake_expect_success(saved_core_complete(text.bytes, text.size, snapshot));
    char *completed = write_json(snapshot);
    assert_string_equal(completed, expected);
    free(bare);
    free(completed);
    free(expected);
    free(text.bytes);
    snapshot_destroy(snapshot);
    snapshot_destroy(full);
}

static void test_what_the_memory_does_not_tell(void **state) {
    struct snapshot *full = full_snapshot_create();
    (void)state;
    check_completed(full->tasks.count);
    check_completed(full->tasks.count - 1);
    check_completed(0);
    snapshot_destroy(full);
}

/* A picture of one look, without a search: nothing becomes an answer. */
static void test_unknown_stays_unknown(void **state) {
    struct snapshot *bare = forget(1), *snapshot = forget(1);
    struct text text = write_full(bare, 1);
    (void)state;
    fake_expect_success(saved_core_complete(text.bytes, text.size, snapshot));
    assert_int_equal(snapshot->tasks.items[0].moved, SNAPSHOT_MAYBE);
    assert_int_equal(snapshot->event_loops.items[0].moved, SNAPSHOT_MAYBE);
    assert_false(snapshot->has_coroutines);
    assert_true(isnan(snapshot->capture.second_look_s));
    free(text.bytes);
    snapshot_destroy(snapshot);
    snapshot_destroy(bare);
}

static void expect_refusal(const char *text, const char *words) {
    struct snapshot *owner = snapshot_create();
    struct saved_core core;
    struct error *err = saved_core_read(text, strlen(text), owner, &core);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_INVALID);
    if (!strstr(error_get_message(err), words))
        fail_msg("%s", error_get_message(err));
    error_destroy(err);
    snapshot_destroy(owner);
}

static void test_refused(void **state) {
    (void)state;
    expect_refusal("", "no JSON");
    expect_refusal("[]", "one JSON object");
    expect_refusal("{}", "schema: is missing");
    expect_refusal("{\"schema\": \"asyncspy.core/2\"}", "another version");
    expect_refusal("{\"schema\": \"asyncspy.core/1\"}", "python: is missing");
    expect_refusal("{\"schema\": \"asyncspy.core/1\", \"python\": {}}", "hexversion: is missing");
    expect_refusal("{\"schema\": \"asyncspy.core/1\", \"python\": {\"hexversion\": 4294967296}}",
                   "hexversion: is missing or out of range");
    expect_refusal("{\"schema\": \"asyncspy.core/1\", \"python\": {\"hexversion\": 1, "
                   "\"runtime\": \"0x1\"}, \"kernel_threads\": [{\"tid\": 4294967296, "
                   "\"namespace_tid\": 1}]}",
                   "tid: is out of range");
}

/* Every byte once changed: refused, or read as something else, and nothing worse. */
static void test_damaged(void **state) {
    struct snapshot *full = full_snapshot_create();
    struct text text = write_full(full, 1);
    (void)state;
    for (size_t i = 0; i < text.size; i += 3) {
        struct snapshot *snapshot = forget(1), *owner = snapshot_create();
        struct saved_core core;
        char before = text.bytes[i];
        text.bytes[i] = (char)(before ^ (1 << i % 7));
        error_destroy(saved_core_read(text.bytes, text.size, owner, &core));
        error_destroy(saved_core_complete(text.bytes, text.size, snapshot));
        text.bytes[i] = before;
        snapshot_destroy(snapshot);
        snapshot_destroy(owner);
    }
    free(text.bytes);
    snapshot_destroy(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_before_the_memory),
        cmocka_unit_test(test_what_the_memory_does_not_tell),
        cmocka_unit_test(test_unknown_stays_unknown),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
