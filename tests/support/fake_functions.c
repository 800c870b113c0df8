#include "fake_functions.h"

#include <string.h>

#define OBJECT(fake, type, struct_)                                                                \
    fake_object((fake), (fake)->types[type], (size_t)PY_OFFSET(&(fake)->layout, struct_, size))

/* --- callables --- */

uint64_t fake_function(struct fake_python *fake, uint64_t code, const char *name,
                       const char *qualname, uint64_t closure) {
    uint64_t object = OBJECT(fake, FAKE_FUNCTION, function);
    FAKE_SET(fake, object, function, code, code);
    FAKE_SET(fake, object, function, name, fake_str(fake, name));
    FAKE_SET(fake, object, function, qualname, fake_str(fake, qualname));
    FAKE_SET(fake, object, function, closure, closure);
    FAKE_SET(fake, object, function, globals, fake_dict(fake, false));
    return object;
}

uint64_t fake_method(struct fake_python *fake, uint64_t function, uint64_t self) {
    uint64_t object = OBJECT(fake, FAKE_METHOD, method);
    FAKE_SET(fake, object, method, function, function);
    FAKE_SET(fake, object, method, self, self);
    return object;
}

static uint64_t make_definition(struct fake_python *fake, const char *name) {
    uint64_t definition =
        fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, method_definition, size));
    uint64_t text = fake_alloc(fake, strlen(name) + 1);
    fake_put_bytes(fake, text, name, strlen(name) + 1);
    FAKE_SET(fake, definition, method_definition, name, text);
    return definition;
}

uint64_t fake_builtin(struct fake_python *fake, const char *name, uint64_t self) {
    uint64_t object = OBJECT(fake, FAKE_BUILTIN, builtin);
    FAKE_SET(fake, object, builtin, definition, make_definition(fake, name));
    FAKE_SET(fake, object, builtin, self, self);
    return object;
}

uint64_t fake_method_descriptor(struct fake_python *fake, const char *name) {
    uint64_t object = OBJECT(fake, FAKE_METHOD_DESCRIPTOR, method_descriptor);
    FAKE_SET(fake, object, method_descriptor, definition, make_definition(fake, name));
    return object;
}

uint64_t fake_partial(struct fake_python *fake, uint64_t function, uint64_t arguments) {
    uint64_t object = OBJECT(fake, FAKE_PARTIAL, partial);
    FAKE_SET(fake, object, partial, function, function);
    FAKE_SET(fake, object, partial, arguments, arguments);
    return object;
}

uint64_t fake_cell(struct fake_python *fake, uint64_t content) {
    uint64_t object = OBJECT(fake, FAKE_CELL, cell);
    FAKE_SET(fake, object, cell, content, content);
    return object;
}

uint64_t fake_float(struct fake_python *fake, double value) {
    uint64_t object = OBJECT(fake, FAKE_FLOAT, float), bits;
    memcpy(&bits, &value, sizeof bits);
    FAKE_SET(fake, object, float, value, bits);
    return object;
}

/* --- deques and queues --- */

static uint64_t make_deque(struct fake_python *fake, const uint64_t *items, size_t count,
                           size_t index) {
    uint64_t start = (uint64_t)PY_OFFSET(&fake->layout, deque_block, items);
    size_t room = ((size_t)PY_OFFSET(&fake->layout, deque_block, next) - start) / 8;
    size_t block_size = (size_t)PY_OFFSET(&fake->layout, deque_block, size);
    uint64_t object = OBJECT(fake, FAKE_DEQUE, deque), block = fake_alloc(fake, block_size);
    FAKE_SET(fake, object, deque, count, count);
    FAKE_SET(fake, object, deque, first_block, block);
    FAKE_SET(fake, object, deque, first_index, index);
    for (size_t i = 0; i < count; i++, index++) {
        if (index == room) {
            uint64_t next = fake_alloc(fake, block_size);
            FAKE_SET(fake, block, deque_block, next, next);
            block = next;
            index = 0;
        }
        fake_put(fake, block + start + 8 * index, items[i], 8);
    }
    return object;
}

