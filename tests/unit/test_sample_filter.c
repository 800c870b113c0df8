/* Which stacks and tasks patterns pick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/recorded.h"
#include "asyncspy/analysis/sample_filter.h"

static struct recorded *recorded;

static int create(void **state) {
    (void)state;
    recorded = recorded_create();
    return 0;
}

static int destroy(void **state) {
    (void)state;
    recorded_destroy(recorded);
    return 0;
}

static bool picks(enum sample_filter_subject subject, const char *pattern, const char *stack,
                  const char *task) {
    struct sample_filter *filter = sample_filter_create();
    sample_filter_add(filter, subject, false, pattern);
    bool first = sample_filter_wants(filter, recorded_stack(recorded, stack), task);
    assert_int_equal(sample_filter_wants(filter, recorded_stack(recorded, stack), task), first);
    sample_filter_destroy(filter);
    return first;
}

static const struct {
    const char *pattern, *file;
    bool is_picked;
} modules[] = {
    {"db", "/srv/app/shop/db.py", true},
    {"shop.db", "/srv/app/shop/db.py", true},
    {"shop.*", "/srv/app/shop/db.py", true},
    {"shop", "/srv/app/shop/db.py", true},
    {"*.db", "/srv/app/shop/db.py", true},
    {"srv.app.shop.db", "/srv/app/shop/db.py", true},
    {"sh?p.d[ab]", "/srv/app/shop/db.py", true},
    {"d", "/srv/app/shop/db.py", false},
    {"hop.db", "/srv/app/shop/db.py", false},
    {"db.shop", "/srv/app/shop/db.py", false},
    {"shop.db.*", "/srv/app/shop/db.py", false},
    {"shop", "/srv/app/shop/__init__.py", true},
    {"__init__", "/srv/app/shop/__init__.py", false},
    {"asyncio.tasks", "/usr/lib/python3.11/asyncio/tasks.py", true},
    {"asyncio.*", "/usr/lib/python3.11/asyncio/tasks.py", true},
    {"asyncio", "/usr/lib/python3.11/asyncio/tasks.py", true},
    {"tasks", "/usr/lib/python3.11/asyncio/tasks.py", false},
    {"lib", "/usr/lib/python3.11/asyncio/tasks.py", false},
    {"aiohttp.web", "/v/lib/python3.11/site-packages/aiohttp/web.py", true},
    {"web", "/v/lib/python3.11/site-packages/aiohttp/web.py", false},
    {"importlib._bootstrap", "<frozen_importlib._bootstrap>", false},
    {"<string>", "<string>", true},
    {"main", "main.py", true},
    {"uvloop.loop", "uvloop/loop.pyx", true},
    {"*/db.py", "/srv/app/shop/db.py", true},
    {"shop/db.py", "/srv/app/shop/db.py", true},
    {"db.py", "/srv/app/shop/db.py", true},
    {"/srv/app/*", "/srv/app/shop/db.py", true},
    {"hop/db.py", "/srv/app/shop/db.py", false},
    {"/srv", "/srv/app/shop/db.py", false},
    {"asyncio/tasks.py", "/usr/lib/python3.11/asyncio/tasks.py", true},
};

static void test_modules(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        char stack[200];
        snprintf(stack, sizeof stack, "f /other.py:1; g %s:2", modules[i].file);
        if (picks(FILTER_MODULE, modules[i].pattern, stack, NULL) != modules[i].is_picked)
            fail_msg("%s of %s", modules[i].pattern, modules[i].file);
    }
}

static void test_frozen_and_native(void **state) {
    (void)state;
    struct snapshot_frame frames[] = {
        {.file = "<frozen importlib._bootstrap>"},
        {.file = "/usr/lib/libc.so.6", .function = "epoll_wait", .native = true},
        {.function = "nowhere"}};
    for (size_t i = 0; i < 3; i++) {
        const struct snapshot_frame *frame = &frames[i];
        const struct snapshot_stack stack = {1, &frame};
        struct sample_filter *filter = sample_filter_create();
        sample_filter_add(filter, FILTER_MODULE, false, "importlib");
        assert_int_equal(sample_filter_wants(filter, &stack, NULL), i == 0);
        sample_filter_destroy(filter);
    }
}

