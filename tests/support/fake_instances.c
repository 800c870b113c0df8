#include "fake_instances.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/arena.h"
#include "fake_functions.h"

/* --- instances --- */

static size_t count_names(const struct fake_named *named) {
    size_t count = 0;
    while (named && named[count].name)
        count++;
    return count;
}

/* A class that was made before under `signature`, 0: there is none. */
static uint64_t find_class(const struct fake_python *fake, const char *signature) {
    for (size_t i = 0; i < fake->class_count; i++)
        if (strcmp(fake->classes[i].signature, signature) == 0)
            return fake->classes[i].type;
    return 0;
}

static uint64_t remember_class(struct fake_python *fake, const char *signature, uint64_t type) {
    if (fake->class_count < sizeof fake->classes / sizeof *fake->classes) {
        struct fake_known_class *known = &fake->classes[fake->class_count++];
        snprintf(known->signature, sizeof known->signature, "%s", signature);
        known->type = type;
    }
    return type;
}

/* "module" and "Name" of "module.Name". */
static const char *split_name(const char *name, char *module, size_t room) {
    const char *dot = strrchr(name, '.');
    snprintf(module, room, "%.*s", (int)(dot - name), name);
    return dot + 1;
}

uint64_t fake_new_derived(struct fake_python *fake, const char *name, uint64_t base, size_t size,
                          const struct fake_named *attributes) {
    const char *keys[FAKE_NAMED_MAX + 1] = {NULL};
    uint64_t values[FAKE_NAMED_MAX] = {0};
    char signature[256], module[128];
    int end = snprintf(signature, sizeof signature, "%s:%llx:", name, (unsigned long long)base);
    for (size_t i = 0; i < count_names(attributes); i++) {
        keys[i] = attributes[i].name;
        values[i] = attributes[i].value;
        end += snprintf(signature + end, sizeof signature - (size_t)end, "%s,", keys[i]);
    }
    uint64_t type = find_class(fake, signature);
    const char *short_name = split_name(name, module, sizeof module);
    if (!type)
        type = remember_class(fake, signature,
                              fake_class(fake, &(struct fake_class){.module = module,
                                                                    .name = short_name,
                                                                    .base = base,
                                                                    .size = size,
                                                                    .keys = keys}));
    return fake_instance(fake, type, values);
}

uint64_t fake_new(struct fake_python *fake, const char *name, const struct fake_named *attributes) {
    return fake_new_derived(fake, name, 0, 0, attributes);
}

static bool is_string(struct fake_python *fake, uint64_t string, const char *text) {
    uint64_t header = (uint64_t)PY_OFFSET(&fake->layout, string_ascii, size);
    return FAKE_GET(fake, string, string, length) == strlen(text) &&
           memcmp(fake_memory_at(fake->memory, string + header), text, strlen(text)) == 0;
}

void fake_set_attribute(struct fake_python *fake, uint64_t instance, const char *name,
                        uint64_t value) {
    uint64_t keys = FAKE_GET(fake, FAKE_GET(fake, instance, object, type), type, cached_keys);
    uint64_t count = FAKE_GET(fake, keys, dict_keys, entry_count);
    for (uint64_t i = 0; i < count; i++) {
        if (!is_string(fake, fake_shared_key(fake, keys, i), name))
            continue;
        fake_put(fake, fake_instance_values(fake, instance) + 8 * i, value, 8);
        return;
    }
    fprintf(stderr, "fake_set_attribute: there is no %s\n", name);
    abort();
}

uint64_t fake_slotted_class(struct fake_python *fake, const char *name, uint64_t base,
                            const char *const *slots) {
    char module[128];
    const char *short_name = split_name(name, module, sizeof module);
    uint64_t type = find_class(fake, name);
    uint64_t size = base ? FAKE_GET(fake, base, type, basicsize) : 16;
    size_t count = 0;
    if (type)
        return type;
    while (slots[count])
        count++;
    type = fake_class(
        fake, &(struct fake_class){
                  .module = module, .name = short_name, .base = base, .size = size + 8 * count});
    for (size_t i = 0; i < count; i++)
        fake_class_add_slot(fake, type, slots[i], size + 8 * i);
    return remember_class(fake, name, type);
}

/* --- variables --- */

static void set_variables(struct fake_python *fake, uint64_t code, const struct fake_named *named,
                          enum fake_variable_kind kind) {
    struct fake_variable variables[FAKE_NAMED_MAX];
    size_t count = count_names(named);
    for (size_t i = 0; i < count; i++)
        variables[i] = (struct fake_variable){named[i].name, kind};
    fake_code_set_variables(fake, code, variables, count);
}

uint64_t fake_closure(struct fake_python *fake, const char *qualname,
                      const struct fake_named *variables) {
    const char *dot = strrchr(qualname, '.'), *name = dot ? dot + 1 : qualname;
    uint64_t cells[FAKE_NAMED_MAX];
    uint64_t code = fake_code(fake, name, qualname, "/usr/lib/python3/asyncio/tasks.py", 700);
    size_t count = count_names(variables);
    set_variables(fake, code, variables, FAKE_FREE_VARIABLE);
    for (size_t i = 0; i < count; i++)
        cells[i] = fake_cell(fake, variables[i].value);
    return fake_function(fake, code, name, qualname, fake_tuple(fake, cells, count));
}

/* --- value stacks --- */

