/* The wait graph of the text report: bounded, each node once, cycles drawn as cycles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "../support/rendering.h"
#include "asyncspy/analysis/group.h"

/* The lines below the title of the graph. Free it. */
static char *draw(struct snapshot *snapshot, struct text_options options) {
    options.graph = true;
    group_tasks(snapshot);
    char *text = rendering_text(snapshot, &options);
    char *title = strstr(text, "WAIT GRAPH");
    assert_non_null(title);
    char *end = strstr(title, "\n\n"), *lines = strchr(title, '\n') + 1;
    char *graph = strndup(lines, end ? (size_t)(end + 1 - lines) : strlen(lines));
    rendering_check_lines(text, options.width, true);
    free(text);
    return graph;
}

static void assert_graph(struct snapshot *snapshot, const char *expected) {
    char *graph = draw(snapshot, (struct text_options){.width = 100});
    assert_string_equal(graph, expected);
    free(graph);
    snapshot_destroy(snapshot);
}

static struct snapshot_object *add_lock(struct snapshot *snapshot, const char *label,
                                        snapshot_id holder) {
    struct snapshot_object *object = SNAPSHOT_APPEND(snapshot, &snapshot->objects);
    *object =
        (struct snapshot_object){.id = 0x1000 + 0x10 * snapshot->objects.count, .label = label};
    object->holders = arena_alloc(snapshot->arena, sizeof *object->holders);
    *object->holders = (struct snapshot_holder){
        .task = holder, .tid = SNAPSHOT_UNKNOWN, .confidence = SNAPSHOT_CERTAIN};
    object->holder_count = 1;
    return object;
}

static void test_nothing(void **state) {
    (void)state;
    assert_graph(snapshot_create(), "  nobody waits for anything\n");
}

static void test_deadlock(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    static const snapshot_id both[] = {0x10, 0x20};
    struct snapshot_object *first = add_lock(snapshot, "Lock#1", 0x10);
    snapshot_id second = add_lock(snapshot, "Lock#2", 0x20)->id;
    first = &snapshot->objects.items[0];
    for (int i = 0; i < 4; i++) {
        struct snapshot_task *task =
            rendering_add_task(snapshot, arena_format(snapshot->arena, "t-%d", i));
        rendering_add_wait(snapshot, task, SNAPSHOT_WAIT_LOCK, i ? "first" : "second")->object =
            i ? first->id : second;
        task->coroutine = i < 2 ? "transfer" : "audit";
    }
    rendering_wait_for(snapshot, rendering_add_task(snapshot, "main"), 2, both);
    assert_graph(snapshot, "  t-0\n"
                           "  |- main\n"
                           "  `- Lock#1  held by t-0\n"
                           "     |- [x2 of] t-2, t-3\n"
                           "     `- t-1\n"
                           "        |- Lock#2  held by t-1\n"
                           "        |  `- -> t-0  (cycle)\n"
                           "        `- -> main  (also here)\n");
}

/* A task that waits for itself, beside others that are well. */
static void test_self(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    static const snapshot_id self[] = {0x10};
    rendering_wait_for(snapshot, rendering_add_task(snapshot, "self"), 1, self);
    for (int i = 0; i < 3; i++)
        rendering_add_wait(snapshot, rendering_add_task(snapshot, "tick"), SNAPSHOT_WAIT_SLEEP,
                           "sleep");
    assert_graph(snapshot, "  self\n"
                           "  `- -> self  (cycle)\n"
                           "  timers\n"
                           "  `- [x3 of] tick x 3\n");
}

/* What looks alike but has different waiters is not folded. */
static void test_shapes(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    static const snapshot_id some[] = {0x10, 0x20};
    for (int i = 0; i < 5; i++)
        rendering_add_wait(snapshot, rendering_add_task(snapshot, "nap"), SNAPSHOT_WAIT_SLEEP,
                           "sleep");
    rendering_wait_for(snapshot, rendering_add_task(snapshot, "one"), 1, some);
    rendering_wait_for(snapshot, rendering_add_task(snapshot, "two"), 1, some + 1);
    assert_graph(snapshot, "  timers\n"
                           "  |- [x3 of] nap x 3\n"
                           "  `- [x2 of] nap x 2\n"
                           "     `- [x2 of] one, two\n");
}

