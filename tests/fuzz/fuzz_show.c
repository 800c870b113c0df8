#include "fuzz_show.h"

#include <stdio.h>

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/capture/capture.h"
#include "asyncspy/render/text.h"

static void show(struct snapshot *snapshot) {
    FILE *out = fopen("/dev/null", "we");
    analyze(snapshot, NULL);
    if (!out)
        return;
    error_destroy(render_text(snapshot, &(struct text_options){.width = 80}, out));
    fclose(out);
}

void fuzz_show_core(const char *path) {
    static const struct core_options options = {.executable = "/nonexistent",
                                                .sysroot = "/dev/null"};
    struct capture *capture;
    struct error *err = capture_open_core(path, &options, &(struct capture_options){0}, &capture);
    if (!err) {
        struct snapshot *snapshot = snapshot_create();
        err = capture_take(capture, snapshot);
        if (!err)
            show(snapshot);
        snapshot_destroy(snapshot);
        capture_close(capture);
    }
    error_destroy(err);
}
