/*
 * The lists of the garbage collector: circular, doubly linked, through the PyGC_Head that stands
 * before every tracked object. Include/internal/pycore_gc.h.
 */
#include "asyncspy/python/gc.h"

#include "asyncspy/base/clock.h"
#include "py.h"

#define GENERATIONS 3
#define OBJECTS_MAX (UINT64_C(1) << 28)
#define HEAD_MAX 64 /* bytes of a PyGC_Head */

/* Low bits of the links are flags: what the collector found out (3.8+), which space an object is
 * in (3.14.0 to 3.14.4). */
#define LINK(word) ((word) & ~(uint64_t)3)
#define COLLECTING 2 /* of prev: its place is taken by a count of references (3.8+) */

/* How often the clock is looked at, in objects. */
#define PIECE (UINT64_C(1) << 16)
/* Objects in the order of memory need some hundred bytes each; who reads more than this for one
 * jumps to and fro in a memory that is larger than the cache, and small reads are cheaper. */
#define BYTES_AN_OBJECT 2048

/* Where the lists begin. */
struct places {
    uint64_t heads[GENERATIONS + 1];
    size_t count;
    uint64_t head_size;
};

struct gc_visit {
    struct py *py;
    py_visit_object *visit;
    void *context;
    struct places places;
    double deadline;
    uint64_t bytes_read; /* when the current piece began */
    struct py_gc_walk *walk;
};

/* A PyGC_Head and the type of its object. */
struct node {
    uint64_t next, prev, type;
    uint8_t flags; /* of prev */
};

bool py_gc_is_shared(const struct py *py) {
    return !PY_HAS(&py->layout, interpreter, gc);
}

static uint64_t other_than(uint64_t drift, int32_t offset) {
    return drift ? drift : (uint64_t)offset;
}

/* The structure that holds the lists; *ret is 0 where it is not known. */
static struct error *find_base(struct py *py, const struct py_interpreter *interpreter,
                               uint64_t *ret) {
    const struct py_layout *layout = &py->layout;
    *ret = 0;
    if (PY_HAS(layout, interpreter, gc))
        *ret = interpreter->address + (uint64_t)PY_OFFSET(layout, interpreter, gc);
    else if (PY_HAS(layout, runtime, gc))
        *ret = py->roots.runtime + (uint64_t)PY_OFFSET(layout, runtime, gc);
    else if (py->roots.gc_generations)
        return py_read_u64(py, py->roots.gc_generations, ret);
    return NULL;
}

static struct error *find_places(struct py *py, const struct py_interpreter *interpreter,
                                 const struct py_gc_drift *drift, struct places *ret) {
    const struct py_layout *layout = &py->layout;
    uint64_t base, first = 0;
    uint64_t size = other_than(drift->generation_size, PY_OFFSET(layout, gc_generation, size));
    *ret = (struct places){.head_size =
                               other_than(drift->head_size, PY_OFFSET(layout, gc_head, size))};
    struct error *err = find_base(py, interpreter, &base);
    if (err || !base)
        return err;
    if (PY_HAS(layout, gc, generations))
        first = other_than(drift->generations, PY_OFFSET(layout, gc, generations));
    for (size_t i = 0; i < GENERATIONS; i++)
        ret->heads[ret->count++] = base + first + i * size;
    if (PY_HAS(layout, gc, permanent_generation))
        ret->heads[ret->count++] = base + (uint64_t)PY_OFFSET(layout, gc, permanent_generation);
    return NULL;
}

static struct error *read_node(struct py *py, const struct places *places, uint64_t address,
                               struct node *ret) {
    unsigned char bytes[HEAD_MAX];
    const struct py_layout *layout = &py->layout;
    uint64_t type_at = places->head_size + (uint64_t)PY_OFFSET(layout, object, type);
    *ret = (struct node){0};
    if (type_at + 8 > sizeof bytes)
        return error_create(ERROR_INVALID, "impossible layout of tracked objects");
    struct error *err = memory_read(py->memory, address, bytes, type_at + 8);
    if (err)
        return err;
    memcpy(&ret->next, bytes + PY_OFFSET(layout, gc_head, next), 8);
    memcpy(&ret->prev, bytes + PY_OFFSET(layout, gc_head, prev), 8);
    memcpy(&ret->type, bytes + type_at, 8);
    ret->flags = (uint8_t)(ret->prev & 3);
    ret->next = LINK(ret->next);
    ret->prev = LINK(ret->prev);
    return NULL;
}

/* Whether a list begins at `head`: its neighbours know it, and what follows is an object. */
static struct error *check_head(struct py *py, const struct places *places, uint64_t head) {
    struct node node, next, prev;
    struct py_type *type;
    struct error *err = read_node(py, places, head, &node);
    if (!err)
        err = read_node(py, places, node.next, &next);
    if (!err)
        err = read_node(py, places, node.prev, &prev);
    if (!err && (next.prev != head || prev.next != head))
        err = error_create(ERROR_INVALID, "its links do not agree");
    if (!err && node.next != head)
        err = py_type_read(py, next.type, &type);
    return err;
}

static struct error *check_places(struct py *py, const struct places *places) {
    struct error *err = NULL;
    for (size_t i = 0; !err && i < places->count; i++)
        err = check_head(py, places, places->heads[i]);
    return err;
}

