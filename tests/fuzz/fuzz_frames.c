/* Interpreters, threads, frames and generators, each at any address at all. */
#include <stdlib.h>

#include "asyncspy/python/frame.h"
#include "fuzz_image.h"

static void visit_name(void *context, uint64_t ident, const char *name) {
    (void)ident;
    if (!name)
        abort();
    ++*(unsigned *)context;
}

static struct error *read_stack(struct py *py, uint64_t address) {
    struct py_frame *frames;
    size_t count;
    const char *why;
    struct error *err = py_frames_read(py, address, &frames, &count, &why);
    for (size_t i = 0; !err && i < count; i++)
        if (!frames[i].decoded->function)
            abort();
    return err;
}

static struct error *read_threads(struct py *py, uint64_t address) {
    struct py_interpreter interpreter = {.address = address};
    struct py_thread *threads;
    size_t count;
    struct error *err = py_threads_read(py, &interpreter, &threads, &count);
    for (size_t i = 0; !err && i < count; i++)
        err = read_stack(py, threads[i].top_frame);
    return err;
}

static struct error *read_interpreters(struct py *py) {
    struct py_interpreter *interpreters;
    size_t count;
    unsigned names = 0;
    struct error *err = py_interpreters_read(py, &interpreters, &count);
    for (size_t i = 0; !err && i < count; i++) {
        err = read_threads(py, interpreters[i].address);
        if (!err)
            error_destroy(py_thread_names_visit(py, &interpreters[i], visit_name, &names));
    }
    return err;
}

/* As far as the chain of what awaits what goes. */
static struct error *read_chain(struct py *py, uint64_t address) {
    struct py_generator generator;
    struct error *err = NULL;
    for (unsigned i = 0; address && !err && i < 50; i++) {
        err = py_generator_read(py, address, &generator);
        address = err ? 0 : generator.awaited;
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct fuzz_image *image = fuzz_image_begin(&input);
    error_destroy(read_interpreters(image->py));
    for (unsigned i = 0; input.left && i < 50; i++) {
        unsigned what = (unsigned)fuzz_take(&input, 1) % 3;
        uint64_t address = fuzz_image_address(image, fuzz_take(&input, 3));
        if (what == 0)
            error_destroy(read_stack(image->py, address));
        else if (what == 1)
            error_destroy(read_chain(image->py, address));
        else
            error_destroy(read_threads(image->py, address));
    }
    fuzz_image_end(image);
    return 0;
}
