/*
 * The whole way from hostile memory to text: walk, analysis, renderers. What is left of the input
 * are more changes, before the memory is copied and walked frozen.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "../../src/capture/walk.h"
#include "asyncspy/analysis/analyze.h"
#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/json.h"
#include "fuzz_image.h"

static void write_all(const struct snapshot *snapshot) {
    FILE *out = fopen("/dev/null", "we");
    if (!out)
        abort();
    error_destroy(render_text(snapshot, &(struct text_options){.width = 80}, out));
    error_destroy(snapshot_json_write(snapshot, out));
    fclose(out);
}

static void walk(struct fuzz_image *image) {
    const struct target_thread threads[] = {
        {.tid = 4711, .namespace_tid = 4711, .name = "python3", .on_cpu = true, .syscall = -1},
        {.tid = FAKE_SERVER_WAITER,
         .namespace_tid = FAKE_SERVER_WAITER,
         .syscall = SYS_futex,
         .arguments = {image->futex}},
        {.tid = FAKE_SERVER_WORKER, .namespace_tid = FAKE_SERVER_WORKER, .syscall = -1},
    };
    const struct walk_kernel kernel = {threads, sizeof threads / sizeof *threads, FAKE_SERVER_NOW};
    snapshot_reset(image->snapshot);
    *py_get_layout(image->py) = image->fake->layout;
    struct walk_search search = {0};
    if (walk_interpreters(image->py, image->snapshot, &kernel, &search))
        abort(); /* the target is there all the time: nothing in it ends a run */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct fuzz_image *image = fuzz_image_begin(&input);
    walk(image);
    if (input.left) { /* it ran on: more changes; then it is stopped and copied */
        fuzz_image_change(image, &input);
        if (memory_recopy(image->memory))
            abort();
        memory_freeze(image->memory, true);
        walk(image);
    }
    analyze(image->snapshot, NULL);
    write_all(image->snapshot);
    fuzz_image_end(image);
    return 0;
}
