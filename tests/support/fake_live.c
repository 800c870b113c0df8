#include "fake_live.h"

#include <string.h>

#define PAUSE_S 0.0004
#define PAUSE_EVERY 10 /* samples */
#define GC_EVERY 100
#define GIL_EVERY 8
#define BUSY_AMONG 100 /* samples; no factor of it divides BUSY_STEP */
#define BUSY_STEP 37
#define TASK_BIRTH 5 /* of so many tasks one is new, another one ends */

static const struct snapshot_frame block_frames[] = {
    {.function = "sleep", .native = true, .line = -1, .file = NULL},
    {.function = "build_report", .file = "/srv/app/app/report.py", .line = 57, .column = 4},
    {.function = "get_report", .file = "/srv/app/app/api.py", .line = 101, .column = 4},
};

static const struct snapshot_stack no_stack = {0};

/* What the samples of one call have in common. */
struct course {
    struct arena *arena;
    const struct snapshot *snapshot;
    const struct fake_live_course *given;
    const struct recording_task **tasks; /* the last one is the one that blocks */
    size_t task_count;                   /* without that */
};

static const struct recording_wait *make_wait(struct arena *arena,
                                              const struct snapshot_wait *from) {
    struct recording_wait *wait = arena_alloc(arena, sizeof *wait);
    *wait = (struct recording_wait){.kind = from->kind,
                                    .type = from->type,
                                    .callee = from->callee,
                                    .tasks = (int64_t)from->task_count,
                                    .fd = from->fd,
                                    .pid = from->pid};
    return wait;
}

static const struct recording_task *make_task(struct arena *arena, const struct snapshot_task *from,
                                              uint64_t number) {
    struct recording_task *task = arena_alloc(arena, sizeof *task);
    *task =
        (struct recording_task){.number = number,
                                .id = from->id,
                                .name = from->name,
                                .coroutine = from->coroutine,
                                .event_loop = from->event_loop,
                                .state = from->state,
                                .tid = from->tid,
                                .stack = &from->frames,
                                .wait = from->awaiting ? make_wait(arena, from->awaiting) : NULL};
    return task;
}

static const struct recording_task *make_block(struct arena *arena,
                                               const struct snapshot *snapshot) {
    struct recording_task *task = arena_alloc(arena, sizeof *task);
    struct snapshot_stack *stack = arena_alloc(arena, sizeof *stack);
    stack->count = sizeof block_frames / sizeof *block_frames;
    stack->frames = arena_alloc_array(arena, stack->count, sizeof(struct snapshot_frame *));
    for (size_t i = 0; i < stack->count; i++)
        stack->frames[i] = &block_frames[i];
    *task = (struct recording_task){
        .number = snapshot->tasks.count + 1,
        .id = 0xb10c,
        .name = "req-812",
        .coroutine = "get_report",
        .event_loop = snapshot->event_loops.count ? snapshot->event_loops.items[0].id : 0,
        .state = SNAPSHOT_TASK_RUNNING,
        .tid = SNAPSHOT_UNKNOWN,
        .stack = stack};
    return task;
}

static void make_tasks(struct course *course) {
    const struct snapshot *snapshot = course->snapshot;
    course->task_count = snapshot->tasks.count;
    course->tasks = arena_alloc_array(course->arena, course->task_count + 1, sizeof *course->tasks);
    for (size_t i = 0; i < course->task_count; i++)
        course->tasks[i] = make_task(course->arena, &snapshot->tasks.items[i], i + 1);
    course->tasks[course->task_count] = make_block(course->arena, snapshot);
}

static bool is_blocked(const struct course *course, double time_s) {
    double since_s = time_s - course->given->block_from_s;
    return since_s >= 0 && since_s <= course->given->block_s;
}

static uint64_t find_current(const struct snapshot *snapshot, snapshot_id loop) {
    for (size_t i = 0; i < snapshot->tasks.count; i++)
        if (snapshot->tasks.items[i].state == SNAPSHOT_TASK_RUNNING &&
            snapshot->tasks.items[i].event_loop == loop)
            return i + 1;
    return 0;
}

/* Short iterations, of which samples see one each. */
static void set_pattern(const struct course *course, uint64_t number, struct recording_loop *loop) {
    bool is_busy =
        (double)(number * BUSY_STEP % BUSY_AMONG) < course->given->busy * (double)BUSY_AMONG;
    loop->state = is_busy ? SNAPSHOT_LOOP_RUNNING : SNAPSHOT_LOOP_IDLE;
    loop->blocked_s = is_busy ? 0.001 * (double)(1 + number % 5) : NAN;
    loop->task = is_busy ? find_current(course->snapshot, loop->id) : 0;
}

static struct recording_loop make_loop(const struct course *course, size_t place, uint64_t number,
                                       double time_s) {
    const struct snapshot_loop *from = &course->snapshot->event_loops.items[place];
    double age_s = from->iteration_age_s - (course->given->to_s - time_s);
    struct recording_loop loop = {.id = from->id,
                                  .type = from->type,
                                  .tid = from->tid,
                                  .state = from->state,
                                  .ready = from->ready,
                                  .timers = from->timers,
                                  .overdue_s = from->overdue_s,
                                  .blocked_s = age_s};
    if (place == 0 && is_blocked(course, time_s)) {
        loop.state = SNAPSHOT_LOOP_RUNNING;
        loop.blocked_s = time_s - course->given->block_from_s;
        loop.task = course->task_count + 1;
    } else if (age_s >= 0) {
        loop.task = find_current(course->snapshot, from->id);
    } else if (from->state == SNAPSHOT_LOOP_IDLE || from->state == SNAPSHOT_LOOP_RUNNING ||
               from->state == SNAPSHOT_LOOP_BLOCKED) {
        set_pattern(course, number + 11 * place, &loop);
    }
    return loop;
}

