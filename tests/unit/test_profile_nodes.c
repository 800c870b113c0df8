/* Nodes of a profile when there is no room for all: nothing is lost, and whoever leaves is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "../../src/analysis/profile_build.h"
#include "../../src/analysis/profile_nodes.h"

#define TASKS 40
#define STEPS 3000
#define STACKS 12
#define WAITS 600

struct place {
    bool is_there;
    struct profile_part parts[2];
    size_t count;
};

static struct snapshot_frame frames[STACKS];
static const struct snapshot_frame *lists[STACKS];
static struct snapshot_stack stacks[STACKS];
static struct recording_wait waits[WAITS];
static char names[WAITS][16];

static unsigned pick(unsigned *seed, unsigned below) {
    *seed = *seed * 1103515245U + 12345U;
    return (*seed >> 16) % below;
}

static int make_parts(void **state) {
    (void)state;
    for (int i = 0; i < STACKS; i++) {
        frames[i] = (struct snapshot_frame){.function = "f", .line = i};
        lists[i] = &frames[i];
        stacks[i] = (struct snapshot_stack){1, &lists[i]};
    }
    for (int i = 0; i < WAITS; i++) {
        snprintf(names[i], sizeof names[i], "Lock#%d", i / 2);
        waits[i] = (struct recording_wait){.kind = SNAPSHOT_WAIT_LOCK,
                                           .object = i < WAITS - 5 ? names[i] : NULL};
    }
    return 0;
}

static struct profile_node *get(struct profile_nodes *nodes, const struct place *place) {
    struct profile_node *node = NULL;
    for (size_t i = 0; i < place->count; i++)
        node = profile_nodes_get(nodes, node, &place->parts[i]);
    return node;
}

/* Somewhere: one or two stacks, and perhaps a wait. */
static struct place pick_place(unsigned *seed, unsigned stack_count, unsigned wait_count) {
    struct place place = {.is_there = true, .count = 1 + pick(seed, 2)};
    for (size_t i = 0; i < place.count; i++)
        place.parts[i] =
            (struct profile_part){.kind = PART_STACK, .stack = &stacks[pick(seed, stack_count)]};
    if (pick(seed, 4)) {
        place.parts[place.count - 1].leaf = LEAF_WAIT;
        place.parts[place.count - 1].wait = &waits[pick(seed, wait_count)];
    }
    return place;
}

static struct profile check_sum(struct arena *arena, struct profile_nodes *nodes, size_t most,
                                double weight_s, uint64_t samples) {
    struct profile profile = {0};
    profile_build(arena, nodes, most, &profile);
    assert_true(fabs(profile.weight_s - weight_s) < 1e-6);
    for (size_t i = 0; i < profile.stack_count; i++)
        samples -= profile.stacks[i].samples;
    assert_int_equal(samples, 0);
    return profile;
}

static void run(unsigned seed, size_t most, unsigned stack_count, unsigned wait_count,
                size_t frames_most) {
    struct arena *arena = arena_create();
    struct profile_nodes *nodes = profile_nodes_create(most);
    struct place places[TASKS] = {0};
    double weight_s = 0;
    uint64_t present = 0, samples = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        struct place *place = &places[pick(&seed, TASKS)];
        profile_nodes_set_time(nodes, step, step);
        if (place->is_there)
            profile_nodes_leave(nodes, get(nodes, place));
        present -= place->is_there;
        *place = (struct place){0};
        if (pick(&seed, 3) && step < STEPS - 1) {
            *place = pick_place(&seed, stack_count, wait_count);
            profile_nodes_enter(nodes, get(nodes, place));
            present++;
        }
        weight_s += (double)present;
        samples += present;
    }
    profile_nodes_set_time(nodes, STEPS, STEPS);
    for (size_t i = 0; i < TASKS; i++)
        if (places[i].is_there)
            profile_nodes_leave(nodes, get(nodes, &places[i]));
    assert_true(profile_nodes_count(nodes) <= most);
    for (size_t i = 0; i < profile_nodes_count(nodes); i++)
        assert_int_equal(profile_nodes_at(nodes, i)->present, 0);
    assert_int_equal(profile_nodes_get_more(nodes)->present, 0);
    profile_nodes_finish(nodes);
    check_sum(arena, nodes, frames_most, weight_s, samples);
    profile_nodes_destroy(nodes);
    arena_destroy(arena);
}

static void test_limits(void **state) {
    (void)state;
    static const size_t limits[] = {0, 1, 2, 3, 10, 100, 300, 1000, 5000};
    for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++)
        for (unsigned seed = 0; seed < 4; seed++) {
            run(seed, limits[i], 1, WAITS, 1000);
            run(seed, limits[i], STACKS, WAITS, 20);
            run(seed, limits[i], STACKS, 10, 1000);
        }
}

/* The heaviest stacks stay when there is room for some only. */
static void test_frames(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    struct profile_nodes *nodes = profile_nodes_create(100);
    for (int i = 0; i < STACKS; i++) {
        struct profile_part part = {.kind = PART_STACK, .stack = &stacks[i]};
        profile_node_charge(profile_nodes_get(nodes, NULL, &part), i);
    }
    profile_nodes_finish(nodes);
    struct profile profile = check_sum(arena, nodes, 3, 66, STACKS);
    assert_int_equal(profile.stack_count, 4);
    assert_string_equal(profile.stacks[0].frames[0]->name, "(more stacks)");
    assert_true(profile.stacks[0].weight_s == 66 - 11 - 10 - 9);
    assert_true(profile.stacks[3].weight_s == 9);
    profile_nodes_destroy(nodes);
    profile_nodes_destroy(NULL);
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_limits, make_parts),
        cmocka_unit_test_setup(test_frames, make_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
