/* A profile as a tree: stacks that start alike are one branch, lines of a function one node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/made_profile.h"
#include "asyncspy/analysis/profile_tree.h"

#define LEAST 0.00005

struct fixture {
    struct arena *arena;
    struct made_profile *made;
};

static int set_up(void **state) {
    static struct fixture fixture;
    fixture.arena = arena_create();
    fixture.made = made_profile_create(PROFILE_TASKS);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    made_profile_destroy(fixture->made);
    arena_destroy(fixture->arena);
    return 0;
}

static const struct profile_tree *grow(struct fixture *fixture, double least_share) {
    return profile_tree_create(fixture->arena, made_profile_end(fixture->made, 10), least_share);
}

/* "0:all 8, 1:serve 6+1": names by depth, each with its weight and, where it has some, the time in
 * itself. */
static const char *show(struct fixture *fixture, const struct profile_tree *tree) {
    const char *text = "";
    for (size_t i = 0; i < tree->node_count; i++) {
        const struct profile_node *node = &tree->nodes[i];
        text = arena_format(fixture->arena, "%s%s%zu:%s %g", text, i ? ", " : "", node->depth,
                            node->function ? node->function->frame->name
                            : i            ? "(small)"
                                           : "all",
                            node->weight_s);
        if (node->self_s > 0)
            text = arena_format(fixture->arena, "%s+%g", text, node->self_s);
    }
    return text;
}

static const struct profile_function *find(const struct profile_tree *tree, const char *name) {
    for (size_t i = 0; i < tree->functions.count; i++)
        if (strcmp(tree->functions.items[i].frame->name, name) == 0)
            return &tree->functions.items[i];
    fail_msg("no function %s", name);
    return NULL;
}

static void test_joins_stacks(void **state) {
    struct fixture *fixture = *state;
    made_profile_add(fixture->made, "main a.py:1; serve a.py:5; read b.py:9", 2);
    made_profile_add(fixture->made, "main a.py:1; serve a.py:5; read b.py:9; ~sleep", 3);
    made_profile_add(fixture->made, "main a.py:2; serve a.py:5", 1);
    made_profile_add(fixture->made, "main a.py:2; close a.py:7", 8);
    const struct profile_tree *tree = grow(fixture, LEAST);
    assert_string_equal(show(fixture, tree),
                        "0:all 14, 1:main 14, 2:close 8+8, 2:serve 6+1, 3:read 5+2, 4:sleep 3+3");
    assert_int_equal(tree->nodes[0].samples, 1400);
    assert_int_equal(tree->nodes[3].samples, 600);
    assert_int_equal(tree->nodes[1].end, 6);
    assert_int_equal(tree->nodes[2].end, 3);
    assert_int_equal(tree->nodes[3].end, 6);
    assert_int_equal(tree->depth, 4);
    assert_int_equal(tree->small_count, 0);
}

static void test_tells_kinds_and_files_apart(void **state) {
    struct fixture *fixture = *state;
    made_profile_add(fixture->made, "sleep a.py:1", 4);
    made_profile_add(fixture->made, "sleep b.py:1", 3);
    made_profile_add(fixture->made, "sleep", 2);
    made_profile_add(fixture->made, "~sleep", 1);
    assert_string_equal(show(fixture, grow(fixture, LEAST)),
                        "0:all 10, 1:sleep 4+4, 1:sleep 3+3, 1:sleep 2+2, 1:sleep 1+1");
}

static void test_adds_up_functions(void **state) {
    struct fixture *fixture = *state;
    made_profile_add(fixture->made, "f a.py:1; f a.py:2; f a.py:2; g a.py:9", 2);
    made_profile_add(fixture->made, "g a.py:8; f a.py:1", 3);
    made_profile_add(fixture->made, "f a.py:4", 0.5);
    made_profile_add(fixture->made, "f a.py:6", 0.25);
    const struct profile_tree *tree = grow(fixture, LEAST);
    assert_int_equal(tree->functions.count, 2);
    const struct profile_function *f = find(tree, "f"), *g = find(tree, "g");
    assert_true(f->total_s == 5.75 && f->self_s == 3.75); /* itself below itself: once */
    assert_true(g->total_s == 5 && g->self_s == 2);
    assert_int_equal(f->line_count, PROFILE_FUNCTION_LINES);
    assert_true(f->lines[0].line == 1 && f->lines[0].weight_s == 5);
    assert_true(f->lines[1].line == 2 && f->lines[1].weight_s == 2);
    assert_true(f->lines[2].line == 4 && f->lines[2].weight_s == 0.5);
}

