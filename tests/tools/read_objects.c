/*
 * Reads objects of a live process for the tests: `read_objects PID` takes lines "WHAT ADDRESS"
 * (hexadecimal) from stdin and answers each with one line of what was found; see `readers` and
 * answer().
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/python/discovery.h"
#include "asyncspy/python/frame.h"
#include "asyncspy/python/function.h"
#include "asyncspy/target/process.h"

struct session {
    struct target_process *process;
    struct py *py;
    struct arena *arena;
    struct snapshot *snapshot;
    struct target_thread *threads;
    size_t thread_count;
};

static struct error *print_object(struct py *py, uint64_t address) {
    struct py_type *type;
    const char *text;
    int64_t number;
    double value;
    struct error *err = py_type_of(py, address, &type);
    if (!err && type->kind == PY_KIND_STRING && !(err = py_string_read(py, address, &text)))
        printf("'%s'", text);
    else if (!err && type->kind == PY_KIND_INTEGER &&
             !(err = py_integer_read(py, address, &number)))
        printf("%" PRId64, number);
    else if (!err && type->kind == PY_KIND_FLOAT && !(err = py_float_read(py, address, &value)))
        printf("%.17g", value);
    else if (!err)
        printf("%s@%" PRIx64, type->full_name, address);
    return err;
}

static struct error *print_item(void *context, uint64_t item) {
    struct error *err = print_object(context, item);
    printf(", ");
    return err;
}

static struct error *read_deque(struct py *py, uint64_t address) {
    return py_deque_visit(py, address, print_item, py);
}

static struct error *read_simple_queue(struct py *py, uint64_t address) {
    return py_simple_queue_visit(py, address, print_item, py);
}

static struct error *read_count(struct py *py, uint64_t address) {
    int64_t count = 0;
    struct error *err = py_count_read(py, address, &count);
    printf("%" PRId64, count);
    return err;
}

static struct error *read_function(struct py *py, uint64_t address) {
    struct py_function function;
    uint64_t value = 0;
    struct error *err = py_function_read(py, address, &function);
    if (err)
        return err;
    printf("%s %s closure ", function.name, function.qualified_name);
    err = py_closure_find(py, &function, "free_variable", &value);
    return err || !value ? err : print_object(py, value);
}

static struct error *read_method(struct py *py, uint64_t address) {
    uint64_t function, self;
    struct error *err = py_method_read(py, address, &function, &self);
    if (!err)
        printf("%" PRIx64 " %" PRIx64, function, self);
    return err;
}

static struct error *read_builtin(struct py *py, uint64_t address) {
    const char *name;
    uint64_t self;
    struct error *err = py_builtin_read(py, address, &name, &self);
    if (!err)
        printf("%s %" PRIx64, name, self);
    return err;
}

static struct error *read_partial(struct py *py, uint64_t address) {
    uint64_t function, arguments;
    struct error *err = py_partial_read(py, address, &function, &arguments);
    if (!err)
        printf("%" PRIx64 " %" PRIx64, function, arguments);
    return err;
}

static struct error *read_tuple(struct py *py, uint64_t address) {
    struct error *err = NULL;
    uint64_t item = 1;
    for (size_t i = 0; !err && item; i++) {
        err = py_tuple_get(py, address, i, &item);
        if (!err && item)
            err = print_item(py, item);
    }
    return err;
}

/* --- frames --- */

static struct error *print_local(void *context, const char *name, uint64_t value, bool *stop) {
    (void)stop;
    printf("%s=", name);
    return print_item(context, value);
}

static struct error *read_frame_locals(struct py *py, uint64_t frame) {
    uint64_t value = 0, globals = 0;
    struct error *err = py_locals_visit(py, frame, print_local, py);
    if (!err)
        err = py_local_find(py, frame, "wanted", &value);
    if (!err && value) {
        printf("wanted: ");
        err = print_object(py, value);
    }
    if (!err)
        err = py_globals_find(py, frame, &globals);
    if (!err)
        err = py_dict_find(py, globals, "__name__", &value);
    printf(" in ");
    return err || !value ? err : print_object(py, value);
}

static struct error *read_locals(struct py *py, uint64_t address) {
    struct py_generator generator;
    struct error *err = py_generator_read(py, address, &generator);
    return err || !generator.frame ? err : read_frame_locals(py, generator.frame);
}

static struct error *print_open(void *context, uint64_t object, enum py_open_kind kind) {
    static const char *const kinds[] = {"", "async ", "loop "};
    printf("%s", kinds[kind]);
    return print_item(context, object);
}

static struct error *read_managers(struct py *py, uint64_t address) {
    static const char *const uses[] = {"unknown", "expression", "enter", "exit"};
    struct py_generator generator;
    struct error *err = py_generator_read(py, address, &generator);
    if (err)
        return err;
    printf("%s %zu | ", uses[generator.use], generator.stack_slots);
    return py_managers_visit(py, &generator, print_open, py);
}

static struct error *get_lock(struct py *py, uint64_t address, struct py_thread_lock *ret) {
    struct py_type *type;
    struct error *err = py_type_of(py, address, &type);
    return err ? err : py_thread_lock_read(py, type, address, ret);
}

static struct error *read_lock(struct py *py, uint64_t address) {
    struct py_thread_lock lock;
    struct error *err = get_lock(py, address, &lock);
    if (!err)
        printf("recursive %d locked %d owner %" PRIu64 " waiters %d", lock.is_recursive,
               lock.locked, lock.owner, (int)lock.has_waiters);
    return err;
}

