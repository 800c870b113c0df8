/* Children of children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/child.h"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* `depth` generations below this one, one child each. */
static void fork_generations(int depth) {
    child_shared->ticks++;
    for (int i = 0; i < depth; i++) {
        pid_t pid = fork();
        if (pid > 0)
            break;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_shared->ticks++;
    }
    child_pause_forever(NULL);
}

static void *fork_in_thread(void *unused) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_shared->ticks++;
        child_pause_forever(NULL);
    }
    child_pause_forever(unused);
    return NULL;
}

/* Three generations, and a child of another thread. */
static void have_children(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, fork_in_thread, NULL);
    usleep(10000);
    fork_generations(3);
}

static void wait_for_ticks(unsigned long count) {
    for (int i = 0; i < 3000 && child_shared->ticks < count; i++)
        usleep(1000);
    assert_int_equal(child_shared->ticks, count);
}

static void test_generations(void **state) {
    (void)state;
    struct target_descendant *found;
    pid_t pid = child_start(have_children);
    size_t count;
    wait_for_ticks(5);
    assert_true(process_list_descendants(pid, arena, &found, &count));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(found[i].pid, pid);
        assert_int_equal(kill(found[i].pid, 0), 0);
    }
    assert_int_equal(found[0].parent, pid);
    assert_int_equal(found[1].parent, pid);
    assert_true(found[2].parent == found[0].pid || found[2].parent == found[1].pid);
    assert_int_equal(found[3].parent, found[2].pid);
    for (size_t i = count; i > 0; i--)
        kill(found[i - 1].pid, SIGKILL);
    child_finish(pid);
}

static void test_none(void **state) {
    (void)state;
    struct target_descendant *found;
    pid_t pid = child_start(child_count_forever);
    size_t count = 9;
    assert_true(process_list_descendants(pid, arena, &found, &count));
    assert_int_equal(count, 0);
    child_finish(pid);
    assert_true(process_list_descendants(INT32_MAX, arena, &found, &count));
    assert_int_equal(count, 0);
}

static void test_own(void **state) {
    (void)state;
    struct target_descendant *found;
    pid_t first = child_start(child_count_forever), second = child_start(child_count_forever);
    size_t count;
    assert_true(process_list_descendants(getpid(), arena, &found, &count));
    assert_int_equal(count, 2);
    assert_int_equal(found[0].pid + found[1].pid, first + second);
    child_finish(first);
    child_finish(second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_generations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_own, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
