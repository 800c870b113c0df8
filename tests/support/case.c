#include "case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RESERVE(snapshot_, vector_, room_)                                                         \
    ((vector_)->items = arena_alloc_array((snapshot_)->arena, (room_), sizeof *(vector_)->items),  \
     (vector_)->capacity = (room_))

struct snapshot *case_create(size_t room) {
    struct snapshot *snapshot = snapshot_create();
    RESERVE(snapshot, &snapshot->tasks, room);
    RESERVE(snapshot, &snapshot->objects, room);
    RESERVE(snapshot, &snapshot->sockets, room);
    RESERVE(snapshot, &snapshot->threads, 64);
    RESERVE(snapshot, &snapshot->event_loops, 16);
    snapshot->capture.second_look_s = 0.2;
    *SNAPSHOT_APPEND(snapshot, &snapshot->interpreters) =
        (struct snapshot_interpreter){.gil_holder = SNAPSHOT_UNKNOWN};
    case_thread(snapshot, CASE_TID, "MainThread")->event_loop = CASE_LOOP;
    case_loop(snapshot, CASE_LOOP, CASE_TID);
    return snapshot;
}

void case_call(struct snapshot *snapshot, struct snapshot_stack *stack, const char *text) {
    struct snapshot_frame *frame = arena_alloc(snapshot->arena, sizeof *frame);
    const char *space = strchr(text, ' '), *colon = strrchr(text, ':');
    *frame = (struct snapshot_frame){
        .function = arena_copy_string(snapshot->arena, text, (size_t)(space - text)),
        .file = arena_copy_string(snapshot->arena, space + 1, (size_t)(colon - space) - 1),
        .line = (int32_t)strtol(colon + 1, NULL, 10),
        .end_line = -1,
        .column = -1,
        .end_column = -1,
    };
    const struct snapshot_frame **frames =
        arena_alloc_array(snapshot->arena, stack->count + 1, sizeof(*frames));
    frames[0] = frame;
    for (size_t i = 0; i < stack->count; i++)
        frames[i + 1] = stack->frames[i];
    *stack = (struct snapshot_stack){.count = stack->count + 1, .frames = frames};
}

struct snapshot_task *case_task(struct snapshot *snapshot, const char *name) {
    struct snapshot_task *task = SNAPSHOT_APPEND(snapshot, &snapshot->tasks);
    *task = snapshot_task_blank;
    task->id = 0x1000 + 0x10 * snapshot->tasks.count;
    task->name = arena_copy_string(snapshot->arena, name, strlen(name));
    task->coroutine = task->name;
    task->event_loop = CASE_LOOP;
    task->moved = SNAPSHOT_NO;
    task->cancel_requests = 0;
    task->must_cancel = SNAPSHOT_NO;
    case_call(snapshot, &task->frames, arena_format(snapshot->arena, "%s /app/main.py:7", name));
    return task;
}

static struct snapshot_wait *make_wait(struct snapshot *snapshot, enum snapshot_wait_kind kind) {
    struct snapshot_wait *wait = arena_alloc(snapshot->arena, sizeof *wait);
    *wait = snapshot_wait_blank;
    wait->kind = kind;
    wait->has_timeout = SNAPSHOT_NO;
    return wait;
}

struct snapshot_wait *case_wait(struct snapshot *snapshot, struct snapshot_task *task,
                                enum snapshot_wait_kind kind) {
    return task->awaiting = make_wait(snapshot, kind);
}

struct snapshot_wait *case_wait_thread(struct snapshot *snapshot, struct snapshot_thread *thread,
                                       enum snapshot_wait_kind kind) {
    return thread->awaiting = make_wait(snapshot, kind);
}

void case_await(struct snapshot *snapshot, struct snapshot_wait *wait,
                const struct snapshot_task *task) {
    snapshot_id *tasks = arena_alloc_array(snapshot->arena, wait->task_count + 1, sizeof(*tasks));
    for (size_t i = 0; i < wait->task_count; i++)
        tasks[i] = wait->tasks[i];
    tasks[wait->task_count++] = task->id;
    wait->tasks = tasks;
}

struct snapshot_object *case_object(struct snapshot *snapshot, enum snapshot_object_kind kind,
                                    const char *label) {
    struct snapshot_object *object = SNAPSHOT_APPEND(snapshot, &snapshot->objects);
    *object = (struct snapshot_object){
        .id = 0x900000 + 0x10 * snapshot->objects.count, .kind = kind, .label = label};
    if (kind == SNAPSHOT_OBJECT_LOCK || kind == SNAPSHOT_OBJECT_THREAD_LOCK)
        case_fact(snapshot, object, "locked", 1);
    if (kind == SNAPSHOT_OBJECT_SEMAPHORE)
        case_fact(snapshot, object, "value", 0);
    return object;
}

void case_fact(struct snapshot *snapshot, struct snapshot_object *object, const char *key,
               int64_t value) {
    for (size_t i = 0; i < object->fact_count; i++)
        if (strcmp(object->facts[i].key, key) == 0) {
            object->facts[i].value = value;
            return;
        }
    struct snapshot_fact *facts =
        arena_alloc_array(snapshot->arena, object->fact_count + 1, sizeof(*facts));
    for (size_t i = 0; i < object->fact_count; i++)
        facts[i] = object->facts[i];
    facts[object->fact_count++] = (struct snapshot_fact){.key = key, .value = value};
    object->facts = facts;
}

