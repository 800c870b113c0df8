#include "fake_context.h"

uint64_t fake_context_variable(struct fake_python *fake, const char *name) {
    size_t size = (size_t)PY_OFFSET(&fake->layout, context_variable, size);
    uint64_t object = fake_object(fake, fake->types[FAKE_CONTEXT_VARIABLE], size);
    FAKE_SET(fake, object, context_variable, name, fake_str(fake, name));
    return object;
}

uint64_t fake_context(struct fake_python *fake, uint64_t root) {
    const struct py_layout *layout = &fake->layout;
    uint64_t tree =
        fake_object(fake, fake->types[FAKE_HAMT], (size_t)PY_OFFSET(layout, hamt, size));
    uint64_t object =
        fake_object(fake, fake->types[FAKE_CONTEXT], (size_t)PY_OFFSET(layout, context, size));
    FAKE_SET(fake, tree, hamt, root, root);
    FAKE_SET(fake, object, context, variables, tree);
    return object;
}

uint64_t fake_bitmap_node(struct fake_python *fake, const uint64_t *words, size_t count) {
    size_t header = (size_t)PY_OFFSET(&fake->layout, hamt_bitmap, items);
    uint64_t object = fake_object(fake, fake->types[FAKE_HAMT_BITMAP], header + 8 * count + 8);
    FAKE_SET(fake, object, hamt_bitmap, count, count);
    fake_put_bytes(fake, object + header, words, 8 * count);
    return object;
}

uint64_t fake_collision_node(struct fake_python *fake, const uint64_t *words, size_t count) {
    size_t header = (size_t)PY_OFFSET(&fake->layout, hamt_collision, items);
    uint64_t object = fake_object(fake, fake->types[FAKE_HAMT_COLLISION], header + 8 * count + 8);
    FAKE_SET(fake, object, hamt_collision, count, count);
    fake_put_bytes(fake, object + header, words, 8 * count);
    return object;
}

uint64_t fake_array_node(struct fake_python *fake, const uint64_t *nodes, size_t count) {
    const struct py_layout *layout = &fake->layout;
    uint64_t object = fake_object(fake, fake->types[FAKE_HAMT_ARRAY],
                                  (size_t)PY_OFFSET(layout, hamt_array, size));
    for (size_t i = 0; i < count; i++)
        fake_put(fake, object + (uint64_t)PY_OFFSET(layout, hamt_array, items) + 8 * (2 * i + 1),
                 nodes[i], 8);
    return object;
}