void fake_push_function(struct fake_python *fake, struct fake_stack *stack, const char *code_name,
                        const char *name, uint64_t manager) {
    uint64_t code = fake_code(fake, code_name, code_name, "pool.py", 5);
    uint64_t function = fake_function(fake, code, name, name, 0);
    if (fake->layout.traits.with_keeps_manager) {
        stack->words[stack->count++] = function;
        stack->words[stack->count++] = manager;
    } else {
        stack->words[stack->count++] = fake_method(fake, function, manager);
    }
}

void fake_push_builtin(struct fake_python *fake, struct fake_stack *stack, const char *name,
                       uint64_t manager) {
    if (fake->layout.traits.with_keeps_manager) {
        stack->words[stack->count++] = fake_method_descriptor(fake, name);
        stack->words[stack->count++] = manager;
    } else {
        stack->words[stack->count++] = fake_builtin(fake, name, manager);
    }
}

void fake_push_exit(struct fake_python *fake, struct fake_stack *stack, const char *name,
                    uint64_t manager) {
    fake_push_function(fake, stack, name, name, manager);
}

/* --- frames --- */

static uint64_t make_code(struct fake_python *fake, const struct fake_body *body) {
    char file[128] = "/srv/app.py";
    if (body->file)
        snprintf(file, sizeof file, "/usr/lib/python3/%s", body->file);
    uint64_t code = fake_code(fake, body->function, body->function, file, 10);
    set_variables(fake, code, body->variables, FAKE_LOCAL);
    return code;
}

/* GET_AWAITABLE before the instruction at which a frame is suspended, with what tells its use. */
static void put_use(struct fake_python *fake, uint64_t code, enum py_await_use use) {
    const struct py_with_opcodes *with = &fake->layout.traits.with_opcodes;
    int unit = FAKE_UNIT_AWAIT - with->get_awaitable_distance;
    uint8_t argument = use == PY_AWAIT_ENTER ? 1 : use == PY_AWAIT_EXIT ? 2 : 0;
    uint8_t leave = with->with_cleanup_start ? with->with_cleanup_start : with->with_except_start;
    uint8_t before = 0;
    if (use == PY_AWAIT_ENTER)
        before = with->before_async_with;
    else if (use == PY_AWAIT_EXIT)
        before = leave;
    if (use == PY_AWAIT_UNKNOWN)
        return;
    fake_code_put(fake, code, unit, with->get_awaitable, with->before_async_with ? 0 : argument);
    if (before)
        fake_code_put(fake, code, unit - 1, before, 0);
}

static void put_variables(struct fake_python *fake, uint64_t frame,
                          const struct fake_named *variables) {
    for (size_t i = 0; i < count_names(variables); i++)
        fake_frame_put(fake, frame, i, variables[i].value);
}

uint64_t fake_suspended(struct fake_python *fake, const struct fake_body *body, uint64_t awaited) {
    static const struct fake_stack empty = {.count = 0};
    const struct fake_stack *stack = body->stack ? body->stack : &empty;
    enum fake_state state = awaited ? FAKE_SUSPENDED_AWAIT : FAKE_SUSPENDED_YIELD;
    uint64_t code = make_code(fake, body);
    put_use(fake, code, body->use);
    uint64_t coroutine =
        fake_generator(fake, body->is_generator ? FAKE_GENERATOR : FAKE_COROUTINE, code, state, 0);
    uint64_t frame = fake_generator_get_frame(fake, coroutine);
    fake_generator_set_stack(fake, coroutine, stack->words, stack->count, awaited);
    put_variables(fake, frame, body->variables);
    FAKE_SET(fake, frame, frame, globals, body->globals);
    return coroutine;
}

/* What the handler around the statements keeps is certain. */
static void put_stack(struct fake_python *fake, uint64_t frame, uint64_t code, size_t first,
                      const struct fake_stack *stack) {
    uint64_t base = frame + (uint64_t)PY_OFFSET(&fake->layout, frame, localsplus);
    for (size_t i = 0; i < stack->count; i++)
        fake_frame_put(fake, frame, first + i, stack->words[i]);
    FAKE_SET(fake, frame, frame, valuestack, base + 8 * first);
    fake_frame_set_block(fake, frame, (int)stack->count);
    fake_code_set_handler(fake, code, FAKE_UNIT_CALL, 2, (uint8_t)stack->count);
}

uint64_t fake_executing(struct fake_python *fake, const struct fake_body *body) {
    uint64_t code = make_code(fake, body);
    uint64_t coroutine = fake_generator(fake, FAKE_COROUTINE, code, FAKE_EXECUTING, 0);
    uint64_t frame = fake_generator_get_frame(fake, coroutine);
    put_variables(fake, frame, body->variables);
    if (body->stack)
        put_stack(fake, frame, code, count_names(body->variables), body->stack);
    return coroutine;
}

uint64_t fake_called(struct fake_python *fake, const struct fake_body *body, uint64_t previous) {
    uint64_t code = make_code(fake, body);
    uint64_t caller = previous ? previous : fake_shim_frame(fake, code);
    uint64_t frame = fake_frame(fake, code, FAKE_UNIT_CALL, caller, caller == 0);
    put_variables(fake, frame, body->variables);
    FAKE_SET(fake, frame, frame, globals, body->globals);
    if (body->stack)
        put_stack(fake, frame, code, count_names(body->variables), body->stack);
    return frame;
}
