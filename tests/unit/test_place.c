/* Whose a frame is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "asyncspy/analysis/place.h"

static void test_origin(void **state) {
    (void)state;
    static const struct {
        const char *file;
        enum frame_origin origin;
        const char *shorter;
    } files[] = {
        {"/app/main.py", FRAME_USER, "/app/main.py"},
        {"app/main.py", FRAME_USER, "app/main.py"},
        {"/srv/fast.pyx", FRAME_USER, "/srv/fast.pyx"},
        {"/usr/lib/python3.11/asyncio/queues.py", FRAME_STDLIB, "asyncio/queues.py"},
        {"/usr/lib64/python3.13t/queue.py", FRAME_STDLIB, "queue.py"},
        {"/home/python3.9/queue.py", FRAME_USER, "/home/python3.9/queue.py"},
        {"<frozen runpy>", FRAME_STDLIB, "<frozen runpy>"},
        {NULL, FRAME_STDLIB, "?"},
        {"/usr/lib/python3/dist-packages/asyncpg/pool.py", FRAME_PACKAGE, "asyncpg/pool.py"},
        {"/v/lib/python3.12/site-packages/redis/client.py", FRAME_PACKAGE, "redis/client.py"},
        {"uvloop/loop.pyx", FRAME_PACKAGE, "uvloop/loop.pyx"},
        {"asyncpg/protocol/protocol.pyx", FRAME_PACKAGE, "asyncpg/protocol/protocol.pyx"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct snapshot_frame frame = {.function = "f", .file = files[i].file};
        assert_int_equal(frame_get_origin(&frame), files[i].origin);
        assert_string_equal(frame_get_short_file(&frame), files[i].shorter);
    }
    assert_int_equal(frame_get_origin(&(struct snapshot_frame){.native = true, .file = "/app/x.c"}),
                     FRAME_STDLIB);
}

/* The innermost frame of the program, else that of a library. */
static void test_user_frame(void **state) {
    (void)state;
    const struct snapshot_frame frames[] = {{.file = "/usr/lib/python3.11/queue.py"},
                                            {.file = "asyncpg/protocol/protocol.pyx"},
                                            {.file = "/app/main.py"}};
    const struct snapshot_frame *pointers[] = {&frames[0], &frames[1], &frames[2]};
    struct snapshot_stack stack = {3, pointers};
    assert_ptr_equal(stack_find_user(&stack), &frames[2]);
    stack.count = 2;
    assert_ptr_equal(stack_find_user(&stack), &frames[1]);
    stack.count = 1;
    assert_ptr_equal(stack_find_user(&stack), &frames[0]);
    stack.count = 0;
    assert_null(stack_find_user(&stack));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_user_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
