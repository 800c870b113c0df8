#include "full_snapshot.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MAIN_TASK 0x7f10
#define OTHER_TASK 0x7f20
#define LOOP 0x7f30
#define LOCK 0x7f40
#define EXECUTOR 0x7f50

static const struct snapshot_frame frame_acquire = {
    .function = "acquire",
    .qualified_name = "Lock.acquire",
    .file = "/usr/lib/python3.11/asyncio/locks.py",
    .line = 112,
    .end_line = 113,
    .column = 16,
    .end_column = 25,
    .source = "await fut",
};
static const struct snapshot_frame frame_work = {
    .function = "work",
    .qualified_name = "Pool.work",
    .file = "/srv/app.py",
    .line = 7,
    .end_line = 8,
    .column = 0,
    .end_column = 9,
    .source = "async with self.lock:",
};
static const struct snapshot_frame frame_native = {
    .native = true,
    .function = "epoll_wait",
    .file = "libc.so.6",
    .line = -1,
    .end_line = -1,
    .column = -1,
    .end_column = -1,
    .address = UINT64_MAX,
};
static const struct snapshot_frame *lock_frames[] = {&frame_acquire, &frame_work};
static const struct snapshot_frame *work_frames[] = {&frame_work};
static const struct snapshot_frame *thread_frames[] = {&frame_native, &frame_work};

static snapshot_id main_task[] = {MAIN_TASK};
static snapshot_id other_task[] = {OTHER_TASK};
static snapshot_id both_tasks[] = {MAIN_TASK, OTHER_TASK};

static void fill_head(struct snapshot *snapshot) {
    static const char *arguments[] = {"python3", "app.py"};
    snapshot->asyncspy = "0.1.0";
    snapshot->captured_at = "2026-11-21T04:12:07.250Z";
    snapshot->target = (struct snapshot_target){
        .kind = "core",
        .pid = 4242,
        .core = "/var/core",
        .executable = "/usr/bin/python3.11",
        .command_line = arguments,
        .command_line_count = COUNT(arguments),
        .architecture = "x86_64",
        .python_version = "3.11.7",
        .debug_build = SNAPSHOT_NO,
        .free_threaded = SNAPSHOT_YES,
        .started_at = "2026-11-20T23:59:59Z",
        .signal = "SIGABRT",
    };
    snapshot->capture = (struct snapshot_capture){
        .mode = "paused",
        .pause_s = 0.0038,
        .duration_s = 0.0125,
        .reads = 17,
        .bytes_read = (int64_t)1 << 40,
        .second_look_s = 0.5,
    };
    snapshot->files = (struct snapshot_files){.open = 88, .limit = 1024};
    snapshot_add_missing(snapshot, "task 0x10", "address 0x0 cannot be read");
    *SNAPSHOT_APPEND(snapshot, &snapshot->interpreters) =
        (struct snapshot_interpreter){.id = 1, .gil_holder = 4243, .gc_collecting = SNAPSHOT_YES};
}

static void add_loop(struct snapshot *snapshot) {
    *SNAPSHOT_APPEND(snapshot, &snapshot->event_loops) = (struct snapshot_loop){
        .id = LOOP,
        .type = "uvloop.Loop",
        .tid = 4242,
        .state = SNAPSHOT_LOOP_BLOCKED,
        .debug = SNAPSHOT_NO,
        .iteration_age_s = 12.5,
        .callback_index = 0,
        .callback_count = 31,
        .callback = "Pool.flush",
        .idle_s = 0.25,
        .ready = 32,
        .timers = 33,
        .overdue_s = 11.75,
        .overdue_timers = 34,
        .next_timer_s = -11.75,
        .moved = SNAPSHOT_NO,
        .common_frames = 3,
        .executor = {.id = EXECUTOR, .max_workers = 8, .busy = 6, .idle = 2, .queued = 5},
    };
}

