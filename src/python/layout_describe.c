/* Where a version keeps things, in words for people who ask `doctor`. */
#include "asyncspy/python/layout.h"

static const char *describe_thread_ids(const struct py_layout *layout) {
    return PY_HAS(layout, thread, native_thread_id)
               ? "native_thread_id of each thread state"
               : "glibc's struct pthread, which thread_id of each thread state points to";
}

static const char *describe_frames(const struct py_layout *layout) {
    switch (layout->traits.frame_kind) {
    case PY_FRAME_OBJECT:
        return "frame of each thread state, frame objects";
    case PY_FRAME_CFRAME:
        return "the _PyCFrame of each thread state, interpreter frames";
    case PY_FRAME_CURRENT:
        break;
    }
    return "current_frame of each thread state, interpreter frames";
}

static const char *describe_lines(const struct py_layout *layout) {
    switch (layout->traits.line_kind) {
    case PY_LINE_LNOTAB:
        return "co_lnotab, lines only";
    case PY_LINE_RANGES:
        return "co_linetable, lines only";
    case PY_LINE_LOCATIONS:
        break;
    }
    return "co_linetable, lines and columns";
}

static const char *describe_tasks(const struct py_layout *layout) {
    unsigned registry = layout->traits.task_registry;
    if (registry & PY_TASKS_MODULE_DATA)
        return "static data of the extension _asyncio, attributes of the class Task";
    if (registry & PY_TASKS_LINKED_LISTS)
        return "lists in thread and interpreter states, asyncio.tasks._scheduled_tasks";
    if (registry & PY_TASKS_SCHEDULED_TASKS)
        return "asyncio.tasks._scheduled_tasks and _eager_tasks";
    return "asyncio.tasks._all_tasks";
}

static const char *describe_running_loop(const struct py_layout *layout) {
    switch (layout->traits.running_loop_kind) {
    case PY_RUNNING_LOOP_LOCAL:
        return "the threading.local asyncio.events._running_loop";
    case PY_RUNNING_LOOP_HOLDER:
    case PY_RUNNING_LOOP_DICT:
        return "the dict of each thread state";
    case PY_RUNNING_LOOP_FIELD:
        break;
    }
    return "asyncio_running_loop of each thread state";
}

static const char *describe_gil(const struct py_layout *layout) {
    switch (layout->traits.gil_kind) {
    case PY_GIL_CURRENT_THREAD:
        return "the variable _PyThreadState_Current";
    case PY_GIL_RUNTIME:
        return "the runtime";
    case PY_GIL_INTERPRETER:
        break;
    }
    return "each interpreter";
}

void py_layout_describe(const struct py_layout *layout,
                        struct py_layout_fact ret[PY_LAYOUT_FACT_COUNT]) {
    const struct py_layout_fact facts[PY_LAYOUT_FACT_COUNT] = {
        {"tasks", describe_tasks(layout)},
        {"running loop", describe_running_loop(layout)},
        {"stacks", describe_frames(layout)},
        {"lines", describe_lines(layout)},
        {"thread ids", describe_thread_ids(layout)},
        {"GIL", describe_gil(layout)},
    };
    for (size_t i = 0; i < PY_LAYOUT_FACT_COUNT; i++)
        ret[i] = facts[i];
}