struct reader {
    const char *what;
    struct error *(*read)(struct py *py, uint64_t address);
};

static const struct reader readers[] = {
    {"object", print_object},  {"deque", read_deque},       {"queue", read_simple_queue},
    {"count", read_count},     {"function", read_function}, {"method", read_method},
    {"builtin", read_builtin}, {"partial", read_partial},   {"tuple", read_tuple},
    {"locals", read_locals},   {"managers", read_managers}, {"lock", read_lock},
};

/* --- threads --- */

/* Where a thread sleeps in futex(2), 0 when it does not. */
static uint64_t find_futex(const struct session *session, uint64_t tid) {
    for (size_t i = 0; i < session->thread_count; i++) {
        const struct target_thread *thread = &session->threads[i];
        const char *name = thread->syscall < 0 ? NULL : process_syscall_name(thread->syscall);
        if (thread->namespace_tid == (pid_t)tid && name && strcmp(name, "futex") == 0)
            return thread->arguments[0];
    }
    return 0;
}

/* "waits TID LOCK": whether the thread waits for the lock. */
static struct error *read_waits(struct session *session, const char *words) {
    char *rest;
    uint64_t futex = find_futex(session, strtoull(words, &rest, 16));
    struct py_thread_lock lock;
    bool waits = false;
    struct error *err = get_lock(session->py, strtoull(rest, NULL, 16), &lock);
    if (!err && futex)
        err = py_thread_lock_is_awaited(session->py, &lock, futex, &waits);
    printf("%s", waits ? "yes" : "no");
    return err;
}

/* "gil TID": whether the thread waits for the GIL of the first interpreter. */
static struct error *read_gil(struct session *session, const char *words) {
    struct py_interpreter *items;
    size_t count = 0;
    uint64_t futex = find_futex(session, strtoull(words, NULL, 16));
    struct error *err = py_interpreters_read(session->py, &items, &count);
    if (err || !count || !items->gil)
        printf("unknown");
    else
        printf("%s", futex >= items->gil && futex < items->gil + items->gil_size ? "yes" : "no");
    return err;
}

static struct error *search_thread(struct py *py, const struct py_thread *thread,
                                   const char *function) {
    struct py_frame *frames;
    size_t count;
    const char *why;
    struct error *err = py_frames_read(py, thread->top_frame, &frames, &count, &why);
    for (size_t i = 0; !err && i < count; i++)
        if (strcmp(frames[i].decoded->function, function) == 0)
            err = py_running_managers_visit(py, frames[i].address, print_open, py);
    return err;
}

/* "running FUNCTION": the managers of the frames of that function, in all threads. */
static struct error *read_running(struct session *session, char *function) {
    struct py_interpreter *interpreters;
    struct py_thread *threads = NULL;
    size_t count = 0, thread_count = 0;
    function[strcspn(function, "\n")] = 0;
    struct error *err = py_interpreters_read(session->py, &interpreters, &count);
    if (!err && count)
        err = py_threads_read(session->py, &interpreters[0], &threads, &thread_count);
    for (size_t i = 0; !err && i < thread_count; i++)
        err = search_thread(session->py, &threads[i], function);
    return err;
}

static struct error *answer(struct session *session, char *line) {
    if (strncmp(line, "running ", 8) == 0)
        return read_running(session, line + 8);
    if (strncmp(line, "waits ", 6) == 0)
        return read_waits(session, line + 6);
    if (strncmp(line, "gil ", 4) == 0)
        return read_gil(session, line + 4);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        size_t length = strlen(readers[i].what);
        if (strncmp(line, readers[i].what, length) == 0 && line[length] == ' ')
            return readers[i].read(session->py, strtoull(line + length, NULL, 16));
    }
    return error_create(ERROR_USAGE, "what is that");
}

static struct error *answer_all(struct session *session) {
    char line[256];
    struct error *err = process_list_threads(session->process, session->arena, &session->threads,
                                             &session->thread_count);
    if (err)
        return err;
    py_begin_walk(session->py, session->snapshot);
    while (fgets(line, sizeof line, stdin)) {
        err = answer(session, line);
        if (err)
            printf(" ERROR %s", error_get_message(err));
        error_destroy(err);
        putchar('\n');
    }
    return NULL;
}

static struct error *open_session(const char *pid, struct session *session) {
    struct py_discovery discovery;
    struct py_layout layout;
    struct error *err = process_open((pid_t)strtol(pid, NULL, 10), &session->process);
    if (!err)
        err = py_discover(session->process, session->arena, &discovery);
    if (!err)
        err = py_discovery_get_layout(session->process, &discovery, &layout);
    if (!err)
        session->py = py_create(process_get_memory(session->process), &layout, &discovery.roots);
    return err;
}

int main(int argc, char **argv) {
    struct session session = {.arena = arena_create(), .snapshot = snapshot_create()};
    struct error *err = open_session(argc > 1 ? argv[1] : "0", &session);
    if (!err)
        err = answer_all(&session);
    if (err)
        fprintf(stderr, "read_objects: %s\n", error_get_message(err));
    int status = err != NULL;
    error_destroy(err);
    py_destroy(session.py);
    process_close(session.process);
    snapshot_destroy(session.snapshot);
    arena_destroy(session.arena);
    return status;
}