static struct snapshot_wait *make_task_wait(struct snapshot *snapshot) {
    static struct snapshot_referrer referrers[] = {{0x7f61, "dict"}, {0x7f62, "app.Pool"}};
    struct snapshot_wait *wait = arena_alloc(snapshot->arena, sizeof *wait);
    *wait = (struct snapshot_wait){
        .kind = SNAPSHOT_WAIT_LOCK,
        .id = 0x7f60,
        .type = "_asyncio.Future",
        .text = "Lock#1 'pool.lock'",
        .tasks = other_task,
        .task_count = COUNT(other_task),
        .any_task = SNAPSHOT_NO,
        .object = LOCK,
        .deadline_s = -1.5,
        .has_timeout = SNAPSHOT_YES,
        .fd = 9,
        .tid = 4250,
        .pid = 4260,
        .done = 3,
        .total = 10,
        .position = 4,
        .callee = "db.example.com",
        .referrers = referrers,
        .referrer_count = COUNT(referrers),
        .referrers_complete = SNAPSHOT_NO,
    };
    return wait;
}

static struct snapshot_wait *make_thread_wait(struct snapshot *snapshot) {
    struct snapshot_wait *wait = arena_alloc(snapshot->arena, sizeof *wait);
    *wait = snapshot_wait_blank;
    wait->kind = SNAPSHOT_WAIT_THREAD;
    wait->any_task = SNAPSHOT_YES;
    return wait;
}

static void add_thread(struct snapshot *snapshot) {
    *SNAPSHOT_APPEND(snapshot, &snapshot->threads) = (struct snapshot_thread){
        .tid = 4243,
        .ident = UINT64_MAX,
        .name = "MainThread",
        .kernel_name = "python3",
        .interpreter = 2,
        .holds_gil = SNAPSHOT_YES,
        .os_state = "S",
        .syscall = "epoll_wait",
        .syscall_fd = 6,
        .wait_channel = "ep_poll",
        .cpu_s = 1.25,
        .event_loop = LOOP,
        .current_task = OTHER_TASK,
        .waits_for_gil = SNAPSHOT_NO,
        .awaiting = make_thread_wait(snapshot),
        .moved = SNAPSHOT_YES,
        .frames = {COUNT(thread_frames), thread_frames},
    };
}

static void add_main_task(struct snapshot *snapshot) {
    static struct snapshot_hold holds[] = {{LOCK, 1}, {EXECUTOR, SNAPSHOT_UNKNOWN}};
    static struct snapshot_variable context[] = {{"request", "'GET /'"}, {"user", "None"}};
    static struct snapshot_exception exception = {"builtins.ValueError", "bad"};
    static const char *notes[] = {"torn", "very torn"};
    *SNAPSHOT_APPEND(snapshot, &snapshot->tasks) = (struct snapshot_task){
        .id = MAIN_TASK,
        .name = "Task-1",
        .type = "_asyncio.Task",
        .interpreter = 3,
        .event_loop = LOOP,
        .state = SNAPSHOT_TASK_WAITING,
        .coroutine = "Pool.work",
        .frames = {COUNT(lock_frames), lock_frames},
        .awaiting = make_task_wait(snapshot),
        .awaited_by = both_tasks,
        .awaited_by_count = COUNT(both_tasks),
        .created_at = {COUNT(work_frames), work_frames},
        .has_created_at = true,
        .tid = SNAPSHOT_UNKNOWN,
        .cancel_requests = 2,
        .must_cancel = SNAPSHOT_NO,
        .exception = &exception,
        .exception_retrieved = SNAPSHOT_NO,
        .holds = holds,
        .hold_count = COUNT(holds),
        .creator = OTHER_TASK,
        .context = context,
        .context_count = COUNT(context),
        .has_context = true,
        .moved = SNAPSHOT_YES,
        .idle = SNAPSHOT_NO,
        .notes = notes,
        .note_count = COUNT(notes),
    };
}

static void add_other_task(struct snapshot *snapshot) {
    struct snapshot_task *task = SNAPSHOT_APPEND(snapshot, &snapshot->tasks);
    *task = snapshot_task_blank;
    task->id = OTHER_TASK;
    task->state = SNAPSHOT_TASK_RUNNING;
    task->tid = 4243;
}

