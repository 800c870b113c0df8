/* A snapshot that is loaded: what was read can be shown, written, and read again as it was. */
#include <stdio.h>
#include <stdlib.h>

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/json.h"
#include "fuzz_input.h"

static char *write_json(const struct snapshot *snapshot, size_t *ret_size) {
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    if (!out || snapshot_json_write(snapshot, out) || fclose(out))
        abort();
    return text;
}

static void show(struct snapshot *snapshot, unsigned how) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct text_options options = {.width = how & 1 ? 80 : 160,
                                   .color = how & 2,
                                   .ascii = how & 4,
                                   .all_tasks = how & 8,
                                   .verbose = how & 16};
    if (!out)
        abort();
    error_destroy(render_text(snapshot, &options, out));
    fclose(out);
    if (memchr(text, 27, size) && !options.color)
        abort(); /* an escape code of the input gets through */
    free(text);
}

/* Written, read and written again it is the same text. */
static void check_round_trip(const struct snapshot *snapshot) {
    size_t size, size_again;
    char *text = write_json(snapshot, &size);
    struct snapshot *again = snapshot_create();
    if (snapshot_json_read(again, text, size))
        abort();
    char *text_again = write_json(again, &size_again);
    if (size != size_again || memcmp(text, text_again, size) != 0)
        abort();
    free(text);
    free(text_again);
    snapshot_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct snapshot *snapshot = snapshot_create();
    struct error *err = snapshot_json_read(snapshot, (const char *)data, size);
    if (!err) {
        check_round_trip(snapshot);
        analyze(snapshot, NULL);
        show(snapshot, (unsigned)size);
    }
    error_destroy(err);
    snapshot_destroy(snapshot);
    return 0;
}