static struct snapshot *make_chain(size_t count) {
    struct snapshot *snapshot = snapshot_create();
    for (size_t i = 1; i <= count; i++) {
        snapshot_id next = 0x10 * (i + 1);
        struct snapshot_task *task =
            rendering_add_task(snapshot, arena_format(snapshot->arena, "link-%zu", i));
        if (i < count)
            rendering_wait_for(snapshot, task, 1, &next);
    }
    return snapshot;
}

/* The depth is bounded; nothing recurses. */
static void test_chain(void **state) {
    (void)state;
    struct snapshot *snapshot = make_chain(100000);
    char *graph = draw(snapshot, (struct text_options){.width = 80});
    assert_true(rendering_count_lines(graph) < 20);
    assert_non_null(strstr(graph, "... 1 wait for that"));
    free(graph);
    graph = draw(snapshot, (struct text_options){.width = 80, .verbose = true});
    assert_true(rendering_count_lines(graph) < 40);
    free(graph);
    snapshot_destroy(snapshot);
}

/* Everybody waits for everybody: as many edges as can be. */
static void test_dense(void **state) {
    (void)state;
    struct snapshot *snapshot = snapshot_create();
    snapshot_id all[300];
    for (size_t i = 0; i < 300; i++)
        all[i] = 0x10 * (i + 1);
    for (size_t i = 0; i < 300; i++)
        rendering_wait_for(snapshot, rendering_add_task(snapshot, "x"), 300, all);
    char *graph = draw(snapshot, (struct text_options){.width = 80});
    assert_true(rendering_count_lines(graph) < 30);
    free(graph);
    snapshot_destroy(snapshot);
}

static unsigned next_random(unsigned *seed) {
    *seed = *seed * 1103515245U + 12345U;
    return *seed >> 16;
}

/* Whatever the edges are: every task that waits, or is waited for, is told of exactly once. */
static void check_random(unsigned seed) {
    struct snapshot *snapshot = snapshot_create();
    size_t count = 2 + next_random(&seed) % 7;
    bool involved[16] = {false};
    for (size_t i = 0; i < count; i++) {
        snapshot_id tasks[3];
        size_t edges = next_random(&seed) % 4;
        struct snapshot_task *task =
            rendering_add_task(snapshot, arena_format(snapshot->arena, "<%zu>", i));
        task->coroutine = task->name; /* a group of its own: it is not folded */
        for (size_t j = 0; j < edges; j++) {
            size_t other = next_random(&seed) % count;
            tasks[j] = 0x10 * (other + 1);
            involved[other] = involved[i] = true;
        }
        if (edges)
            rendering_wait_for(snapshot, task, edges, tasks);
    }
    char *graph = draw(snapshot, (struct text_options){.width = 160, .verbose = true});
    for (size_t i = 0; i < count; i++) {
        size_t times = 0;
        for (char *line = graph, *end; (end = strchr(line, '\n')); line = end + 1) {
            char *found = memmem(line, (size_t)(end - line), snapshot->tasks.items[i].name, 3);
            assert_null(memmem(line, (size_t)(end - line), "- [x", 4)); /* but arrows are folded */
            times += found && !memmem(line, (size_t)(end - line), "->", 2);
        }
        if (times != (involved[i] ? 1 : 0))
            fail_msg("task <%zu> stands %zu times in\n%s", i, times, graph);
    }
    free(graph);
    snapshot_destroy(snapshot);
}

static void test_random(void **state) {
    (void)state;
    for (unsigned seed = 1; seed < 3000; seed++)
        check_random(seed);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing), cmocka_unit_test(test_deadlock),
        cmocka_unit_test(test_self),    cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_chain),   cmocka_unit_test(test_dense),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