static bool is_running(const struct recording_loop *loop) {
    return loop->state == SNAPSHOT_LOOP_RUNNING || loop->state == SNAPSHOT_LOOP_BLOCKED;
}

static struct recording_thread make_thread(const struct course *course, size_t place,
                                           const struct recording_sample *sample) {
    const struct snapshot_thread *from = &course->snapshot->threads.items[place];
    double share = 0.004 * (double)place;
    struct recording_thread thread = {.tid = from->tid,
                                      .ident = from->ident,
                                      .name = from->name,
                                      .on_cpu = SNAPSHOT_NO,
                                      .event_loop = from->event_loop,
                                      .stack = &no_stack};
    if (from->frames.count)
        thread.stack = &from->frames;
    for (size_t i = 0; i < sample->loop_count && from->event_loop; i++)
        if (sample->loops[i].id == from->event_loop && is_running(&sample->loops[i])) {
            thread.on_cpu = SNAPSHOT_YES;
            thread.task = sample->loops[i].task;
        }
    if (from->event_loop)
        share = course->given->busy;
    thread.holds_gil = place == 0 && thread.on_cpu == SNAPSHOT_YES;
    thread.waits_for_gil = place && (sample->number + place) % GIL_EVERY == 0;
    thread.cpu_s = share * sample->time_s;
    return thread;
}

static void set_block(const struct course *course, struct recording_sample *sample,
                      bool was_blocked) {
    bool is_now = is_blocked(course, sample->time_s);
    const struct recording_task *task = course->tasks[course->task_count];
    sample->tasks = course->tasks;
    sample->task_count = course->task_count + is_now;
    if (is_now == was_blocked)
        return;
    struct recording_change *change = arena_alloc(course->arena, sizeof *change);
    *change = (struct recording_change){was_blocked ? task : NULL, is_now ? task : NULL};
    sample->changes = change;
    sample->change_count = 1;
}

static void add_sample(struct live_fold *fold, const struct course *course, uint64_t number,
                       bool was_blocked) {
    size_t loop_count = course->snapshot->event_loops.count;
    size_t thread_count = course->snapshot->threads.count;
    struct recording_loop *loops = arena_alloc_array(course->arena, loop_count, sizeof *loops);
    struct recording_thread *threads =
        arena_alloc_array(course->arena, thread_count, sizeof *threads);
    struct recording_sample sample = {.is_whole = true,
                                      .number = number,
                                      .time_s =
                                          course->given->from_s + (double)number / FAKE_LIVE_RATE,
                                      .pause_s = number % PAUSE_EVERY ? 0 : PAUSE_S,
                                      .gc = number % GC_EVERY == 0,
                                      .loops = loops,
                                      .loop_count = loop_count,
                                      .threads = threads,
                                      .thread_count = thread_count};
    set_block(course, &sample, was_blocked);
    for (size_t i = 0; i < loop_count; i++)
        loops[i] = make_loop(course, i, number, sample.time_s);
    for (size_t i = 0; i < thread_count; i++)
        threads[i] = make_thread(course, i, &sample);
    live_fold_add(fold, &sample);
}

void fake_live_add_samples(struct live_fold *fold, const struct snapshot *snapshot,
                           const struct fake_live_course *course) {
    struct course made = {.arena = arena_create(), .snapshot = snapshot, .given = course};
    double count = (course->to_s - course->from_s) * FAKE_LIVE_RATE;
    make_tasks(&made);
    for (uint64_t i = 1; (double)i <= count + 0.5; i++) {
        double before_s = course->from_s + (double)(i - 1) / FAKE_LIVE_RATE;
        add_sample(fold, &made, i, is_blocked(&made, before_s));
    }
    arena_destroy(made.arena);
}

/* --- pictures --- */

void fake_live_set_back(struct snapshot *snapshot) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        if (i % TASK_BIRTH == 2)
            continue;
        snapshot->tasks.items[count] = snapshot->tasks.items[i];
        if (i % TASK_BIRTH == 3)
            snapshot->tasks.items[count].name = "an earlier one";
        count++;
    }
    snapshot->tasks.count = count;
}

static bool is_blocked_now(const struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->event_loops.count; i++)
        if (snapshot->event_loops.items[i].state == SNAPSHOT_LOOP_BLOCKED)
            return true;
    return false;
}

void fake_live_set_moved(struct snapshot *snapshot) {
    if (is_blocked_now(snapshot))
        return;
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        struct snapshot_task *task = &snapshot->tasks.items[i];
        if (task->state != SNAPSHOT_TASK_WAITING ||
            (task->awaiting && task->awaiting->kind == SNAPSHOT_WAIT_SLEEP))
            task->moved = i % 4 == 1 ? SNAPSHOT_NO : SNAPSHOT_YES;
    }
}
