/* The await chain of a coroutine, from the root to the object that everything waits for. */
#include <stdlib.h>

#include "aio.h"

static void build_places(struct aio *aio) {
    aio->places_built = true;
    for (size_t i = 0; i < aio->thread_count; i++) {
        const struct aio_thread *thread = &aio->threads[i];
        for (size_t j = 0; j < thread->frame_count; j++) {
            struct aio_stack_place *place = arena_alloc(aio->arena, sizeof *place);
            *place = (struct aio_stack_place){thread->frames[j].address, thread, j};
            if (!table_find(aio->places, &place->frame, sizeof place->frame))
                table_add(aio->places, &place->frame, sizeof place->frame, place);
        }
    }
}

/* Where a running coroutine's frame stands in a thread's stack; NULL: nowhere. */
static const struct aio_stack_place *find_place(struct aio *aio, uint64_t frame) {
    if (!aio->places_built)
        build_places(aio);
    return table_find(aio->places, &frame, sizeof frame);
}

/* A running coroutine's stack is the thread's, from where it really is down to the root. */
static void take_running_stack(struct aio *aio, const struct aio_stack_place *place,
                               struct aio_chain *chain) {
    size_t count = place->index + 1;
    chain->thread = place->thread;
    chain->thread_index = place->index;
    chain->frames.count = count;
    chain->frames.frames =
        arena_alloc_array(aio->snapshot->arena, count, sizeof *chain->frames.frames);
    for (size_t i = 0; i < count; i++)
        chain->frames.frames[i] = place->thread->frames[i].decoded;
}

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
    step->is_generator = type->kind == PY_KIND_COROUTINE || type->kind == PY_KIND_GENERATOR ||
                         type->kind == PY_KIND_ASYNC_GENERATOR;
    if (!step->is_generator)
        return py_awaitable_unwrap(aio->py, type, object, &step->next);
    err = py_generator_read(aio->py, object, &step->generator);
    step->next = step->generator.awaited;
    return err;
}

static void push_frame(struct aio *aio, size_t count, const struct snapshot_frame *frame) {
    if (count == aio->stack_capacity) {
        aio->stack_capacity = aio->stack_capacity ? 2 * aio->stack_capacity : 64;
        aio->stack = memory_realloc(aio->stack, aio->stack_capacity * sizeof *aio->stack);
    }
    aio->stack[count] = frame;
}

/* The frames that were pushed, outermost first, turned round. */
static void take_suspended_stack(struct aio *aio, size_t count, struct aio_chain *chain) {
    chain->frames.count = count;
    chain->frames.frames =
        arena_alloc_array(aio->snapshot->arena, count, sizeof *chain->frames.frames);
    for (size_t i = 0; i < count; i++)
        chain->frames.frames[i] = aio->stack[count - 1 - i];
}

static struct error *read_root_name(struct aio *aio, const struct step *root,
                                    struct aio_chain *chain) {
    if (root->generator.name_address)
        return py_string_read(aio->py, root->generator.name_address, &chain->name);
    return NULL;
}

static const char *note_error(struct aio *aio, struct error *err) {
    const char *note =
        arena_format(aio->snapshot->arena, "await chain: %s", error_get_message(err));
    error_destroy(err);
    return note;
}

/* Follows a suspended chain; what cannot be read ends it with a note. */
static struct error *follow(struct aio *aio, uint64_t object, struct step *step,
                            struct aio_chain *chain) {
    struct py_cycle_check cycle = {0};
    struct error *err = NULL;
    size_t count = 0;
    for (;;) {
        if (step->is_generator && step->generator.decoded) {
            push_frame(aio, count, step->generator.decoded);
            count++;
        }
        object = step->next;
        if (!object || (step->is_generator && step->generator.state == PY_GENERATOR_EXECUTING))
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
    take_suspended_stack(aio, count, chain);
    if (err && !error_is_fatal(err)) {
        chain->note = note_error(aio, err);
        err = NULL;
    }
    return err;
}

struct error *aio_chain_read(struct aio *aio, uint64_t coroutine, struct aio_chain *ret) {
    struct step step = {0};
    *ret = (struct aio_chain){.state = PY_GENERATOR_FINISHED};
    struct error *err = read_step(aio, coroutine, &step);
    if (err && step.is_generator && !error_is_fatal(err)) { /* a frame that cannot be decoded */
        ret->note = note_error(aio, err);
        err = NULL;
    }
    if (err)
        return err;
    ret->is_generator = step.is_generator;
    ret->state = step.is_generator ? step.generator.state : PY_GENERATOR_FINISHED;
    if (step.is_generator) {
        err = read_root_name(aio, &step, ret);
        if (err)
            return err;
    }
    if (step.is_generator && step.generator.state == PY_GENERATOR_EXECUTING) {
        const struct aio_stack_place *place = find_place(aio, step.generator.frame);
        if (place) {
            take_running_stack(aio, place, ret);
            return NULL;
        }
        py_set_unsettled(aio->py); /* it is just being resumed or suspended */
        ret->note = "it is running, but its frame is in no thread's stack";
    }
    return follow(aio, coroutine, &step, ret);
}
