#include "fake_gc.h"

#define GENERATIONS 3

size_t fake_gc_count_lists(const struct fake_python *fake) {
    return PY_HAS(&fake->layout, gc, permanent_generation) ? GENERATIONS + 1 : GENERATIONS;
}

static uint64_t find_base(struct fake_python *fake, uint64_t interpreter) {
    if (PY_HAS(&fake->layout, interpreter, gc))
        return interpreter + (uint64_t)PY_OFFSET(&fake->layout, interpreter, gc);
    if (PY_HAS(&fake->layout, runtime, gc))
        return fake->roots.runtime + (uint64_t)PY_OFFSET(&fake->layout, runtime, gc);
    return fake_get(fake, fake->roots.gc_generations, 8);
}

static uint64_t choose(const struct fake_python *fake, uint64_t drift, int32_t offset) {
    return fake->drifts && drift ? drift : (uint64_t)offset;
}

uint64_t fake_gc_head(struct fake_python *fake, uint64_t interpreter, size_t list) {
    const struct py_layout *layout = &fake->layout;
    const struct py_gc_drift *drift = &layout->traits.gc_drift;
    uint64_t base = find_base(fake, interpreter), first = 0;
    uint64_t size = choose(fake, drift->generation_size, PY_OFFSET(layout, gc_generation, size));
    if (PY_HAS(layout, gc, generations))
        first = choose(fake, drift->generations, PY_OFFSET(layout, gc, generations));
    if (list < GENERATIONS)
        return base + first + list * size;
    return base + (uint64_t)PY_OFFSET(layout, gc, permanent_generation);
}

void fake_gc_create(struct fake_python *fake, uint64_t interpreter) {
    if (!PY_HAS(&fake->layout, interpreter, gc) && !PY_HAS(&fake->layout, runtime, gc) &&
        !fake_get(fake, fake->roots.gc_generations, 8))
        fake_put(fake, fake->roots.gc_generations, fake_alloc(fake, 256), 8);
    for (size_t i = 0; i < fake_gc_count_lists(fake); i++) {
        uint64_t head = fake_gc_head(fake, interpreter, i);
        if (fake_get(fake, head, 8))
            continue;
        FAKE_SET(fake, head, gc_head, next, head);
        FAKE_SET(fake, head, gc_head, prev, head);
    }
}

uint64_t fake_gc_track(struct fake_python *fake, uint64_t head, uint64_t object) {
    uint64_t size = choose(fake, fake->layout.traits.gc_drift.head_size,
                           PY_OFFSET(&fake->layout, gc_head, size));
    uint64_t node = object - size, last = FAKE_GET(fake, head, gc_head, prev);
    FAKE_SET(fake, node, gc_head, next, head);
    FAKE_SET(fake, node, gc_head, prev, last);
    FAKE_SET(fake, last, gc_head, next, node);
    FAKE_SET(fake, head, gc_head, prev, node);
    return node;
}

void fake_gc_drift(struct fake_python *fake) {
    fake->drifts = true;
}
