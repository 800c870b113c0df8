/* Pictures compared with the ones before: since when tasks are as they are, groups, objects,
 * findings, counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "../support/case.h"
#include "../support/recorded.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/analysis/live.h"

static struct recorded *recorded;
static struct live_fold *fold;
static struct snapshot *snapshot; /* the next picture */
static struct snapshot *shown;

static int create(void **state) {
    (void)state;
    recorded = recorded_create();
    fold = live_fold_create();
    snapshot = case_create(256);
    return 0;
}

static int destroy(void **state) {
    (void)state;
    live_fold_destroy(fold);
    recorded_destroy(recorded);
    snapshot_destroy(snapshot);
    snapshot_destroy(shown);
    shown = NULL;
    return 0;
}

/* The picture is taken as it is, then the next one is empty. The one before it is gone. */
static const struct live *look_unanalyzed(double time_s) {
    snapshot_destroy(shown);
    shown = snapshot;
    snapshot = case_create(256);
    live_fold_add_picture(fold, shown, time_s);
    return live_fold_update(fold, time_s, 0);
}

static const struct live *look(double time_s) {
    analyze(snapshot, NULL);
    return look_unanalyzed(time_s);
}

static struct snapshot_task *sleeper(const char *name, enum snapshot_tristate moved) {
    struct snapshot_task *task = case_task(snapshot, name);
    case_wait(snapshot, task, SNAPSHOT_WAIT_SLEEP);
    task->moved = moved;
    return task;
}

static void assert_age(struct live_age age, double seconds, bool is_bound) {
    assert_true(fabs(age.seconds - seconds) < 1e-9);
    assert_int_equal(age.is_bound, is_bound);
}

/* --- ages --- */

static void test_ages(void **state) {
    (void)state;
    sleeper("a", SNAPSHOT_MAYBE);
    assert_age(look(1)->task_rows[0].age, 0, true);
    sleeper("a", SNAPSHOT_NO);
    const struct live *live = look(2);
    assert_age(live->task_rows[0].age, 1, true);
    assert_int_equal(live->task_rows[0].moved, SNAPSHOT_NO);
    sleeper("a", SNAPSHOT_YES);
    live = look(3);
    assert_age(live->task_rows[0].age, 0, false);
    assert_int_equal(live->task_rows[0].moved, SNAPSHOT_YES);
    sleeper("a", SNAPSHOT_NO);
    assert_age(look(5)->task_rows[0].age, 2, false);
    sleeper("a", SNAPSHOT_MAYBE);
    assert_age(look(6)->task_rows[0].age, 0, true);
    sleeper("a", SNAPSHOT_NO);
    assert_age(look(7)->task_rows[0].age, 1, true);
}

static void test_new_task(void **state) {
    (void)state;
    sleeper("a", SNAPSHOT_MAYBE);
    look(1);
    sleeper("a", SNAPSHOT_NO);
    sleeper("b", SNAPSHOT_MAYBE);
    assert_age(look(2)->task_rows[1].age, 0, false);
    sleeper("a", SNAPSHOT_NO);
    sleeper("other", SNAPSHOT_NO); /* at the address of b */
    const struct live *live = look(3);
    assert_age(live->task_rows[1].age, 0, false);
    assert_age(live->task_rows[0].age, 2, true);
    look(4); /* a is gone */
    sleeper("a", SNAPSHOT_NO);
    assert_age(look(5)->task_rows[0].age, 0, false);
}

/* The tasks of `recorded` that are those of case_task(). */
static struct recording_task recorded_as(uint64_t place, const char *name) {
    struct recording_task task = recorded_task(recorded, place);
    task.id = 0x1000 + 0x10 * place;
    task.name = task.coroutine = name;
    return task;
}

static void add_sample(double time_s) {
    live_fold_add(fold, recorded_take(recorded, time_s));
}

static void test_samples_see_birth(void **state) {
    (void)state;
    struct recording_task a = recorded_as(1, "a"), b = recorded_as(2, "b");
    recorded_set_task(recorded, &a);
    add_sample(0.5);
    sleeper("a", SNAPSHOT_MAYBE);
    look(1);
    recorded_set_task(recorded, &b);
    add_sample(1.25);
    sleeper("a", SNAPSHOT_NO);
    sleeper("b", SNAPSHOT_MAYBE);
    const struct live *live = look(2);
    assert_age(live->task_rows[0].age, 1, true);
    assert_age(live->task_rows[1].age, 0.75, false);
}