/* The places of the table, or where another patch release of the same version has them. */
static struct error *choose_places(struct gc_visit *visit,
                                   const struct py_interpreter *interpreter) {
    static const struct py_gc_drift none;
    const struct py_gc_drift *drift = &visit->py->layout.traits.gc_drift;
    struct error *err = find_places(visit->py, interpreter, &none, &visit->places);
    if (!err && !visit->places.count)
        return error_create(ERROR_INVALID, "it is not known where its lists are");
    if (!err)
        err = check_places(visit->py, &visit->places);
    if (!err || error_is_fatal(err) || memcmp(drift, &none, sizeof none) == 0)
        return err;
    struct places other;
    struct error *other_err = find_places(visit->py, interpreter, drift, &other);
    if (!other_err)
        other_err = check_places(visit->py, &other);
    if (other_err && !error_is_fatal(other_err)) {
        error_destroy(other_err);
        return err;
    }
    error_destroy(err);
    visit->places = other;
    return other_err;
}

/* Between two pieces: is there time left, and does the size of the reads pay? */
static struct error *finish_piece(struct gc_visit *visit) {
    uint64_t bytes_read = memory_get_statistics(visit->py->memory).bytes_read;
    if (bytes_read - visit->bytes_read > PIECE * BYTES_AN_OBJECT)
        memory_set_fetch_size(visit->py->memory, 0);
    visit->bytes_read = bytes_read;
    if (clock_monotonic() > visit->deadline)
        return error_create(ERROR_INVALID, "it takes too long");
    if (visit->walk->objects >= OBJECTS_MAX)
        return error_create(ERROR_INVALID, "there are too many objects");
    return NULL;
}

/* That every node names the one before it also proves that there is no cycle. An error of the
 * visitor's own is `*ret_visitor`, so that it is not taken for one of the list. */
static struct error *walk_list(struct gc_visit *visit, uint64_t head, bool *ret_visitor) {
    struct node node;
    uint64_t previous = head;
    struct error *err = read_node(visit->py, &visit->places, head, &node);
    for (uint64_t at = node.next; !err && at != head; at = node.next) {
        err = read_node(visit->py, &visit->places, at, &node);
        if (!err && node.prev != previous)
            err = error_create(ERROR_INVALID, "its links do not agree: it changed meanwhile");
        if (!err && ++visit->walk->objects % PIECE == 0)
            err = finish_piece(visit);
        if (err)
            break;
        err = visit->visit(visit->context, at + visit->places.head_size, node.type);
        *ret_visitor = err != NULL;
        previous = at;
    }
    return err;
}

/* What cannot be read ends a list, not the walk. */
static struct error *note_why(struct gc_visit *visit, struct error *err) {
    if (!err || error_is_fatal(err))
        return err;
    visit->walk->why = arena_format(visit->py->snapshot->arena, "%s", error_get_message(err));
    error_destroy(err);
    return NULL;
}

struct error *py_gc_visit(struct py *py, const struct py_interpreter *interpreter, double seconds,
                          py_visit_object *visit, void *context, struct py_gc_walk *ret) {
    struct gc_visit state = {.py = py,
                             .visit = visit,
                             .context = context,
                             .deadline = clock_monotonic() + seconds,
                             .bytes_read = memory_get_statistics(py->memory).bytes_read,
                             .walk = ret};
    *ret = (struct py_gc_walk){0};
    if (interpreter->gc_collecting == 1)
        ret->why = "it is at work: what it examines now is in none of its lists";
    struct error *err = note_why(&state, choose_places(&state, interpreter));
    for (size_t i = 0; !err && i < state.places.count; i++) {
        bool of_visitor = false;
        err = walk_list(&state, state.places.heads[i], &of_visitor);
        if (!of_visitor)
            err = note_why(&state, err);
    }
    return err;
}

static struct error *check_links(struct py *py, const struct places *places, uint64_t address,
                                 enum py_gc_tracked *ret) {
    struct node node, next = {0}, prev = {0};
    uint64_t head = address - places->head_size;
    *ret = PY_GC_UNTRACKED;
    struct error *err = read_node(py, places, head, &node);
    if (err || !node.next)
        return error_forgive(err);
    if (node.flags & COLLECTING) { /* prev is no link now */
        *ret = PY_GC_MARKED;
        return NULL;
    }
    err = read_node(py, places, node.next, &next);
    if (!err)
        err = read_node(py, places, node.prev, &prev);
    if (!err && next.prev == head && prev.next == head)
        *ret = PY_GC_TRACKED;
    return error_forgive(err);
}

struct error *py_gc_is_tracked(struct py *py, uint64_t address, enum py_gc_tracked *ret) {
    const struct py_gc_drift *drift = &py->layout.traits.gc_drift;
    struct places places = {.head_size = (uint64_t)PY_OFFSET(&py->layout, gc_head, size)};
    struct error *err = check_links(py, &places, address, ret);
    if (err || !drift->head_size || *ret != PY_GC_UNTRACKED)
        return err;
    places.head_size = drift->head_size;
    return check_links(py, &places, address, ret);
}

struct error *py_gc_links_read(struct py *py, uint64_t address, uint64_t *ret) {
    const struct places places = {.head_size = (uint64_t)PY_OFFSET(&py->layout, gc_head, size)};
    struct node node;
    struct error *err = read_node(py, &places, address - places.head_size, &node);
    *ret = err ? 0 : node.next * UINT64_C(0x9e3779b97f4a7c15) ^ node.prev;
    return err;
}
