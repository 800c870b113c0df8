/* A snapshot that is loaded, or a tree of processes with theirs: what was read can be shown,
 * written, and read again as it was. */
#include <stdio.h>
#include <stdlib.h>

#include "asyncspy/analysis/analyze.h"
#include "asyncspy/render/process_tree.h"
#include "asyncspy/snapshot/json.h"
#include "fuzz_input.h"

/* One of the two. */
struct loaded {
    struct snapshot *snapshot;
    struct snapshot_processes *tree;
    bool is_tree;
};

static struct loaded create(void) {
    return (struct loaded){.snapshot = snapshot_create(), .tree = snapshot_processes_create()};
}

static void destroy(struct loaded *loaded) {
    snapshot_destroy(loaded->snapshot);
    snapshot_processes_destroy(loaded->tree);
}

static struct error *read_json(struct loaded *loaded, const char *text, size_t size) {
    return snapshot_tree_json_read(loaded->snapshot, loaded->tree, text, size, &loaded->is_tree);
}

static char *write_json(const struct loaded *loaded, size_t *ret_size) {
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    struct error *err = loaded->is_tree ? snapshot_tree_json_write(loaded->tree, out)
                                        : snapshot_json_write(loaded->snapshot, out);
    if (err || fclose(out))
        abort();
    return text;
}

static void show(const struct loaded *loaded, unsigned how) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct text_options options = {.width = how & 1 ? 80 : 160,
                                   .color = how & 2,
                                   .ascii = how & 4,
                                   .all_tasks = how & 8,
                                   .verbose = how & 16};
    error_destroy(loaded->is_tree ? render_process_tree(loaded->tree, &options, out)
                                  : render_text(loaded->snapshot, &options, out));
    fclose(out);
    if (memchr(text, 27, size) && !options.color)
        abort(); /* an escape code of the input gets through */
    free(text);
}

/* Written, read and written again it is the same text. */
static void check_round_trip(const struct loaded *loaded) {
    size_t size, size_again;
    char *text = write_json(loaded, &size);
    struct loaded again = create();
    if (read_json(&again, text, size))
        abort();
    char *text_again = write_json(&again, &size_again);
    if (size != size_again || memcmp(text, text_again, size) != 0)
        abort();
    free(text);
    free(text_again);
    destroy(&again);
}

static void analyze_all(struct loaded *loaded) {
    if (!loaded->is_tree)
        analyze(loaded->snapshot, NULL);
    for (size_t i = 0; i < loaded->tree->list.count; i++)
        if (loaded->tree->list.items[i].snapshot)
            analyze(loaded->tree->list.items[i].snapshot, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct loaded loaded = create();
    struct error *err = read_json(&loaded, (const char *)data, size);
    if (!err) {
        check_round_trip(&loaded);
        analyze_all(&loaded);
        show(&loaded, (unsigned)size);
    }
    error_destroy(err);
    destroy(&loaded);
    return 0;
}