/* A change between the pictures that neither of them shows. */
static void test_samples_see_change(void **state) {
    (void)state;
    struct recording_task a = recorded_as(1, "a"), b = recorded_as(2, "b"), c = recorded_as(3, "c");
    recorded_set_task(recorded, &a);
    recorded_set_task(recorded, &b);
    recorded_set_task(recorded, &c);
    add_sample(0.5);
    sleeper("a", SNAPSHOT_MAYBE);
    sleeper("b", SNAPSHOT_MAYBE);
    sleeper("other", SNAPSHOT_MAYBE);
    look(1);
    a.state = SNAPSHOT_TASK_RUNNING;
    b.awaited_by = 1;
    c.state = SNAPSHOT_TASK_RUNNING;
    recorded_set_task(recorded, &a);
    recorded_set_task(recorded, &b);
    recorded_set_task(recorded, &c);
    add_sample(1.5);
    sleeper("a", SNAPSHOT_NO);
    sleeper("b", SNAPSHOT_NO);
    sleeper("other", SNAPSHOT_NO);
    const struct live *live = look(2);
    assert_age(live->task_rows[0].age, 0, false);
    assert_int_equal(live->task_rows[0].moved, SNAPSHOT_YES);
    assert_age(live->task_rows[1].age, 1, true);
    assert_int_equal(live->task_rows[1].moved, SNAPSHOT_NO);
    assert_age(live->task_rows[2].age, 1, true);
    sleeper("a", SNAPSHOT_NO); /* what was seen before that picture counts no more */
    assert_age(look(3)->task_rows[0].age, 1, false);
}

/* Between pictures that are far apart nobody knows when a task moved, unless a sample told. */
static void test_rare_pictures(void **state) {
    (void)state;
    struct recording_task b = recorded_as(2, "b");
    recorded_set_task(recorded, &b);
    add_sample(0.5);
    sleeper("a", SNAPSHOT_MAYBE);
    sleeper("b", SNAPSHOT_MAYBE);
    look(1);
    b.state = SNAPSHOT_TASK_RUNNING;
    recorded_set_task(recorded, &b);
    add_sample(12);
    sleeper("a", SNAPSHOT_YES);
    sleeper("b", SNAPSHOT_YES);
    sleeper("new", SNAPSHOT_MAYBE);
    const struct live *live = look(13);
    assert_age(live->task_rows[0].age, 0, false);
    assert_age(live->task_rows[1].age, 0, false);
    assert_age(live->task_rows[2].age, 0, true);
    sleeper("a", SNAPSHOT_NO);
    sleeper("b", SNAPSHOT_NO);
    sleeper("new", SNAPSHOT_NO);
    live = look(14);
    assert_age(live->task_rows[0].age, 1, true);
    assert_age(live->task_rows[1].age, 1, false);
    assert_age(live->task_rows[2].age, 1, true);
}

/* Without a new picture the rows are those of the last one. */
static void test_old_picture(void **state) {
    (void)state;
    sleeper("a", SNAPSHOT_NO);
    look(1);
    const struct live *live = live_fold_update(fold, 3, 0);
    assert_ptr_equal(live->snapshot, shown);
    assert_true(live->picture_age_s == 2);
    assert_age(live->task_rows[0].age, 0, true);
    assert_int_equal(live->group_count, 1);
    assert_int_equal(live->tasks, 1);
}

/* --- groups and objects --- */

static void wait_for_lock(const char *label, unsigned count) {
    struct snapshot_object *object = case_object(snapshot, SNAPSHOT_OBJECT_LOCK, label);
    object->type = "asyncio.locks.Lock";
    object->waiters = arena_alloc_array(snapshot->arena, count, sizeof *object->waiters);
    for (unsigned i = 0; i < count; i++) {
        struct snapshot_task *task = case_task(snapshot, "get");
        task->frames = snapshot->tasks.items[0].frames;
        case_wait_object(snapshot, task, SNAPSHOT_WAIT_LOCK, object);
        task->moved = i % 2 ? SNAPSHOT_YES : SNAPSHOT_NO;
        object->waiters[object->waiter_count++] = task->id;
    }
}

