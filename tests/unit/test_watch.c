/* Memory that is looked at again and again, over a fake source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support/fake_memory.h"
#include "asyncspy/target/memory.h"

#define BASE UINT64_C(0x7f0000000000)
#define PAGE ((size_t)4096)
#define PAGES 24
#define WORDS (PAGES * PAGE / 8)

struct fixture {
    struct fake_memory *fake;
    struct target_memory *memory;
    unsigned char *bytes; /* those at BASE */
};

static int set_up(void **state) {
    static struct fixture fixture;
    fixture.fake = fake_memory_create();
    struct memory_source source = fake_memory_source(fixture.fake);
    fixture.bytes = fake_memory_map(fixture.fake, BASE, PAGES * PAGE);
    fixture.memory = memory_create(&source);
    memory_watch(fixture.memory, true);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    memory_destroy(fixture->memory);
    fake_memory_destroy(fixture->fake);
    return 0;
}

static void put(struct fixture *f, size_t word, uint64_t value) {
    memcpy(f->bytes + word * 8, &value, sizeof value);
}

static uint64_t get(const struct fixture *f, size_t word) {
    uint64_t value;
    memcpy(&value, f->bytes + word * 8, sizeof value);
    return value;
}

static void look(struct fixture *f, enum memory_look kind) {
    assert_null(memory_refresh(f->memory, kind));
}

/* Reads words, which have to be what they are now, into a footprint. */
static void track(struct fixture *f, struct memory_footprint *footprint, size_t word,
                  size_t count) {
    uint64_t values[64];
    assert_true(count <= 64);
    struct memory_footprint *before = memory_track(f->memory, footprint);
    assert_null(memory_read(f->memory, BASE + word * 8, values, count * 8));
    assert_ptr_equal(memory_track(f->memory, before), footprint);
    for (size_t i = 0; i < count; i++)
        assert_true(values[i] == get(f, word + i));
}

static void assert_faults(struct fixture *f, uint64_t address, size_t size) {
    unsigned char buffer[64];
    struct error *err = memory_read(f->memory, address, buffer, size);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_FAULT);
    error_destroy(err);
}

static void test_reads_over_the_ends_of_pages(void **state) {
    struct fixture *f = *state;
    unsigned char buffer[3 * PAGE];
    struct memory_footprint footprint = {0};
    for (size_t i = 0; i < PAGES * PAGE; i++)
        f->bytes[i] = (unsigned char)(i * 7 + i / PAGE);
    memory_track(f->memory, &footprint);
    assert_null(memory_read(f->memory, BASE + PAGE - 3, buffer, 2 * PAGE + 6));
    memory_track(f->memory, NULL);
    assert_memory_equal(buffer, f->bytes + PAGE - 3, 2 * PAGE + 6);
    for (size_t at = PAGE - 3; at < 3 * PAGE + 3; at += PAGE / 2) {
        f->bytes[at]++;
        look(f, MEMORY_LOOK_AT_ALL);
        assert_true(memory_has_changed(f->memory, &footprint));
        footprint.count = 0;
        memory_track(f->memory, &footprint);
        assert_null(memory_read(f->memory, BASE + PAGE - 3, buffer, 2 * PAGE + 6));
        memory_track(f->memory, NULL);
        assert_false(memory_has_changed(f->memory, &footprint));
    }
    f->bytes[PAGE - 9]++; /* the words beside it */
    f->bytes[3 * PAGE + 8]++;
    look(f, MEMORY_LOOK_AT_ALL);
    assert_false(memory_has_changed(f->memory, &footprint));
    memory_footprint_free(&footprint);
}

static void test_look_is_one_moment(void **state) {
    struct fixture *f = *state;
    uint64_t value;
    put(f, 3, 1);
    assert_null(memory_read_word(f->memory, BASE + 24, &value));
    put(f, 3, 2);
    assert_null(memory_read_word(f->memory, BASE + 24, &value));
    assert_int_equal(value, 1);
    look(f, MEMORY_LOOK_AGAIN);
    assert_null(memory_read_word(f->memory, BASE + 24, &value));
    assert_int_equal(value, 2);
}

