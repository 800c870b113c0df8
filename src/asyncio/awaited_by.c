/* Who awaits a task, as asyncio itself notes it down from 3.14 on: Modules/_asynciomodule.c. It is
 * not complete; the analysis adds what the waits of all tasks tell. */
#include "wait.h"

struct awaiters {
    struct aio *aio;
    struct snapshot_task *task;
    size_t capacity;
};

/* Futures await too: whoever waits for those has them in its wait. */
static struct error *visit_awaiter(void *context, uint64_t item) {
    struct awaiters *awaiters = context;
    struct aio *aio = awaiters->aio;
    struct snapshot_task *task = awaiters->task;
    enum aio_kind kind;
    struct error *err = aio_kind_of(aio, item, &kind);
    if (err || !item || !aio_kind_is_task(kind))
        return err;
    task->awaited_by =
        snapshot_vector_grow(aio->snapshot->arena, task->awaited_by, &task->awaited_by_count,
                             &awaiters->capacity, sizeof *task->awaited_by);
    task->awaited_by[task->awaited_by_count - 1] = item;
    return NULL;
}

struct error *aio_awaited_by_read(struct aio *aio, const struct aio_fields *fields,
                                  struct snapshot_task *task) {
    struct awaiters awaiters = {aio, task, 0};
    if (!fields->awaited_by)
        return NULL;
    return fields->awaited_by_is_set
               ? py_set_visit(aio->py, fields->awaited_by, visit_awaiter, &awaiters)
               : visit_awaiter(&awaiters, fields->awaited_by);
}