static void test_groups(void **state) {
    (void)state;
    wait_for_lock("Lock#1", 4);
    const struct live *live = look(1);
    assert_int_equal(live->group_count, 1);
    uint64_t key = live->groups[0].key;
    assert_int_equal(live->groups[0].count, 4);
    assert_int_equal(live->groups[0].index, 0);
    assert_true(isnan(live->groups[0].change) && isnan(live->groups[0].cpu));
    assert_true(live->groups[0].moved == 0.5);
    assert_age(live->groups[0].oldest, 0, true);
    assert_true(isnan(live->object_rows[0].change));
    wait_for_lock("Lock#1", 10);
    wait_for_lock("Lock#2", 3);
    live = look(3);
    assert_int_equal(live->group_count, 2);
    assert_true(live->groups[0].key == key && live->groups[1].key != key);
    assert_true(live->groups[0].change == 3 && live->groups[1].change == 1.5);
    assert_age(live->groups[0].oldest, 2, true);
    assert_age(live->groups[1].oldest, 0, false);
    assert_true(live->object_rows[0].change == 3 && live->object_rows[1].change == 1.5);
    assert_age(live->object_rows[0].oldest, 2, true);
    wait_for_lock("Lock#1", 0);
    live = look(4);
    assert_int_equal(live->group_count, 0);
    assert_true(live->object_rows[0].change == -10);
    assert_true(isnan(live->object_rows[0].oldest.seconds));
}

/* Labels are numbers of one picture. */
static void test_label_changes(void **state) {
    (void)state;
    wait_for_lock("Lock#2", 4);
    uint64_t key = look(1)->groups[0].key;
    wait_for_lock("Lock#1", 5);
    const struct live *live = look(2);
    assert_true(live->groups[0].key == key && live->groups[0].change == 1);
    assert_true(live->object_rows[0].change == 1);
}

static void test_group_keys(void **state) {
    (void)state;
    uint64_t keys[8];
    sleeper("f", SNAPSHOT_MAYBE);
    sleeper("g", SNAPSHOT_MAYBE);
    case_task(snapshot, "f")->state = SNAPSHOT_TASK_READY;
    case_task(snapshot, "f")->state = SNAPSHOT_TASK_DONE;
    case_task(snapshot, "f")->state = SNAPSHOT_TASK_RUNNING;
    case_wait(snapshot, case_task(snapshot, "f"), SNAPSHOT_WAIT_DNS);
    const struct live *live = look(1);
    assert_int_equal(live->group_count, 6);
    for (size_t i = 0; i < 6; i++) {
        keys[i] = live->groups[i].key;
        for (size_t j = 0; j < i; j++)
            assert_true(keys[i] != keys[j]);
    }
    assert_true(isnan(live->groups[1].moved) == isnan(live->groups[2].moved));
    case_task(snapshot, "f")->state = SNAPSHOT_TASK_READY; /* what ran is ready now */
    live = look(2);
    assert_true(live->groups[0].key == keys[0] && live->groups[0].change == 0);
}

static void test_peers(void **state) {
    (void)state;
    case_socket(snapshot, 5, "10.0.0.5:1", "10.0.0.3:5432")->accepted = SNAPSHOT_NO;
    case_socket(snapshot, 6, "10.0.0.5:2", "10.0.0.4:5432")->accepted = SNAPSHOT_NO;
    case_read(snapshot, case_task(snapshot, "f"), 5);
    case_read(snapshot, case_task(snapshot, "f"), 6);
    const struct live *live = look(1);
    assert_int_equal(live->group_count, 2);
    uint64_t one = live->groups[0].key, other = live->groups[1].key;
    assert_true(one != other);
    case_socket(snapshot, 8, "10.0.0.5:3", "10.0.0.4:5432")->accepted = SNAPSHOT_NO;
    case_read(snapshot, case_task(snapshot, "f"), 8);
    live = look(2);
    assert_true(live->groups[0].key == other && live->groups[0].change == 0);
    case_socket(snapshot, 8, "10.0.0.5:80", "9.9.9.9:1")->accepted = SNAPSHOT_YES;
    case_read(snapshot, case_task(snapshot, "f"), 8);
    one = look(3)->groups[0].key;
    case_socket(snapshot, 8, "10.0.0.5:80", "9.9.9.9:2")->accepted = SNAPSHOT_YES;
    case_read(snapshot, case_task(snapshot, "f"), 8);
    assert_true(look(4)->groups[0].key == one); /* one client is as another */
}

