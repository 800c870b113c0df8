/*
 * Reads objects of a live process for the tests: `read_objects PID` takes lines "WHAT ADDRESS"
 * (hexadecimal) from stdin and answers each with one line of what was found. WHAT is one of
 * `readers` below, or the name of a function whose frame is looked for in every thread ("frame
 * NAME").
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/python/discovery.h"
#include "asyncspy/python/frame.h"
#include "asyncspy/python/function.h"
#include "asyncspy/target/process.h"

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

struct reader {
    const char *what;
    struct error *(*read)(struct py *py, uint64_t address);
};

static const struct reader readers[] = {
    {"object", print_object},  {"deque", read_deque},       {"queue", read_simple_queue},
    {"count", read_count},     {"function", read_function}, {"method", read_method},
    {"builtin", read_builtin}, {"partial", read_partial},   {"tuple", read_tuple},
    {"locals", read_locals},
};

static struct error *answer(struct py *py, const char *line) {
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        size_t length = strlen(readers[i].what);
        if (strncmp(line, readers[i].what, length) == 0 && line[length] == ' ')
            return readers[i].read(py, strtoull(line + length, NULL, 16));
    }
    return error_create(ERROR_USAGE, "what is that");
}

static struct error *answer_all(struct py *py, struct snapshot *snapshot) {
    char line[256];
    py_begin_walk(py, snapshot);
    while (fgets(line, sizeof line, stdin)) {
        struct error *err = answer(py, line);
        if (err)
            printf(" ERROR %s", error_get_message(err));
        error_destroy(err);
        putchar('\n');
    }
    return NULL;
}

int main(int argc, char **argv) {
    struct target_process *process = NULL;
    struct py_discovery discovery;
    struct py_layout layout;
    struct arena *arena = arena_create();
    struct snapshot *snapshot = snapshot_create();
    struct error *err = process_open((pid_t)strtol(argc > 1 ? argv[1] : "0", NULL, 10), &process);
    if (!err)
        err = py_discover(process, arena, &discovery);
    if (!err)
        err = py_discovery_get_layout(process, &discovery, &layout);
    if (!err) {
        struct py *py = py_create(process_get_memory(process), &layout, &discovery.roots);
        err = answer_all(py, snapshot);
        py_destroy(py);
    }
    if (err)
        fprintf(stderr, "read_objects: %s\n", error_get_message(err));
    error_destroy(err);
    process_close(process);
    snapshot_destroy(snapshot);
    arena_destroy(arena);
    return err != NULL;
}