static void test_functions(void **state) {
    (void)state;
    const char *stack = "acquire /a/b.py:1; run.<locals>.Pool.get /a/b.py:2";
    assert_true(picks(FILTER_FUNCTION, "acquire", stack, NULL));
    assert_true(picks(FILTER_FUNCTION, "get", stack, NULL));
    assert_true(picks(FILTER_FUNCTION, "Pool.get", stack, NULL));
    assert_true(picks(FILTER_FUNCTION, "run.*", stack, NULL));
    assert_false(picks(FILTER_FUNCTION, "Pool", stack, NULL));
    assert_false(picks(FILTER_FUNCTION, "acquire", "", NULL));
}

static void test_tasks(void **state) {
    (void)state;
    assert_true(picks(FILTER_TASK, "worker-*", "", "worker-7"));
    assert_false(picks(FILTER_TASK, "worker-*", "", "main"));
    assert_false(picks(FILTER_TASK, "*", "", NULL));
}

/* One of the patterns of each subject has to match, none of those that exclude. */
static void test_together(void **state) {
    (void)state;
    const struct snapshot_stack *both = recorded_stack(recorded, "f /x/a.py:1; g /x/b.py:2");
    const struct snapshot_stack *one = recorded_stack(recorded, "f /x/a.py:1");
    const struct snapshot_stack *other = recorded_stack(recorded, "h /x/c.py:1");
    struct sample_filter *filter = sample_filter_create();
    assert_true(sample_filter_is_empty(filter));
    assert_true(sample_filter_wants(filter, other, NULL));
    sample_filter_add(filter, FILTER_MODULE, false, "a");
    sample_filter_add(filter, FILTER_MODULE, false, "c");
    assert_false(sample_filter_is_empty(filter));
    assert_true(sample_filter_wants(filter, both, NULL));
    assert_true(sample_filter_wants(filter, other, NULL));
    sample_filter_add(filter, FILTER_FUNCTION, false, "f");
    assert_false(sample_filter_wants(filter, other, NULL));
    sample_filter_add(filter, FILTER_MODULE, true, "b");
    assert_false(sample_filter_wants(filter, both, "main"));
    assert_true(sample_filter_wants(filter, one, "main"));
    sample_filter_add(filter, FILTER_TASK, true, "ma*");
    assert_false(sample_filter_wants(filter, one, "main"));
    assert_true(sample_filter_wants(filter, one, "other"));
    assert_true(sample_filter_wants(filter, one, NULL));
    sample_filter_destroy(filter);
    sample_filter_destroy(NULL);
}

/* Memory that is used again for another stack. */
static void test_forget(void **state) {
    (void)state;
    struct snapshot_frame frame = {.function = "f"};
    const struct snapshot_frame *frames = &frame;
    const struct snapshot_stack stack = {1, &frames};
    struct sample_filter *filter = sample_filter_create();
    sample_filter_add(filter, FILTER_FUNCTION, false, "f");
    assert_true(sample_filter_wants(filter, &stack, NULL));
    frame.function = "g";
    sample_filter_forget(filter);
    assert_false(sample_filter_wants(filter, &stack, NULL));
    sample_filter_destroy(filter);
}

/* Paths without end, and of nothing but separators. */
static void test_long_paths(void **state) {
    (void)state;
    char *path = malloc(100001);
    struct snapshot_frame frame = {.file = path};
    const struct snapshot_frame *frames = &frame;
    const struct snapshot_stack stack = {1, &frames};
    for (size_t length = 0; length <= 100000; length = length * 3 + 1)
        for (int i = 0; i < 4; i++) {
            memset(path, "/.<a"[i], length);
            path[length] = 0;
            struct sample_filter *filter = sample_filter_create();
            sample_filter_add(filter, FILTER_MODULE, false, "no.such");
            sample_filter_add(filter, FILTER_MODULE, false, "no/such");
            assert_false(sample_filter_wants(filter, &stack, NULL));
            sample_filter_destroy(filter);
        }
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_modules, create, destroy),
        cmocka_unit_test(test_frozen_and_native),
        cmocka_unit_test_setup_teardown(test_functions, create, destroy),
        cmocka_unit_test_setup_teardown(test_tasks, create, destroy),
        cmocka_unit_test_setup_teardown(test_together, create, destroy),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_long_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