/* --- findings --- */

static void add_finding(enum snapshot_finding_code code, const char *summary) {
    *SNAPSHOT_APPEND(snapshot, &snapshot->findings) = (struct snapshot_finding){
        .code = code, .confidence = SNAPSHOT_LIKELY, .summary = summary, .where = "f  a.py:1"};
}

static void expect_finding(const struct live *live, size_t place, enum live_news news,
                           double since_s, bool is_bound, const char *summary) {
    assert_true(place < live->finding_count);
    const struct live_finding *finding = &live->findings[place];
    assert_string_equal(finding->summary, summary);
    assert_string_equal(finding->where, "f  a.py:1");
    assert_int_equal(finding->news, news);
    assert_true(fabs(finding->since_s - since_s) < 1e-9);
    assert_int_equal(finding->is_bound, is_bound);
    assert_true(finding->index == (news == LIVE_GONE ? SIZE_MAX : place));
    assert_int_equal(finding->confidence, SNAPSHOT_LIKELY);
}

static void test_findings(void **state) {
    (void)state;
    add_finding(SNAPSHOT_FINDING_BACKLOG, "BACKLOG - 1 client in the queue");
    expect_finding(look_unanalyzed(1), 0, LIVE_KNOWN, 0, true, "BACKLOG - 1 client in the queue");
    add_finding(SNAPSHOT_FINDING_BACKLOG, "BACKLOG - 1,200 clients in the queue");
    add_finding(SNAPSHOT_FINDING_LOST_FUTURE, "LOST");
    const struct live *live = look_unanalyzed(2);
    expect_finding(live, 0, LIVE_KNOWN, 1, true, "BACKLOG - 1,200 clients in the queue");
    expect_finding(live, 1, LIVE_NEW, 0, false, "LOST");
    add_finding(SNAPSHOT_FINDING_LOST_FUTURE, "LOST");
    live = look_unanalyzed(5);
    expect_finding(live, 0, LIVE_NEW, 3, false, "LOST");
    expect_finding(live, 1, LIVE_GONE, 0, false, "BACKLOG - 1,200 clients in the queue");
    assert_int_equal(live->finding_count, 2);
    add_finding(SNAPSHOT_FINDING_LOST_FUTURE, "LOST");
    live = look_unanalyzed(12);
    expect_finding(live, 0, LIVE_KNOWN, 10, false, "LOST");
    expect_finding(live, 1, LIVE_GONE, 7, false, "BACKLOG - 1,200 clients in the queue");
    add_finding(SNAPSHOT_FINDING_LOST_FUTURE, "LOST");
    add_finding(SNAPSHOT_FINDING_BACKLOG, "BACKLOG - 7 clients in the queue"); /* again */
    live = look_unanalyzed(13);
    expect_finding(live, 1, LIVE_NEW, 0, false, "BACKLOG - 7 clients in the queue");
    assert_int_equal(live->finding_count, 2);
    live = look_unanalyzed(14);
    assert_int_equal(live->finding_count, 2);
    live = live_fold_update(fold, 24, 0);
    assert_int_equal(live->finding_count, 2);
    live = live_fold_update(fold, 24.1, 0);
    assert_int_equal(live->finding_count, 0);
    live = look_unanalyzed(25);
    assert_int_equal(live->finding_count, 0);
}