void case_wait_object(struct snapshot *snapshot, struct snapshot_task *task,
                      enum snapshot_wait_kind kind, const struct snapshot_object *object) {
    case_wait(snapshot, task, kind)->object = object->id;
}

struct snapshot_holder *case_hold(struct snapshot *snapshot, struct snapshot_object *object,
                                  struct snapshot_task *task, int64_t tid) {
    struct snapshot_holder *holders =
        arena_alloc_array(snapshot->arena, object->holder_count + 1, sizeof(*holders));
    for (size_t i = 0; i < object->holder_count; i++)
        holders[i] = object->holders[i];
    object->holders = holders;
    holders[object->holder_count] = (struct snapshot_holder){.task = task ? task->id : 0,
                                                             .tid = tid,
                                                             .frame = SNAPSHOT_UNKNOWN,
                                                             .confidence = SNAPSHOT_CERTAIN};
    if (task) {
        struct snapshot_hold *holds =
            arena_alloc_array(snapshot->arena, task->hold_count + 1, sizeof(*holds));
        for (size_t i = 0; i < task->hold_count; i++)
            holds[i] = task->holds[i];
        holds[task->hold_count++] = (struct snapshot_hold){.object = object->id};
        task->holds = holds;
    }
    return &holders[object->holder_count++];
}

struct snapshot_thread *case_thread(struct snapshot *snapshot, int64_t tid, const char *name) {
    struct snapshot_thread *thread = SNAPSHOT_APPEND(snapshot, &snapshot->threads);
    *thread = snapshot_thread_blank;
    thread->tid = tid;
    thread->name = name;
    thread->interpreter = 0;
    thread->os_state = "S";
    thread->syscall = "epoll_wait";
    thread->waits_for_gil = SNAPSHOT_NO;
    thread->moved = SNAPSHOT_NO;
    return thread;
}

struct snapshot_loop *case_loop(struct snapshot *snapshot, snapshot_id id, int64_t tid) {
    struct snapshot_loop *loop = SNAPSHOT_APPEND(snapshot, &snapshot->event_loops);
    *loop = snapshot_loop_blank;
    loop->id = id;
    loop->tid = tid;
    loop->state = SNAPSHOT_LOOP_IDLE;
    loop->idle_s = 2.34;
    loop->ready = 0;
    loop->timers = 0;
    loop->moved = SNAPSHOT_NO;
    return loop;
}

struct snapshot_socket *case_socket(struct snapshot *snapshot, int64_t fd, const char *local,
                                    const char *peer) {
    struct snapshot_socket *socket = SNAPSHOT_APPEND(snapshot, &snapshot->sockets);
    *socket = (struct snapshot_socket){.fd = fd,
                                       .family = "inet",
                                       .local = local,
                                       .peer = peer,
                                       .last_received_s = NAN,
                                       .last_sent_s = NAN,
                                       .state = peer ? "ESTABLISHED" : "LISTEN",
                                       .accepted = SNAPSHOT_MAYBE,
                                       .registered = SNAPSHOT_REGISTERED_READ};
    return socket;
}

void case_read(struct snapshot *snapshot, struct snapshot_task *task, int64_t fd) {
    case_wait(snapshot, task, SNAPSHOT_WAIT_STREAM_READ)->fd = fd;
}

const struct snapshot_finding *case_find(const struct snapshot *snapshot,
                                         enum snapshot_finding_code code) {
    for (size_t i = 0; i < snapshot->findings.count; i++)
        if (snapshot->findings.items[i].code == code)
            return &snapshot->findings.items[i];
    return NULL;
}

static void print_findings(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->findings.count; i++) {
        const struct snapshot_finding *finding = &snapshot->findings.items[i];
        print_message("  [%s] %s\n", snapshot_confidence_name(finding->confidence),
                      finding->summary);
    }
}

const struct snapshot_finding *case_expect(const struct snapshot *snapshot,
                                           enum snapshot_finding_code code,
                                           enum snapshot_confidence confidence) {
    const struct snapshot_finding *finding = case_find(snapshot, code);
    if (!finding || finding->confidence != confidence || snapshot->findings.count != 1) {
        print_findings(snapshot);
        fail_msg("expected one finding: %s, %s", snapshot_finding_code_name(code),
                 snapshot_confidence_name(confidence));
    }
    assert_non_null(finding->next);
    assert_non_null(finding->summary);
    assert_true(finding->proof_count >= 1);
    assert_true(finding->proof_count + finding->cost_count <= 6);
    if (confidence > SNAPSHOT_POSSIBLE) {
        assert_int_equal(snapshot->verdict.code, code);
        assert_string_equal(snapshot->verdict.text, finding->summary);
    }
    return finding;
}

void case_expect_ok(const struct snapshot *snapshot) {
    if (snapshot->verdict.code != SNAPSHOT_FINDING_OK) {
        print_findings(snapshot);
        fail_msg("expected the verdict OK");
    }
    assert_non_null(strstr(snapshot->verdict.text, "no problem found"));
}