static void test_page_vanishes_and_comes_back(void **state) {
    struct fixture *f = *state;
    struct memory_footprint before = {0}, after = {0}, beside = {0};
    track(f, &before, 10, 2);
    track(f, &beside, PAGE / 8 + 10, 2);
    fake_memory_set_bad_page(f->fake, BASE);
    look(f, MEMORY_LOOK_AT_ALL);
    assert_true(memory_has_changed(f->memory, &before));
    assert_false(memory_has_changed(f->memory, &beside));
    assert_faults(f, BASE + 80, 8);
    assert_faults(f, BASE + 80, 8);
    fake_memory_set_bad_page(f->fake, 0);
    look(f, MEMORY_LOOK_AT_ALL);
    track(f, &after, 10, 2);
    assert_true(memory_has_changed(f->memory, &before)); /* it was away meanwhile */
    look(f, MEMORY_LOOK_AT_ALL);
    assert_false(memory_has_changed(f->memory, &after));
    put(f, 11, 5);
    look(f, MEMORY_LOOK_AT_ALL);
    assert_true(memory_has_changed(f->memory, &after));
    memory_footprint_free(&before);
    memory_footprint_free(&after);
    memory_footprint_free(&beside);
}

/* Each page behind one that is not there takes a call of its own. */
static void test_vanished_pages_are_left_alone(void **state) {
    struct fixture *f = *state;
    for (size_t page = 0; page < PAGES; page++)
        track(f, NULL, page * PAGE / 8, 1);
    fake_memory_set_bad_page(f->fake, BASE);
    look(f, MEMORY_LOOK_AT_ALL);
    uint64_t reads = fake_memory_get_reads(f->fake);
    look(f, MEMORY_LOOK_AT_ALL);
    assert_int_equal(fake_memory_get_reads(f->fake) - reads, 1);
}

static void test_never_there(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        assert_faults(f, BASE + PAGES * PAGE, 1);
        assert_faults(f, BASE + PAGES * PAGE - 4, 8);
        assert_faults(f, BASE - 1, 1);
        assert_faults(f, 0, 8);
        assert_faults(f, UINT64_MAX - 3, 8);
        look(f, MEMORY_LOOK_AT_ALL);
    }
    memcpy(fake_memory_map(f->fake, BASE + PAGES * PAGE, 8), "now it i", 8);
    look(f, MEMORY_LOOK_AT_ALL);
    char buffer[8];
    assert_null(memory_read(f->memory, BASE + PAGES * PAGE, buffer, 8));
    assert_memory_equal(buffer, "now it i", 8);
}

static void test_faults_are_work(void **state) {
    struct fixture *f = *state;
    memory_set_work(f->memory, 10000);
    uint64_t count = 0;
    for (; !memory_is_exhausted(f->memory) && count < 10000; count++)
        assert_faults(f, BASE + (PAGES + count) * PAGE, 8);
    assert_in_range(count, 10, 200);
}

static void test_neighbours_come_along_once(void **state) {
    struct fixture *f = *state;
    track(f, NULL, 0, 1);
    assert_int_equal(fake_memory_get_page_reads(f->fake), 4);
    track(f, NULL, PAGE / 8, 1); /* is there, and wanted from now on */
    assert_int_equal(fake_memory_get_page_reads(f->fake), 4);
    look(f, MEMORY_LOOK_AT_ALL);
    assert_int_equal(fake_memory_get_page_reads(f->fake), 6);
    look(f, MEMORY_LOOK_AT_ALL);
    assert_int_equal(fake_memory_get_page_reads(f->fake), 8);
    put(f, 2 * PAGE / 8, 77);
    track(f, NULL, 2 * PAGE / 8, 1); /* is of an older look */
}

static void test_what_looks_fetch(void **state) {
    struct fixture *f = *state;
    struct memory_footprint footprint = {0};
    for (size_t page = 0; page < PAGES; page += 4) /* no neighbours of each other */
        track(f, &footprint, page * PAGE / 8, 1);
    look(f, MEMORY_LOOK_AT_ALL);
    uint64_t reads = fake_memory_get_page_reads(f->fake);
    footprint.count = 0;
    track(f, &footprint, 0, 1);
    look(f, MEMORY_LOOK_AT_RECENT);
    assert_int_equal(fake_memory_get_page_reads(f->fake) - reads, 1);
    look(f, MEMORY_LOOK_AGAIN);
    assert_int_equal(fake_memory_get_page_reads(f->fake) - reads, 1);
    track(f, &footprint, 4 * PAGE / 8, 1);
    track(f, &footprint, 8 * PAGE / 8, 1);
    assert_int_equal(fake_memory_get_page_reads(f->fake) - reads, 3);
    look(f, MEMORY_LOOK_AGAIN);
    assert_int_equal(fake_memory_get_page_reads(f->fake) - reads, 5);
    memory_footprint_free(&footprint);
}

