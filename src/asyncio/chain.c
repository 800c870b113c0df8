/* The await chain of a coroutine, from the root to the object that everything waits for. */
#include <stdlib.h>

#include "anyio.h"

static void build_places(struct aio *aio) {
    aio->places_built = true;
    for (size_t i = 0; i < aio->thread_count; i++) {
        const struct aio_thread *thread = &aio->threads[i];
        for (size_t j = 0; j < thread->frame_count; j++) {
            struct aio_stack_place *place = arena_alloc(aio->arena, sizeof *place);
            *place = (struct aio_stack_place){thread->frames[j].address, thread, j};
            id_table_add(aio->places, place->frame, place);
        }
    }
}

/* Where a running coroutine's frame stands in a thread's stack; NULL: nowhere. */
static const struct aio_stack_place *find_place(struct aio *aio, uint64_t frame) {
    if (!aio->places_built)
        build_places(aio);
    return id_table_find(aio->places, frame);
}

/* A running coroutine's stack is the thread's, from where it really is down to the root, and below
 * that the `outer` frames that were pushed: coroutines that have no frame there. */
static void take_running_stack(struct aio *aio, const struct aio_stack_place *place, size_t outer,
                               struct aio_chain *chain) {
    size_t inner = place->index + 1;
    chain->thread = place->thread;
    chain->thread_index = place->index;
    chain->frames.count = inner + outer;
    chain->frames.frames =
        arena_alloc_array(aio->snapshot->arena, inner + outer, sizeof *chain->frames.frames);
    for (size_t i = 0; i < inner; i++)
        chain->frames.frames[i] = place->thread->frames[i].decoded;
    for (size_t i = 0; i < outer; i++)
        chain->frames.frames[inner + i] = aio->stack[outer - 1 - i];
}

#define WRAPPERS_MAX 8

/* One object of the chain. */
struct step {
    struct py_generator generator;
    bool is_generator;
    uint64_t next; /* what it awaits or stands for, 0 none */
};

static struct error *read_step(struct aio *aio, uint64_t object, struct step *step) {
    struct py_type *type;
    struct error *err = py_type_of(aio->py, object, &type);
    if (err)
        return err;
    step->is_generator = aio_is_generator(aio, type);
    if (step->is_generator)
        err = py_generator_read(aio->py, object, &step->generator);
    else
        err = py_awaitable_unwrap(aio->py, type, object, &step->generator.awaited);
    if (!err && !step->is_generator && !step->generator.awaited)
        err = aio_foreign_read(aio, type, object, &step->is_generator, &step->generator);
    step->next = step->generator.awaited;
    return err;
}

/* The first coroutine of a chain, behind what is only wrapped round it. */
static struct error *read_root(struct aio *aio, uint64_t object, struct step *step) {
    struct error *err = read_step(aio, object, step);
    for (int i = 0; !err && !step->is_generator && step->next && i < WRAPPERS_MAX; i++) {
        object = step->next;
        *step = (struct step){0};
        err = read_step(aio, object, step);
    }
    return err;
}

/* Runs in a frame of the interpreter; a coroutine of Cython has none. */
static bool is_running(const struct step *step) {
    return step->is_generator && step->generator.frame &&
           step->generator.state == PY_GENERATOR_EXECUTING;
}

static void push_frame(struct aio *aio, size_t count, const struct snapshot_frame *frame) {
    if (count == aio->stack_capacity) {
        aio->stack_capacity = aio->stack_capacity ? 2 * aio->stack_capacity : 64;
        aio->stack = memory_realloc(aio->stack, aio->stack_capacity * sizeof *aio->stack);
    }
    aio->stack[count] = frame;
}

static void push_link(struct aio *aio, size_t count, const struct py_generator *generator) {
    if (count == aio->link_capacity) {
        aio->link_capacity = aio->link_capacity ? 2 * aio->link_capacity : 64;
        aio->links = memory_realloc(aio->links, aio->link_capacity * sizeof *aio->links);
    }
    aio->links[count] = *generator;
}

static struct snapshot_stack *find_memo(struct aio *aio, size_t count) {
    uint64_t hash = count;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (uintptr_t)aio->stack[i]) * UINT64_C(0x9e3779b97f4a7c15);
    return &aio->stack_memo[(hash >> 32) % AIO_STACK_MEMO_SIZE];
}

