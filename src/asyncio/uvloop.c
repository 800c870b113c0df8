#include "uvloop.h"

#include <string.h>

/* What the members from UVLOOP_MEMBERS_AT on are, a letter for each word: o an object, q a deque, s
 * a set, d a dict, - a number. */
static const char *const layouts[] = {
    "oooqss-sosddsdoo-sd", /* 0.17 */
    "oooqsssosdddsdoo-sd", /* 0.23 */
};

static struct error *visit_type(void *context, struct py_type *type, bool *stop) {
    bool *found = context;
    *stop = *found = strcmp(type->full_name, "uvloop.loop.Loop") == 0;
    return NULL;
}

static struct error *is_loop(struct aio *aio, const struct py_type *type, bool *ret) {
    *ret = false;
    return py_type_visit_mro(aio->py, type, visit_type, ret);
}

struct error *aio_uvloop_is_loop(struct aio *aio, uint64_t address, bool *ret) {
    struct py_type *type;
    *ret = false;
    struct error *err = address % sizeof address == 0 && address
                            ? py_type_of(aio->py, address, &type)
                            : error_create(ERROR_INVALID, "there is no object");
    return err ? err : is_loop(aio, type, ret);
}

/* --- flags --- */

static enum snapshot_tristate get_flag(const uint32_t *flags, int at) {
    return flags[(at - UVLOOP_CLOSED_AT) / 4] ? SNAPSHOT_YES : SNAPSHOT_NO;
}

static struct error *read_flags(struct aio *aio, uint64_t address, struct aio_loop_flags *ret) {
    uint32_t flags[4] = {0};
    uint64_t thread = 0, duration = 0;
    struct py_type *type = NULL;
    struct error *err = py_read_u64(aio->py, address + UVLOOP_SLOW_CALLBACK_AT, &duration);
    if (!err)
        err = py_type_of(aio->py, duration, &type);
    for (uint64_t i = 0; !err && i < 4; i++)
        err = py_read_u32(aio->py, address + UVLOOP_CLOSED_AT + 4 * i, &flags[i]);
    if (!err)
        err = py_read_u64(aio->py, address + UVLOOP_THREAD_AT, &thread);
    if (err)
        return err;
    bool running = get_flag(flags, UVLOOP_RUNNING_AT) == SNAPSHOT_YES;
    bool plausible = strcmp(type->tp_name, "float") == 0 && running == (thread != 0) &&
                     (flags[0] | flags[1] | flags[2] | flags[3]) <= 1 && !(flags[0] && running);
    if (plausible)
        *ret = (struct aio_loop_flags){get_flag(flags, UVLOOP_CLOSED_AT),
                                       get_flag(flags, UVLOOP_DEBUG_AT)};
    return NULL;
}

struct error *aio_uvloop_flags_read(struct aio *aio, const struct py_type *type, uint64_t address,
                                    struct aio_loop_flags *ret) {
    bool is_uvloop;
    struct error *err = is_loop(aio, type, &is_uvloop);
    return err || !is_uvloop ? err : read_flags(aio, address, ret);
}

/* --- members --- */

#define MEMBERS_MAX 32

static char get_kind_letter(enum py_kind kind) {
    switch ((int)kind) {
    case PY_KIND_DEQUE:
        return 'q';
    case PY_KIND_SET:
        return 's';
    case PY_KIND_DICT:
        return 'd';
    default:
        return 'o';
    }
}

/* The letter of what a word is; '-' of what is no object. */
static struct error *get_letter(struct aio *aio, uint64_t word, char *ret) {
    struct py_type *type;
    *ret = '-';
    if (!word || word % sizeof word)
        return NULL;
    struct error *err = py_type_of(aio->py, word, &type);
    if (!err)
        *ret = get_kind_letter(type->kind);
    return error_forgive(err);
}

static bool is_layout(const char *layout, const char *letters) {
    for (size_t i = 0; layout[i]; i++)
        if (layout[i] != letters[i] && !(layout[i] == '-') &&
            !(layout[i] == 'o' && letters[i] != '-'))
            return false;
    return true;
}

static uint64_t get_member(const uint64_t *words, uint64_t at) {
    return words[(at - UVLOOP_MEMBERS_AT) / 8];
}

static struct error *read_members(struct aio *aio, struct aio_uvloop *loop) {
    uint64_t words[MEMBERS_MAX] = {0};
    char letters[MEMBERS_MAX] = {0};
    struct error *err = NULL;
    for (size_t i = 0; !err && i < strlen(layouts[0]); i++) {
        err = py_read_u64(aio->py, loop->address + UVLOOP_MEMBERS_AT + 8 * i, &words[i]);
        if (!err)
            err = get_letter(aio, words[i], &letters[i]);
    }
    for (size_t i = 0; !err && i < sizeof layouts / sizeof *layouts; i++)
        loop->is_known |= is_layout(layouts[i], letters);
    if (err || !loop->is_known)
        return err;
    loop->ready = get_member(words, UVLOOP_READY_AT);
    loop->timers = get_member(words, UVLOOP_TIMERS_AT);
    loop->polls = get_member(words, UVLOOP_POLLS_AT);
    loop->executor = get_member(words, UVLOOP_EXECUTOR_AT);
    return aio_drop_none(aio, &loop->executor);
}

static struct error *read_loop(struct aio *aio, struct aio_uvloop *loop) {
    bool is_uvloop;
    struct error *err = aio_uvloop_is_loop(aio, loop->address, &is_uvloop);
    if (err || !is_uvloop)
        return err;
    err = read_members(aio, loop);
    if (err || !loop->is_known)
        return err;
    err = aio_libuv_loop_read(aio, loop);
    if (err)
        loop->uv = 0;
    return error_forgive(err); /* not what it was taken for */
}

struct error *aio_uvloop_find(struct aio *aio, uint64_t loop, const struct aio_uvloop **ret) {
    struct aio_uvloop *found = id_table_find(aio->uvloops, loop);
    struct error *err = NULL;
    if (!found) {
        found = arena_alloc(aio->arena, sizeof *found);
        *found = (struct aio_uvloop){.address = loop, .time = NAN};
        id_table_add(aio->uvloops, found->address, found);
        err = read_loop(aio, found);
        if (err)
            found->is_known = false;
    }
    *ret = found->is_known ? found : NULL;
    return err;
}

/* --- what its coroutines wait for --- */

/* libuv looks names up in threads of its own. */
static struct error *apply_look_up(struct aio_waiting *waiting, const struct py_generator *link) {
    (void)link;
    if (!waiting->is_known)
        aio_waiting_decide(waiting, SNAPSHOT_WAIT_DNS, 0);
    return NULL;
}

static const struct aio_rule rules[] = {
    {"uvloop/loop.pyx", "getaddrinfo", apply_look_up},
    {"uvloop/loop.pyx", "getnameinfo", apply_look_up},
};

static const struct aio_rule no_rule = {"", "", NULL};

const struct aio_rule *aio_uvloop_rule_find(const struct snapshot_frame *frame) {
    if (!frame->file || strncmp(frame->file, "uvloop/", strlen("uvloop/")) != 0)
        return NULL;
    for (size_t i = 0; frame->function && i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i].file, frame->file) == 0 &&
            strcmp(rules[i].function, frame->function) == 0)
            return &rules[i];
    return &no_rule;
}