static void test_note(void **state) {
    struct fixture *f = *state;
    struct memory_footprint footprint = {0};
    track(f, NULL, PAGE / 8 - 8, 16);
    memory_track(f->memory, &footprint);
    memory_note(f->memory, BASE + PAGE - 8, 16);
    memory_note(f->memory, BASE + 100 * PAGE, 16); /* nobody read that */
    memory_track(f->memory, NULL);
    memory_note(f->memory, BASE, 8);
    put(f, PAGE / 8 - 2, 1);
    put(f, PAGE / 8 + 1, 1);
    look(f, MEMORY_LOOK_AT_ALL);
    assert_false(memory_has_changed(f->memory, &footprint));
    put(f, PAGE / 8, 1);
    look(f, MEMORY_LOOK_AT_ALL);
    assert_true(memory_has_changed(f->memory, &footprint));
    memory_footprint_free(&footprint);
}

/* --- against a model --- */

#define FOOTPRINTS 24
#define SPANS 5

/* Which words a footprint is of, and when each of them was changed before it was read. */
struct expected {
    struct memory_footprint footprint;
    size_t words[SPANS], counts[SPANS], span_count;
    uint64_t stamps[SPANS][64];
    unsigned look, full_look; /* that it was read in, the last one at all then */
};

struct model {
    struct fixture *f;
    uint64_t seed, clock;
    uint64_t stamps[WORDS]; /* when the word changed */
    size_t bad;             /* this page cannot be had; PAGES: none */
    unsigned look, full_look, again_look;
    struct expected footprints[FOOTPRINTS];
};

static size_t pick(struct model *model, size_t count) {
    model->seed = model->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(model->seed >> 33) % count;
}

static void change_words(struct model *model) {
    for (size_t i = pick(model, 12); i > 0; i--) {
        size_t word = pick(model, WORDS);
        if (pick(model, 2)) { /* one that somebody has read */
            const struct expected *it = &model->footprints[pick(model, FOOTPRINTS)];
            word = it->span_count ? it->words[0] + pick(model, it->counts[0]) : word;
        }
        put(model->f, word, ++model->clock);
        model->stamps[word] = model->clock;
    }
}

static void change_bad_page(struct model *model) {
    model->bad = pick(model, 3) ? PAGES : pick(model, PAGES);
    fake_memory_set_bad_page(model->f->fake, model->bad < PAGES ? BASE + model->bad * PAGE : 0);
    for (size_t i = 0; model->bad < PAGES && i < PAGE / 8; i++)
        model->stamps[model->bad * PAGE / 8 + i] = ++model->clock;
}

static bool is_bad(const struct model *model, size_t word, size_t count) {
    return model->bad < PAGES && word / (PAGE / 8) <= model->bad &&
           (word + count - 1) / (PAGE / 8) >= model->bad;
}

static void read_footprint(struct model *model, struct expected *it) {
    it->footprint.count = it->span_count = 0;
    it->look = model->look;
    it->full_look = model->full_look;
    for (size_t i = 1 + pick(model, SPANS); i > 0; i--) {
        size_t count = 1 + pick(model, 63), word = pick(model, WORDS - count), n = it->span_count;
        if (is_bad(model, word, count)) {
            assert_faults(model->f, BASE + (model->bad * PAGE), 8);
            continue;
        }
        track(model->f, &it->footprint, word, count);
        it->words[n] = word;
        it->counts[n] = count;
        memcpy(it->stamps[n], model->stamps + word, count * sizeof *model->stamps);
        it->span_count++;
    }
}

static bool has_changed(const struct model *model, const struct expected *it) {
    for (size_t i = 0; i < it->span_count; i++)
        if (memcmp(it->stamps[i], model->stamps + it->words[i],
                   it->counts[i] * sizeof *model->stamps) != 0)
            return true;
    return false;
}

