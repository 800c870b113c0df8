/* Locks, semaphores and the like that tasks queue for. */
#include <stdint.h>
#include <stdlib.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/text.h"
#include "label.h"

#define ROWS_MAX 5
#define HELD_COLUMNS 14 /* ", held by 10: " */

/* Objects that the findings name: the verdict has told of them. */
static const struct id_table *collect_told(struct arena *arena, const struct snapshot *snapshot) {
    struct id_table *told = id_table_create(arena, 0);
    for (size_t i = 0; i < snapshot->findings.count; i++) {
        const struct snapshot_finding *finding = &snapshot->findings.items[i];
        for (size_t j = 0; j < finding->object_count; j++)
            id_table_add(told, finding->objects[j], &finding->objects[j]);
    }
    return told;
}

/* Whether tasks queue for it because others have it: not so a queue or an event. */
static bool is_contended(const struct snapshot_object *object) {
    return object->waiter_count &&
           (object->kind == SNAPSHOT_OBJECT_LOCK || object->kind == SNAPSHOT_OBJECT_SEMAPHORE ||
            object->kind == SNAPSHOT_OBJECT_THREAD_LOCK || object->kind == SNAPSHOT_OBJECT_OTHER);
}

static int compare_objects(const void *a, const void *b) {
    const struct snapshot_object *first = *(const struct snapshot_object *const *)a;
    const struct snapshot_object *second = *(const struct snapshot_object *const *)b;
    if (first->waiter_count != second->waiter_count)
        return first->waiter_count > second->waiter_count ? -1 : 1;
    return first < second ? -1 : 1;
}

/* What is worth a line, the most waited for first; `ret` has room for all objects. */
static size_t choose_objects(struct report *report, struct arena *arena,
                             const struct snapshot_object **ret) {
    const struct snapshot *snapshot = report->snapshot;
    const struct id_table *told = collect_told(arena, snapshot);
    size_t count = 0;
    for (size_t i = 0; i < snapshot->objects.count; i++) {
        const struct snapshot_object *object = &snapshot->objects.items[i];
        if (report->options->verbose || (is_contended(object) && !id_table_find(told, object->id)))
            ret[count++] = object;
    }
    if (count)
        qsort(ret, count, sizeof *ret, compare_objects);
    return count;
}

static void print_object(struct report *report, const struct snapshot_object *object) {
    struct page *page = &report->page;
    bool verbose = report->options->verbose;
    const char *state = label_object_state(report, object);
    const char *name = page_escape(page, label_object(report, object));
    if (!verbose)
        name = text_clip(page->scratch, name, page->width / 3);
    const char *before = arena_format(page->scratch, "%s  %s%s%s waiting", name, state,
                                      *state ? ", " : "", page_count(page, object->waiter_count));
    int room = page->width - REPORT_COUNT_COLUMN - text_width(before) - HELD_COLUMNS;
    const char *holders = label_holders(report, object, room);
    page->column = REPORT_COUNT_COLUMN;
    page_put_lines(page,
                   arena_format(page->scratch, "%s%s%s", before, *holders ? ", " : "", holders),
                   verbose ? SIZE_MAX : 1);
    arena_reset(page->scratch);
}

void report_locks(struct report *report) {
    struct page *page = &report->page;
    struct arena *arena = arena_create();
    const struct snapshot_object **objects =
        arena_alloc_array(arena, report->snapshot->objects.count, sizeof *objects);
    size_t count = choose_objects(report, arena, objects);
    size_t most = report->options->verbose || count < ROWS_MAX ? count : ROWS_MAX;
    if (count)
        report_start_count(report, report->options->verbose ? "OBJECTS" : "LOCKS", count);
    for (size_t i = 0; i < most; i++)
        print_object(report, objects[i]);
    if (count > most) {
        page->column = REPORT_COUNT_COLUMN;
        page_format(page, "... %s more (-v)", page_count(page, count - most));
        page_end_line(page);
    }
    arena_destroy(arena);
}