/* Whether those are the frames that were pushed, turned round. */
static bool is_pushed(const struct aio *aio, size_t count, const struct snapshot_stack *frames) {
    if (frames->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (frames->frames[i] != aio->stack[count - 1 - i])
            return false;
    return true;
}

/* The frames that were pushed, outermost first, turned round. */
static void take_suspended_stack(struct aio *aio, size_t count, struct aio_chain *chain) {
    struct snapshot_stack *memo = find_memo(aio, count);
    if (!is_pushed(aio, count, memo)) {
        memo->count = count;
        memo->frames = arena_alloc_array(aio->snapshot->arena, count, sizeof *memo->frames);
        for (size_t i = 0; i < count; i++)
            memo->frames[i] = aio->stack[count - 1 - i];
    }
    chain->frames = *memo;
}

/* What people would call the task: behind what anyio puts around it, the program's own coroutine.
 */
static struct error *find_own_name(struct aio *aio, const struct step *root, uint64_t *ret_address,
                                   const char **ret_name) {
    struct step step = *root;
    struct error *err = NULL;
    uint64_t inner = 1;
    for (int i = 0; !err && inner && i < WRAPPERS_MAX; i++) {
        *ret_address = step.generator.name_address;
        err = aio_anyio_wrapped_find(aio, &step.generator, &inner, ret_name);
        step = (struct step){0};
        if (!err && inner)
            err = read_step(aio, inner, &step);
        if (!err && !step.generator.name_address)
            break;
    }
    return err;
}

static struct error *read_root_name(struct aio *aio, const struct step *root,
                                    struct aio_chain *chain) {
    uint64_t address = 0;
    struct error *err = error_forgive(find_own_name(aio, root, &address, &chain->name));
    return err || chain->name || !address ? err : py_string_read(aio->py, address, &chain->name);
}

static const char *note_error(struct aio *aio, struct error *err) {
    const char *note =
        arena_format(aio->snapshot->arena, "await chain: %s", error_get_message(err));
    error_destroy(err);
    return note;
}

/* The frames of a chain that was followed to `last`, whose own was pushed last if it has one. */
static void take_stack(struct aio *aio, const struct step *last, size_t count,
                       struct aio_chain *chain) {
    bool running = is_running(last) && chain->state == PY_GENERATOR_EXECUTING;
    const struct aio_stack_place *place = running ? find_place(aio, last->generator.frame) : NULL;
    chain->links = aio->links;
    chain->link_count = count;
    if (place) {
        chain->link_count = last->generator.decoded ? count - 1 : count;
        take_running_stack(aio, place, chain->link_count, chain);
        return;
    }
    take_suspended_stack(aio, count, chain);
    if (running) {
        py_set_unsettled(aio->py); /* it is just being resumed or suspended */
        chain->note = "it is running, but its frame is in no thread's stack";
    }
}

/* Follows a chain to where it waits or runs; what cannot be read ends it with a note. */
static struct error *follow(struct aio *aio, struct step *step, struct aio_chain *chain) {
    struct py_cycle_check cycle = {0};
    struct error *err = NULL;
    size_t count = 0;
    for (;;) {
        if (step->is_generator && step->generator.decoded) {
            push_frame(aio, count, step->generator.decoded);
            push_link(aio, count, &step->generator);
            count++;
        }
        uint64_t object = step->next;
        if (!object)
            break;
        if (py_cycle_found(&cycle, object) || cycle.steps > PY_CHAIN_MAX) {
            chain->note = cycle.steps > PY_CHAIN_MAX ? "await chain: deeper than 200000 objects"
                                                     : "await chain: it forms a cycle";
            break;
        }
        *step = (struct step){0};
        err = read_step(aio, object, step);
        if (err)
            break;
    }
    take_stack(aio, step, count, chain);
    if (err && !error_is_fatal(err)) {
        chain->note = note_error(aio, err);
        err = NULL;
    }
    return err;
}

struct error *aio_chain_read(struct aio *aio, uint64_t coroutine, struct aio_chain *ret) {
    struct step step = {0};
    *ret = (struct aio_chain){.state = PY_GENERATOR_FINISHED};
    struct error *err = read_root(aio, coroutine, &step);
    if (err && step.is_generator && !error_is_fatal(err)) { /* a frame that cannot be decoded */
        ret->note = note_error(aio, err);
        err = NULL;
    }
    if (err)
        return err;
    ret->is_generator = step.is_generator;
    ret->state = step.is_generator ? step.generator.state : PY_GENERATOR_FINISHED;
    if (step.is_generator)
        err = read_root_name(aio, &step, ret);
    return err ? err : follow(aio, &step, ret);
}
