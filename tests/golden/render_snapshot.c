/* Reads a snapshot as JSON from standard input and renders it: the golden tests run it. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/analysis/edges.h"
#include "asyncspy/analysis/group.h"
#include "asyncspy/render/text.h"
#include "asyncspy/snapshot/json.h"
#include "read_snapshot.h"

static bool parse_options(int argc, char **argv, struct text_options *options, bool *json) {
    for (int option; (option = getopt(argc, argv, "w:acgqvAj")) != -1;) {
        switch (option) {
        case 'w':
            options->width = (int)strtol(optarg, NULL, 10);
            break;
        case 'a':
            options->all_tasks = true;
            break;
        case 'c':
            options->color = true;
            break;
        case 'g':
            options->graph = true;
            break;
        case 'q':
            options->verdict_only = true;
            break;
        case 'v':
            options->verbose = true;
            break;
        case 'A':
            options->ascii = true;
            break;
        case 'j':
            *json = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc;
}

static struct error *render(struct snapshot *snapshot, const struct text_options *options,
                            bool json) {
    struct error *err = read_snapshot(snapshot, stdin);
    if (err)
        return err;
    edges_find(snapshot);
    group_tasks(snapshot);
    return json ? snapshot_json_write(snapshot, stdout) : render_text(snapshot, options, stdout);
}

int main(int argc, char **argv) {
    struct text_options options = {.width = 100};
    bool json = false;
    setlocale(LC_CTYPE, "C.UTF-8");
    if (!parse_options(argc, argv, &options, &json)) {
        fputs("usage: render_snapshot [-w COLUMNS] [-acgqvAj] < FILE.json\n", stderr);
        return 2;
    }
    struct snapshot *snapshot = snapshot_create();
    struct error *err = render(snapshot, &options, json);
    if (err)
        fprintf(stderr, "%s\n", error_get_message(err));
    snapshot_destroy(snapshot);
    int status = err ? 1 : 0;
    error_destroy(err);
    return status;
}
