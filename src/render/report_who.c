#include "report_who.h"

#include <string.h>

#include "asyncspy/base/id_table.h"
#include "asyncspy/base/text.h"
#include "label.h"
#include "names.h"

/* The tasks of a finding: those that hold what it is about, and the others. */
struct sides {
    struct names *holding, *others;
    size_t held, rest;
};

/* The one object that a finding is about; NULL: there are several or none. */
static const struct snapshot_object *find_object(const struct report *report,
                                                 const struct snapshot_finding *finding) {
    return finding->object_count == 1 ? label_find_object(report, finding->objects[0]) : NULL;
}

static const struct id_table *collect_holders(struct report *report,
                                              const struct snapshot_object *object) {
    struct id_table *holders = id_table_create(report->page.scratch, 0);
    for (size_t i = 0; object && i < object->holder_count; i++)
        if (object->holders[i].task)
            id_table_add(holders, object->holders[i].task, &object->holders[i]);
    return holders;
}

static struct sides split(struct report *report, const struct snapshot_finding *finding) {
    const struct id_table *holders = collect_holders(report, find_object(report, finding));
    struct sides sides = {names_create(&report->page), names_create(&report->page), 0, 0};
    for (size_t i = 0; i < finding->task_count; i++) {
        bool holds = id_table_find(holders, finding->tasks[i]) != NULL;
        names_add(holds ? sides.holding : sides.others, label_task_id(report, finding->tasks[i]));
        sides.held += holds;
        sides.rest += !holds;
    }
    return sides;
}

static const char *describe_tasks(struct report *report, const struct snapshot_finding *finding,
                                  int columns) {
    static const char holds[] = " hold it; ", waits[] = " wait";
    struct sides sides = split(report, finding);
    bool both = sides.held && sides.rest;
    int room = both ? columns - (int)(strlen(holds) + strlen(waits)) : columns;
    const char *holding = names_describe(sides.holding, both ? room / 2 : room);
    const char *others = names_describe(sides.others, both ? room - text_width(holding) : room);
    if (!both)
        return sides.held ? holding : others;
    return arena_format(report->page.scratch, "%s hold%s it; %s wait%s", holding,
                        sides.held == 1 ? "s" : "", others, sides.rest == 1 ? "s" : "");
}

static const char *describe_task(struct report *report, const struct snapshot_task *task) {
    const char *text = label_task(report, task);
    if (!task->coroutine)
        return text;
    return arena_format(report->page.scratch, "%s%s (%s)", task->name ? "task " : "", text,
                        task->coroutine);
}

static const char *describe_threads(struct report *report, const struct snapshot_finding *finding,
                                    int columns) {
    struct names *names = names_create(&report->page);
    for (size_t i = 0; i < finding->thread_count; i++) {
        const struct snapshot_thread *thread = label_find_thread(report, finding->threads[i]);
        names_add(names, thread ? label_thread_name(thread) : NULL);
    }
    const char *count = arena_format(report->page.scratch, "%s threads ",
                                     page_count(&report->page, finding->thread_count));
    const char *text = names_describe(names, columns - text_width(count));
    if (finding->thread_count == 1)
        return label_thread(report, finding->threads[0]);
    return finding->thread_count ? arena_format(report->page.scratch, "%s%s", count, text) : "";
}

const char *report_who(struct report *report, const struct snapshot_finding *finding, int columns) {
    const struct snapshot_task *task =
        finding->task_count == 1 ? label_find_task(report, finding->tasks[0]) : NULL;
    const char *tasks = "";
    int room = finding->thread_count ? columns * 2 / 3 : columns;
    if (finding->task_count)
        tasks = task ? describe_task(report, task) : describe_tasks(report, finding, room);
    room = columns - text_width(page_escape(&report->page, tasks)) - 2;
    const char *threads = describe_threads(report, finding, *tasks ? room : columns);
    return arena_format(report->page.scratch, "%s%s%s", tasks, *tasks && *threads ? "; " : "",
                        threads);
}
