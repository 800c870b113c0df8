/* The whole way from hostile memory to text: walk, analysis, renderers. */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/capture/walk.h"
#include "asyncspy/analysis/edges.h"
#include "asyncspy/analysis/group.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct target_thread kernel = {.tid = 4711, .namespace_tid = 4711, .name = "python3"};
    struct fuzz_image *image = fuzz_image_begin(&input);
    struct error *err = walk_interpreters(image->py, image->snapshot, &kernel, 1);
    if (err) /* the target is there all the time: nothing in it ends a run */
        abort();
    edges_find(image->snapshot);
    group_tasks(image->snapshot);
    write_all(image->snapshot);
    fuzz_image_end(image);
    return 0;
}