/* Whether the look fetched all that the footprint is of. */
static bool is_looked_at(const struct model *model, const struct expected *it,
                         enum memory_look kind, unsigned last_again) {
    return kind == MEMORY_LOOK_AT_ALL ||
           (kind == MEMORY_LOOK_AT_RECENT && it->full_look == model->full_look) ||
           (kind == MEMORY_LOOK_AGAIN && it->look == last_again && last_again + 1 == model->look);
}

static void check_footprints(struct model *model, enum memory_look kind, unsigned last_again) {
    for (size_t i = 0; i < FOOTPRINTS; i++) {
        const struct expected *it = &model->footprints[i];
        bool changed = memory_has_changed(model->f->memory, &it->footprint);
        if (changed)
            assert_true(has_changed(model, it));
        else if (is_looked_at(model, it, kind, last_again))
            assert_false(has_changed(model, it));
    }
}

static void look_once(struct model *model) {
    enum memory_look kind = (enum memory_look)pick(model, 3);
    unsigned last_again = model->again_look;
    change_words(model);
    if (kind == MEMORY_LOOK_AT_ALL)
        change_bad_page(model);
    look(model->f, kind);
    model->look++;
    check_footprints(model, kind, last_again);
    if (kind == MEMORY_LOOK_AT_ALL)
        model->full_look = model->look;
    if (kind == MEMORY_LOOK_AGAIN)
        model->again_look = model->look;
    for (size_t i = pick(model, 6); i > 0; i--)
        read_footprint(model, &model->footprints[pick(model, FOOTPRINTS)]);
}

static void test_against_a_model(void **state) {
    static struct model model;
    model = (struct model){.f = *state, .seed = 42, .bad = PAGES};
    for (int i = 0; i < 4000; i++)
        look_once(&model);
    for (size_t i = 0; i < FOOTPRINTS; i++)
        memory_footprint_free(&model.footprints[i].footprint);
}

/* --- faults --- */

/* Reads, looks and reads again; whatever fails is a fault, and told. */
static bool look_around(struct fixture *f) {
    bool is_whole = true;
    struct memory_footprint footprint = {0};
    memory_watch(f->memory, true);
    memory_track(f->memory, &footprint);
    for (int round = 0; round < 4; round++) {
        for (size_t page = 0; page < PAGES; page += 2) {
            uint64_t value;
            struct error *err = memory_read_word(f->memory, BASE + page * PAGE + 8, &value);
            if (err)
                assert_int_equal(error_get_kind(err), ERROR_FAULT);
            else
                assert_true(value == get(f, page * PAGE / 8 + 1));
            is_whole = is_whole && !err;
            error_destroy(err);
        }
        put(f, (size_t)round * 4 * PAGE / 8 + 1, get(f, (size_t)round * 4 * PAGE / 8 + 1) + 1);
        look(f, (enum memory_look)(round % 3));
        assert_true(memory_has_changed(f->memory, &footprint) || !is_whole || round == 2);
        footprint.count = 0;
    }
    memory_track(f->memory, NULL);
    memory_footprint_free(&footprint);
    return is_whole;
}

static void test_fault_at_each_page(void **state) {
    struct fixture *f = *state;
    uint64_t n = 0, failed = 0;
    for (bool reached = true; reached; n++) {
        uint64_t before = fake_memory_get_page_reads(f->fake);
        fake_memory_fail_at(f->fake, n + 1);
        failed += !look_around(f);
        reached = fake_memory_get_page_reads(f->fake) - before > n;
        assert_true(n < 1000);
    }
    assert_true(failed > 20);
    fake_memory_fail_at(f->fake, 0);
    assert_true(look_around(f));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_reads_over_the_ends_of_pages),
        TEST(test_look_is_one_moment),
        TEST(test_page_vanishes_and_comes_back),
        TEST(test_vanished_pages_are_left_alone),
        TEST(test_never_there),
        TEST(test_faults_are_work),
        TEST(test_neighbours_come_along_once),
        TEST(test_what_looks_fetch),
        TEST(test_note),
        TEST(test_against_a_model),
        TEST(test_fault_at_each_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