#define ITEMS_MAX 1024 /* of a deque or queue; no test has more */

uint64_t fake_deque(struct fake_python *fake, uint64_t first, size_t count, size_t index) {
    uint64_t items[ITEMS_MAX];
    for (size_t i = 0; i < count; i++)
        items[i] = first + i;
    return make_deque(fake, items, count, index);
}

uint64_t fake_deque_of(struct fake_python *fake, const uint64_t *items, size_t count) {
    return make_deque(fake, items, count, 31); /* as the first append() does */
}

uint64_t fake_simple_queue(struct fake_python *fake, uint64_t first, size_t count, size_t taken) {
    uint64_t items[ITEMS_MAX];
    for (size_t i = 0; i < count; i++)
        items[i] = first + i;
    return fake_simple_queue_of(fake, items, count, taken);
}

uint64_t fake_simple_queue_of(struct fake_python *fake, const uint64_t *items, size_t count,
                              size_t taken) {
    uint64_t object = OBJECT(fake, FAKE_SIMPLE_QUEUE, simple_queue);
    uint64_t words[ITEMS_MAX] = {0};
    size_t room = count + 2;
    bool has_ring = PY_HAS(&fake->layout, simple_queue, ring_items);
    for (size_t i = 0; i < count; i++)
        words[has_ring ? (taken + i) % room : taken + i] = items[i];
    if (!has_ring) {
        FAKE_SET(fake, object, simple_queue, list, fake_list(fake, words, taken + count));
        FAKE_SET(fake, object, simple_queue, list_position, taken);
        return object;
    }
    uint64_t ring = fake_alloc(fake, 8 * room);
    fake_put_bytes(fake, ring, words, 8 * room);
    FAKE_SET(fake, object, simple_queue, ring_items, ring);
    FAKE_SET(fake, object, simple_queue, ring_size, room);
    FAKE_SET(fake, object, simple_queue, ring_first, taken % room);
    FAKE_SET(fake, object, simple_queue, ring_count, count);
    return object;
}

/* --- locks of threads --- */

static uint64_t make_semaphore(struct fake_python *fake, bool has_waiters) {
    uint64_t semaphore = fake_alloc(fake, 32);
    fake_put(fake, semaphore + 4, has_waiters, 4);
    return semaphore;
}

uint64_t fake_thread_lock(struct fake_python *fake, bool locked, bool has_waiters,
                          uint64_t *ret_semaphore) {
    uint64_t object = OBJECT(fake, FAKE_LOCK, thread_lock);
    *ret_semaphore = make_semaphore(fake, has_waiters);
    FAKE_SET(fake, object, thread_lock, semaphore, *ret_semaphore);
    FAKE_SET(fake, object, thread_lock, locked, locked);
    FAKE_SET(fake, object, thread_lock, mutex, locked | (unsigned)has_waiters << 1);
    return object;
}

uint64_t fake_thread_rlock(struct fake_python *fake, uint64_t owner, bool has_waiters,
                           uint64_t *ret_semaphore) {
    uint64_t object = OBJECT(fake, FAKE_RLOCK, thread_rlock);
    *ret_semaphore = make_semaphore(fake, has_waiters);
    FAKE_SET(fake, object, thread_rlock, semaphore, *ret_semaphore);
    FAKE_SET(fake, object, thread_rlock, count, owner ? 2 : 0);
    FAKE_SET(fake, object, thread_rlock, mutex, (owner != 0) | (unsigned)has_waiters << 1);
    FAKE_SET(fake, object, thread_rlock, owner, owner);
    return object;
}

uint64_t fake_wait_entry(struct fake_python *fake, uint64_t mutex) {
    uint64_t entry = fake_alloc(fake, (size_t)PY_OFFSET(&fake->layout, wait_entry, size));
    FAKE_SET(fake, entry, wait_entry, address, mutex);
    return entry + (uint64_t)PY_OFFSET(&fake->layout, wait_entry, semaphore);
}