/* Of one code, told apart by what they say, or by the lock that they are about. */
static void test_finding_keys(void **state) {
    (void)state;
    static snapshot_id lock = 0x77;
    add_finding(SNAPSHOT_FINDING_PEER_SILENT, "PEER - 3 tasks wait 420 ms for 10.0.0.3");
    add_finding(SNAPSHOT_FINDING_PEER_SILENT, "PEER - 3 tasks wait 420 ms for 10.0.0.4");
    add_finding(SNAPSHOT_FINDING_LOCK_PILEUP, "PILE - held by Task-1");
    snapshot->findings.items[2].objects = &lock;
    snapshot->findings.items[2].object_count = 1;
    look_unanalyzed(1);
    add_finding(SNAPSHOT_FINDING_PEER_SILENT, "PEER - 1 task waits 1.4 s for 10.0.0.4");
    add_finding(SNAPSHOT_FINDING_LOCK_PILEUP, "PILE - held by Task-2");
    snapshot->findings.items[1].objects = &lock;
    snapshot->findings.items[1].object_count = 1;
    const struct live *live = look_unanalyzed(2);
    assert_int_equal(live->finding_count, 3);
    assert_true(live->findings[0].since_s == 1 && live->findings[1].since_s == 1);
    expect_finding(live, 2, LIVE_GONE, 0, false, "PEER - 3 tasks wait 420 ms for 10.0.0.3");
}

static void test_many_findings_gone(void **state) {
    (void)state;
    for (int i = 0; i < 40; i++)
        add_finding(SNAPSHOT_FINDING_LOST_FUTURE, "LOST");
    assert_int_equal(look_unanalyzed(1)->finding_count, 40);
    add_finding(SNAPSHOT_FINDING_BACKLOG, "BACKLOG");
    const struct live *live = look_unanalyzed(2);
    assert_int_equal(live->finding_count, 17);
    expect_finding(live, 0, LIVE_NEW, 0, false, "BACKLOG");
    live = look_unanalyzed(3); /* what went last is told first */
    assert_int_equal(live->finding_count, 16);
    expect_finding(live, 0, LIVE_GONE, 0, false, "BACKLOG");
    expect_finding(live, 1, LIVE_GONE, 1, false, "LOST");
}

/* --- counts --- */

static void test_counts(void **state) {
    (void)state;
    sleeper("a", SNAPSHOT_NO);
    sleeper("b", SNAPSHOT_NO);
    case_task(snapshot, "c")->state = SNAPSHOT_TASK_DONE;
    case_task(snapshot, "d")->state = SNAPSHOT_TASK_RUNNING;
    case_wait(snapshot, case_task(snapshot, "e"), SNAPSHOT_WAIT_DNS);
    case_socket(snapshot, 3, "0.0.0.0:80", NULL)->receive_queue = 7;
    snapshot->sockets.items[0].backlog_max = 100;
    case_socket(snapshot, 4, "0.0.0.0:81", NULL)->receive_queue = SNAPSHOT_UNKNOWN;
    snapshot->sockets.items[1].backlog_max = 5;
    case_socket(snapshot, 5, "10.0.0.1:81", "10.0.0.2:9")->receive_queue = 1000;
    const struct live *live = look(1);
    assert_int_equal(live->tasks, 4);
    assert_int_equal(live->states[SNAPSHOT_TASK_WAITING], 3);
    assert_int_equal(live->states[SNAPSHOT_TASK_DONE], 1);
    assert_int_equal(live->wait_count, 2);
    assert_int_equal(live->waits[0].kind, SNAPSHOT_WAIT_SLEEP);
    assert_int_equal(live->waits[0].tasks, 2);
    assert_int_equal(live->waits[1].kind, SNAPSHOT_WAIT_DNS);
    assert_int_equal(live->accept_queue, 7);
    assert_int_equal(live->accept_max, 105);
    case_socket(snapshot, 3, "0.0.0.0:80", NULL)->receive_queue = INT64_MAX;
    case_socket(snapshot, 4, "0.0.0.0:81", NULL)->receive_queue = INT64_MAX;
    snapshot->sockets.items[0].backlog_max = snapshot->sockets.items[1].backlog_max = -1;
    live = look(2);
    assert_true(live->accept_queue == INT64_MAX && live->accept_max == SNAPSHOT_UNKNOWN);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_ages),
        TEST(test_rare_pictures),
        TEST(test_new_task),
        TEST(test_samples_see_birth),
        TEST(test_samples_see_change),
        TEST(test_old_picture),
        TEST(test_groups),
        TEST(test_label_changes),
        TEST(test_group_keys),
        TEST(test_peers),
        TEST(test_findings),
        TEST(test_finding_keys),
        TEST(test_many_findings_gone),
        TEST(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