static void test_leaves_out_what_is_light(void **state) {
    struct fixture *fixture = *state;
    made_profile_add(fixture->made, "main a.py:1; busy a.py:2", 97);
    made_profile_add(fixture->made, "main a.py:1; a a.py:3; b a.py:4", 0.75);
    made_profile_add(fixture->made, "main a.py:1; c a.py:5", 0.5);
    made_profile_add(fixture->made, "main a.py:1; d a.py:6; e a.py:7", 0.75);
    made_profile_add(fixture->made, "main a.py:1; d a.py:6; f a.py:8", 1);
    const struct profile_tree *tree = grow(fixture, 0.01);
    assert_string_equal(show(fixture, tree),
                        "0:all 100, 1:main 100, 2:busy 97+97, 2:d 1.75, 3:f 1+1, "
                        "2:(small) 1.25+1.25");
    assert_int_equal(tree->small_count, 4); /* b, a, c, e */
    assert_int_equal(tree->nodes[5].samples, 125);
    assert_int_equal(tree->nodes[1].end, 6);
    assert_true(find(tree, "b")->total_s == 0.75);
}

/* A whole profile of what is light has no place for it: it gets coarser. */
static void test_bounds_the_number_of_nodes(void **state) {
    struct fixture *fixture = *state;
    char stack[40];
    made_profile_add(fixture->made, "heavy a.py:1", 1e6);
    for (int i = 0; i < 200000; i++) {
        snprintf(stack, sizeof stack, "f%d a.py:1", i);
        made_profile_add(fixture->made, stack, 1);
    }
    const struct profile_tree *tree = grow(fixture, 0);
    assert_string_equal(show(fixture, tree),
                        "0:all 1.2e+06, 1:heavy 1e+06+1e+06, 1:(small) 200000+200000");
    assert_int_equal(tree->small_count, 200000);
    assert_true(tree->least_s > 1);
}

static void add_deep(struct made_profile *made, size_t depth) {
    struct profile_frame *frames = calloc(depth, sizeof *frames);
    for (size_t i = 0; i < depth; i++)
        frames[i] = (struct profile_frame){.name = i % 2 ? "odd" : "even", .line = 1};
    made_profile_add_frames(made, frames, depth, 1, 100);
    free(frames);
}

static void test_deep_stacks(void **state) {
    struct fixture *fixture = *state;
    add_deep(fixture->made, 20000);
    const struct profile_tree *tree = grow(fixture, LEAST);
    assert_int_equal(tree->node_count, 20001);
    assert_int_equal(tree->depth, 20000);
    assert_true(tree->nodes[20000].self_s == 1);
    assert_true(find(tree, "even")->total_s == 1);
    add_deep(fixture->made, 300000); /* the rest of it nobody would look at */
    tree = grow(fixture, LEAST);
    assert_int_equal(tree->depth, 25001);
    assert_null(tree->nodes[25001].function);
    assert_true(tree->nodes[25001].weight_s == 1 && tree->nodes[25000].weight_s == 1);
    assert_int_equal(tree->small_count, 1);
}

static void test_an_empty_profile(void **state) {
    struct fixture *fixture = *state;
    const struct profile_tree *tree = grow(fixture, LEAST);
    assert_string_equal(show(fixture, tree), "0:all 0");
    assert_int_equal(tree->depth, 0);
    assert_int_equal(tree->nodes[0].end, 1);
}

static void test_weights_that_make_no_sense(void **state) {
    struct fixture *fixture = *state;
    made_profile_add(fixture->made, "a a.py:1", 1);
    struct profile_frame frame = {.name = "b", .line = -1};
    made_profile_add_frames(fixture->made, &frame, 1, (double)NAN, 1);
    made_profile_add_frames(fixture->made, &frame, 1, (double)INFINITY, 1);
    made_profile_add_frames(fixture->made, &frame, 1, -3, 1);
    assert_string_equal(show(fixture, grow(fixture, LEAST)), "0:all 1, 1:a 1+1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_joins_stacks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tells_kinds_and_files_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_adds_up_functions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leaves_out_what_is_light, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds_the_number_of_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deep_stacks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_empty_profile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_weights_that_make_no_sense, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
