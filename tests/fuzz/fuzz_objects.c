/* The readers of objects, one after the other, each with any object at all. */
#include "fuzz_image.h"

#include "asyncspy/python/frame.h"

struct visitor {
    struct py *py;
    unsigned count;
};

/* What is inside is looked at too, one level deep. */
static struct error *visit_item(void *context, uint64_t item) {
    struct visitor *visitor = context;
    struct py_type *type;
    return visitor->count++ < 100 ? py_type_of(visitor->py, item, &type) : NULL;
}

static struct error *visit_entry(void *context, uint64_t key, uint64_t value, bool *stop) {
    struct error *err = visit_item(context, key);
    *stop = ((struct visitor *)context)->count > 1000;
    return err ? err : visit_item(context, value);
}

static struct error *visit_type(void *context, struct py_type *type, bool *stop) {
    *stop = ((struct visitor *)context)->count++ > 100 || !type->tp_name || !type->full_name;
    return NULL;
}

static struct error *read_type(struct py *py, uint64_t address, unsigned what) {
    struct visitor visitor = {py, 0};
    struct py_type *type;
    uint64_t found;
    struct error *err =
        what & 1 ? py_type_of(py, address, &type) : py_type_read(py, address, &type);
    if (!err)
        err = py_type_visit_mro(py, type, visit_type, &visitor);
    if (!err)
        err = py_slot_find(py, type, "lineno", &found);
    return err ? err : py_awaitable_unwrap(py, type, address, &found);
}

static struct error *read_container(struct py *py, uint64_t address, unsigned what) {
    struct visitor visitor = {py, 0};
    switch (what) {
    case 0:
        return py_list_visit(py, address, visit_item, &visitor);
    case 1:
        return py_tuple_visit(py, address, visit_item, &visitor);
    case 2:
        return py_set_visit(py, address, visit_item, &visitor);
    case 3:
        return py_dict_visit(py, address, visit_entry, &visitor);
    default:
        return py_attributes_visit(py, address, visit_entry, &visitor);
    }
}

static struct error *read_value(struct py *py, uint64_t address, unsigned what) {
    const char *text;
    int64_t number;
    uint64_t found;
    bool equal;
    switch (what) {
    case 0:
        return py_string_read(py, address, &text);
    case 1:
        return py_string_equals(py, address, "__module__", &equal);
    case 2:
        return py_integer_read(py, address, &number);
    case 3:
        return py_c_string_read(py, address, 512, &text);
    case 4:
        return py_dict_find(py, address, "asyncio.tasks", &found);
    case 5:
        return py_attribute_find(py, address, "_name", &found);
    case 6:
        return py_module_get_dict(py, address, &found);
    default:
        return py_weakref_get(py, address, &found);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct fuzz_image *image = fuzz_image_begin(&input);
    for (unsigned i = 0; input.left && i < 100; i++) {
        unsigned what = (unsigned)fuzz_take(&input, 1) % 16;
        uint64_t address = fuzz_image_address(image, fuzz_take(&input, 3));
        if (what < 3)
            error_destroy(read_type(image->py, address, what));
        else if (what < 8)
            error_destroy(read_container(image->py, address, what - 3));
        else
            error_destroy(read_value(image->py, address, what - 8));
    }
    fuzz_image_end(image);
    return 0;
}
