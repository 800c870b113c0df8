/* Sockets that tasks wait for; those with the same peer in the same state are one line. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/table.h"
#include "asyncspy/base/text.h"
#include "label.h"

#define ROWS_MAX 5

/* What tasks wait for on one file. */
struct use {
    int64_t fd;
    size_t waiting; /* tasks that no finding names and that are not idle by design */
};

/* A line: a socket, or several that look the same. */
struct row {
    const struct snapshot_socket *socket; /* the first of them */
    size_t count;
    double silent_s; /* the shortest of theirs that are known, or NaN */
};

/* The tasks that the findings name. */
static bool *mark_told(struct report *report, struct arena *arena) {
    const struct snapshot *snapshot = report->snapshot;
    bool *told = arena_alloc_array(arena, snapshot->tasks.count, sizeof *told);
    for (size_t i = 0; i < snapshot->findings.count; i++)
        for (size_t j = 0; j < snapshot->findings.items[i].task_count; j++) {
            size_t place = task_index_find(report->index, snapshot->findings.items[i].tasks[j]);
            if (place != TASK_INDEX_NONE)
                told[place] = true;
        }
    return told;
}

/* From the file to what waits for it. */
static const struct id_table *collect_uses(struct report *report, struct arena *arena) {
    const struct snapshot *snapshot = report->snapshot;
    struct id_table *uses = id_table_create(arena, 0);
    const bool *told = mark_told(report, arena);
    for (size_t i = 0; i < snapshot->tasks.count; i++) {
        const struct snapshot_task *task = &snapshot->tasks.items[i];
        if (!task->awaiting || task->awaiting->fd == SNAPSHOT_UNKNOWN ||
            task->state != SNAPSHOT_TASK_WAITING)
            continue;
        struct use *use = id_table_find(uses, (uint64_t)task->awaiting->fd);
        if (!use) {
            use = arena_alloc(arena, sizeof *use);
            use->fd = task->awaiting->fd;
            id_table_add(uses, (uint64_t)use->fd, use);
        }
        use->waiting += !told[i] && task->idle != SNAPSHOT_YES;
    }
    return uses;
}

/* What makes sockets one line: all of them a line of its own where everything is told. */
static const char *make_key(struct report *report, struct arena *arena,
                            const struct snapshot_socket *socket) {
    if (report->options->verbose)
        return arena_format(arena, "%" PRId64, socket->fd);
    return arena_format(arena, "%s\n%s\n%d", socket->peer ? socket->peer : "",
                        label_socket_state(report, socket, ""), (int)socket->registered);
}

/* The lines, in the order of the sockets; `ret` has room for a line for each. */
static size_t make_rows(struct report *report, struct arena *arena, struct row *ret) {
    const struct snapshot *snapshot = report->snapshot;
    const struct id_table *uses = collect_uses(report, arena);
    struct table *rows = table_create();
    size_t count = 0;
    for (size_t i = 0; i < snapshot->sockets.count; i++) {
        const struct snapshot_socket *socket = &snapshot->sockets.items[i];
        const struct use *use = id_table_find(uses, (uint64_t)socket->fd);
        if (!report->options->verbose && !(use && use->waiting))
            continue;
        const char *key = make_key(report, arena, socket);
        struct row *row = table_find(rows, key, strlen(key));
        if (!row) {
            row = &ret[count++];
            *row = (struct row){.socket = socket, .silent_s = NAN};
            table_add(rows, key, strlen(key), row);
        }
        row->count++;
        row->silent_s = fmin(row->silent_s, snapshot_socket_get_silence(socket));
    }
    table_destroy(rows);
    return count;
}

/* "fd 9  10.0.0.5:51324 -> 10.1.2.3:443", "10 x -> 10.1.2.3:443". */
static const char *describe_ends(struct report *report, const struct row *row) {
    struct page *page = &report->page;
    const struct snapshot_socket *socket = row->socket;
    const char *local = row->count == 1 && socket->local ? page_escape(page, socket->local) : "";
    const char *peer = socket->peer ? page_escape(page, socket->peer) : "";
    const char *count = row->count > 1
                            ? arena_format(page->scratch, "%s x", page_count(page, row->count))
                            : arena_format(page->scratch, "fd %" PRId64, socket->fd);
    if (!report->options->verbose) {
        local = text_clip(page->scratch, local, page->width / 4);
        peer = text_clip(page->scratch, peer, page->width / 4);
    }
    return arena_format(page->scratch, "%s%s%s%s%s", count, *local ? "  " : "", local,
                        *peer ? " -> " : "", peer);
}

static void print_row(struct report *report, const struct row *row) {
    struct page *page = &report->page;
    page->column = REPORT_COUNT_COLUMN;
    page_put_lines(
        page,
        arena_format(page->scratch, "%s  %s", describe_ends(report, row),
                     label_socket_state(report, row->socket,
                                        label_silence(report, row->silent_s, row->count > 1))),
        report->options->verbose ? SIZE_MAX : 1);
    arena_reset(page->scratch);
}

void report_sockets(struct report *report) {
    struct page *page = &report->page;
    struct arena *arena = arena_create();
    struct row *rows = arena_alloc_array(arena, report->snapshot->sockets.count, sizeof *rows);
    size_t count = make_rows(report, arena, rows);
    size_t most = report->options->verbose || count < ROWS_MAX ? count : ROWS_MAX;
    if (count)
        report_start_count(report, "SOCKETS", count);
    for (size_t i = 0; i < most; i++)
        print_row(report, &rows[i]);
    if (count > most) {
        page->column = REPORT_COUNT_COLUMN;
        page_format(page, "... %s more (-v)", page_count(page, count - most));
        page_end_line(page);
    }
    arena_destroy(arena);
}