static void add_objects(struct snapshot *snapshot) {
    static struct snapshot_fact lock_facts[] = {{"locked", 1, true}};
    static struct snapshot_fact queue_facts[] = {
        {"size", 1, false}, {"max_size", INT64_MAX, false}, {"unfinished", -INT64_MAX, false}};
    static struct snapshot_holder holders[] = {{MAIN_TASK, SNAPSHOT_UNKNOWN, 0, SNAPSHOT_CERTAIN},
                                               {0, 4243, 1, SNAPSHOT_POSSIBLE}};
    *SNAPSHOT_APPEND(snapshot, &snapshot->objects) = (struct snapshot_object){
        .id = LOCK,
        .kind = SNAPSHOT_OBJECT_LOCK,
        .label = "Lock#1",
        .type = "asyncio.locks.Lock",
        .name = "pool.lock",
        .facts = lock_facts,
        .fact_count = COUNT(lock_facts),
        .waiters = main_task,
        .waiter_count = COUNT(main_task),
        .holders = holders,
        .holder_count = COUNT(holders),
    };
    *SNAPSHOT_APPEND(snapshot, &snapshot->objects) = (struct snapshot_object){
        .id = 0x7f70,
        .kind = SNAPSHOT_OBJECT_QUEUE,
        .label = "Queue#1",
        .facts = queue_facts,
        .fact_count = COUNT(queue_facts),
    };
}

static void add_socket(struct snapshot *snapshot) {
    *SNAPSHOT_APPEND(snapshot, &snapshot->sockets) = (struct snapshot_socket){
        .fd = 9,
        .family = "inet6",
        .local = "[::1]:51324",
        .peer = "[::1]:80",
        .state = "ESTABLISHED",
        .receive_queue = 41,
        .send_queue = 42,
        .retransmits = 43,
        .backlog_max = 44,
        .last_received_s = 4.5,
        .last_sent_s = 4.25,
        .registered = SNAPSHOT_REGISTERED_WRITE,
        .protocol = 0x7f63,
        .protocol_type = "asyncio.streams.StreamReaderProtocol",
        .accepted = SNAPSHOT_YES,
        .moved = SNAPSHOT_NO,
    };
}

static void add_finding(struct snapshot *snapshot) {
    static int64_t threads[] = {4243, 0};
    static snapshot_id objects[] = {LOCK};
    static const char *proof[] = {"Lock#1 is locked", "nobody runs"};
    static const char *cost[] = {"2 tasks wait"};
    *SNAPSHOT_APPEND(snapshot, &snapshot->findings) = (struct snapshot_finding){
        .code = SNAPSHOT_FINDING_LEAKED_LOCK,
        .confidence = SNAPSHOT_LIKELY,
        .summary = "nobody is left that could release Lock#1",
        .tasks = both_tasks,
        .task_count = COUNT(both_tasks),
        .threads = threads,
        .thread_count = COUNT(threads),
        .objects = objects,
        .object_count = COUNT(objects),
        .where = "/srv/app.py:7",
        .proof = proof,
        .proof_count = COUNT(proof),
        .cost = cost,
        .cost_count = COUNT(cost),
        .next = "look at who acquired it",
    };
    snapshot->verdict = (struct snapshot_verdict){.code = SNAPSHOT_FINDING_LEAKED_LOCK,
                                                  .confidence = SNAPSHOT_CERTAIN,
                                                  .text = "a lock is leaked"};
}

static void add_rest(struct snapshot *snapshot) {
    static size_t members[] = {1, 0};
    *SNAPSHOT_APPEND(snapshot, &snapshot->coroutines) =
        (struct snapshot_coroutine){.id = 0x7f80,
                                    .name = "Pool.close",
                                    .frames = {COUNT(work_frames), work_frames},
                                    .holder = "module"};
    snapshot->has_coroutines = true;
    *SNAPSHOT_APPEND(snapshot, &snapshot->groups) =
        (struct snapshot_group){.state = SNAPSHOT_TASK_WAITING,
                                .awaiting = "a lock",
                                .frames = {COUNT(lock_frames), lock_frames},
                                .tasks = members,
                                .task_count = COUNT(members)};
}

struct snapshot *full_snapshot_create(void) {
    struct snapshot *snapshot = snapshot_create();
    fill_head(snapshot);
    add_loop(snapshot);
    add_thread(snapshot);
    add_main_task(snapshot);
    add_other_task(snapshot);
    add_objects(snapshot);
    add_socket(snapshot);
    add_finding(snapshot);
    add_rest(snapshot);
    return snapshot;
}
