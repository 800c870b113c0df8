#include "asyncspy/capture/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/base/text.h"
#include "asyncspy/python/discovery.h"
#include "asyncspy/snapshot/snapshot.h"
#include "asyncspy/target/access.h"
#include "asyncspy/target/process.h"
#include "asyncspy/target/stop.h"

static void add_fact(struct arena *arena, struct doctor_report *report, const char *topic,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static void add_fact(struct arena *arena, struct doctor_report *report, const char *topic,
                     const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report->facts = snapshot_vector_grow(arena, report->facts, &report->fact_count,
                                         &report->fact_capacity, sizeof *report->facts);
    report->facts[report->fact_count - 1] =
        (struct doctor_fact){topic, arena_copy_string(arena, text, strlen(text))};
}

static void add_ptrace_scope(struct arena *arena, struct doctor_report *report) {
    int scope = -1;
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file && fscanf(file, "%d", &scope) != 1)
        scope = -1;
    if (file)
        fclose(file);
    if (scope < 0)
        add_fact(arena, report, "ptrace_scope", "none: this kernel runs without Yama");
    else
        add_fact(arena, report, "ptrace_scope", "%d", scope);
}

static struct error *examine_access(struct target_process *process, struct arena *arena,
                                    struct doctor_report *report) {
    struct target_thread *threads;
    struct target_quiet *quiet = NULL;
    bool is_quiet = false;
    size_t count;
    pid_t tracer = access_get_tracer(process_get_pid(process));
    struct error *err = process_list_threads(process, arena, &threads, &count);
    if (err)
        return err;
    add_fact(arena, report, "memory", "readable");
    if (tracer)
        add_fact(arena, report, "stopping", "not possible: process %d traces it already",
                 (int)tracer);
    add_fact(arena, report, "threads", "%zu", count);
    err = quiet_begin(process, &quiet, &is_quiet);
    if (!err)
        add_fact(arena, report, "quiet",
                 is_quiet ? "yes: no thread runs, a dump need not stop it"
                          : "no: a thread runs (or the kernel does not tell), a dump stops it for "
                            "a few milliseconds");
    quiet_end(quiet);
    return err;
}

static void describe_discovery(const struct py_discovery *discovery, struct arena *arena,
                               struct doctor_report *report) {
    add_fact(arena, report, "version", "CPython %s%s%s, from %s", discovery->version,
             discovery->debug_build ? " debug build" : "",
             discovery->free_threaded ? " free-threaded" : "", discovery->version_source);
    if (discovery->module_path)
        add_fact(arena, report, "module", "%s", discovery->module_path);
    if (*discovery->build_id)
        add_fact(arena, report, "build id", "%s", discovery->build_id);
    add_fact(arena, report, "runtime", "0x%llx, from %s",
             (unsigned long long)discovery->roots.runtime,
             discovery->runtime_source ? discovery->runtime_source : "nowhere");
    if (discovery->asyncio_debug_address)
        add_fact(arena, report, ".AsyncioDebug", "0x%llx in %s",
                 (unsigned long long)discovery->asyncio_debug_address,
                 discovery->asyncio_debug_module);
}

/* A word of .AsyncioDebug has a constant beside it for processes without that section. */
static const char *name_source(enum py_slot_source source, const struct py_discovery *discovery) {
    if (source == PY_SLOT_ASYNCIO_DEBUG && !discovery->asyncio_debug_address)
        source = PY_SLOT_CONSTANT;
    return py_slot_source_name(source);
}

static void describe_layout(const struct py_layout *layout, const struct py_discovery *discovery,
                            struct arena *arena, struct doctor_report *report) {
    struct py_layout_fact facts[PY_LAYOUT_FACT_COUNT];
    const struct py_table *table = layout->table;
    add_fact(arena, report, "layout", "CPython %u.%u%s%s, constants from %s", table->major,
             table->minor, table->variant ? ", as in " : "", table->variant ? table->variant : "",
             table->generated_from);
    py_layout_describe(layout, facts);
    for (size_t i = 0; i < PY_LAYOUT_FACT_COUNT; i++)
        add_fact(arena, report, facts[i].topic, "from %s", facts[i].text);
    report->offset_count = PY_FIELD_COUNT;
    report->offsets = arena_alloc_array(arena, PY_FIELD_COUNT, sizeof *report->offsets);
    for (int i = 0; i < PY_FIELD_COUNT; i++)
        report->offsets[i] = (struct doctor_offset){
            .structure = py_field_get_struct_name((enum py_field)i),
            .field = py_field_get_name((enum py_field)i),
            .offset = layout->offset[i],
            .source = name_source(layout->table->slots[i].source, discovery),
        };
}

static struct error *examine_python(struct target_process *process, struct arena *arena,
                                    struct doctor_report *report) {
    struct py_discovery discovery;
    struct py_layout layout;
    struct error *err = py_discover(process, arena, &discovery);
    if (err)
        return err;
    describe_discovery(&discovery, arena, report);
    err = py_discovery_get_layout(process, &discovery, &layout);
    if (!err)
        describe_layout(&layout, &discovery, arena, report);
    return err;
}

struct error *doctor_examine(pid_t pid, struct arena *arena, struct doctor_report *ret) {
    struct target_process *process;
    *ret = (struct doctor_report){0};
    add_fact(arena, ret, "asyncspy", "%s, user id %u", ASYNCSPY_VERSION, (unsigned)geteuid());
    add_ptrace_scope(arena, ret);
    struct error *err = process_open(pid, &process);
    if (err)
        return err;
    const char *executable = process_get_executable(process);
    add_fact(arena, ret, "process", "%d %s", (int)pid,
             text_from_bytes(arena, executable, strlen(executable)));
    err = examine_access(process, arena, ret);
    if (!err)
        err = examine_python(process, arena, ret);
    process_close(process);
    return err;
}
