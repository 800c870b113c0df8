/* Where Python is in a process, which one, and of what build. */
#include "asyncspy/python/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/target/module.h"
#include "runtime.h"
#include "version.h"

#define COOKIE "xdebugpy"
#define SCAN_MAX (64u << 20) /* writable memory of a module that is searched for the version */
#define DEBUG_OFFSETS_MAX 4096
/* Of work, see memory_set_work(): some seconds. A core may have a million modules, or the same
 * megabytes mapped a thousand times. */
#define WORK_MAX 1000000000u
#define MODULE_UNITS 1000
#define SCANNED_A_UNIT 16 /* bytes */
#define ASYNCIO_DEBUG_MAX 1024

/* What a search walks over. */
struct search {
    struct target_process *process;
    struct arena *arena;
    struct target_module *modules;
    size_t module_count;
    struct py_discovery *found;
    bool has_found; /* `found` holds a runtime, perhaps one that nobody has started */
};

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Modules that hold the runtime in nearly every process: the others are looked at afterwards. */
static bool is_likely(const struct target_module *module) {
    return module->is_executable || starts_with(base_name(module->path), "libpython");
}

static const struct py_discovery nothing_found = {.version_source = "", .build_id = ""};

/* A module and its file; NULL where the file cannot be had. */
struct source {
    struct search *search;
    const struct target_module *module;
    struct module_file *file;
};

static bool find_symbol(const struct source *source, const char *name, uint64_t *ret_address,
                        uint64_t *ret_size) {
    return (source->file && module_find_symbol(source->file, name, ret_address, ret_size)) ||
           module_find_exported(source->search->process, source->module, name, ret_address,
                                ret_size);
}

static bool find_section(const struct source *source, const char *name, uint64_t *ret_address,
                         uint64_t *ret_size) {
    return source->file && module_find_section(source->file, name, ret_address, ret_size);
}

/* --- version and flavour --- */

static void read_version_symbol(const struct source *source, struct py_discovery *found) {
    uint64_t address, size, version = 0;
    if (!find_symbol(source, "Py_Version", &address, &size))
        return;
    struct error *err =
        memory_read(process_get_memory(source->search->process), address, &version, sizeof version);
    if (!err && version <= UINT32_MAX) {
        found->hexversion = (uint32_t)version;
        found->version_source = "symbol Py_Version";
    }
    error_destroy(err);
}

/* The version word of _Py_DebugOffsets, the first member of the runtime (3.13+). */
static void read_debug_offsets_head(const struct search *search, struct py_discovery *found) {
    struct {
        char cookie[8];
        uint64_t version, free_threaded;
    } head;
    struct error *err =
        memory_read(process_get_memory(search->process), found->roots.runtime, &head, sizeof head);
    if (!err && memcmp(head.cookie, COOKIE, sizeof head.cookie) == 0) {
        found->free_threaded = head.free_threaded == 1;
        if (!found->hexversion && head.version <= UINT32_MAX) {
            found->hexversion = (uint32_t)head.version;
            found->version_source = "_Py_DebugOffsets";
        }
    }
    error_destroy(err);
}

static uint32_t scan_mapping(const struct search *search, struct target_mapping mapping) {
    struct target_memory *memory = process_get_memory(search->process);
    uint64_t size = mapping.end - mapping.start;
    if (size > SCAN_MAX)
        size = SCAN_MAX;
    char *bytes = memory_alloc(size);
    struct error *err = memory_read_uncached(memory, mapping.start, bytes, size);
    memory_charge(memory, size / SCANNED_A_UNIT);
    uint32_t version = err ? 0 : py_version_scan(bytes, size);
    error_destroy(err);
    free(bytes);
    return version;
}

/* Finds the text of Py_GetVersion() in the writable memory of a module. Reading may renew the
 * mappings. */
static void scan_version(const struct search *search, const struct target_module *module,
                         struct py_discovery *found) {
    for (size_t i = 0; i < process_get_mappings(search->process).count && !found->hexversion; i++) {
        struct target_mapping mapping = process_get_mappings(search->process).items[i];
        if (mapping.start < module->start || mapping.end > module->end || !mapping.writable)
            continue;
        found->hexversion = scan_mapping(search, mapping);
        found->version_source = "the version text in its memory";
    }
}

static void read_version(const struct source *source, struct py_discovery *found) {
    read_version_symbol(source, found);
    if (found->roots.runtime)
        read_debug_offsets_head(source->search, found);
    if (!found->hexversion)
        scan_version(source->search, source->module, found);
}

/* --- candidates --- */

static bool read_interpreters_head(const struct search *search, const struct py_discovery *found,
                                   uint64_t *ret) {
    struct py_layout layout = {0};
    struct error *err = py_discovery_get_layout(search->process, found, &layout);
    if (!err)
        err = memory_read(process_get_memory(search->process),
                          found->roots.runtime +
                              (uint64_t)PY_OFFSET(&layout, runtime, interpreters_head),
                          ret, sizeof *ret);
    error_destroy(err);
    return !err;
}

/* Takes a runtime that was found unless a better one is there already. Several may be mapped: a
 * library that only lies there (loaded by ctypes) has no interpreters. True when the search is
 * over. */
static bool consider(struct search *search, const struct py_discovery *found) {
    uint64_t head = 1; /* of a version without a table: taken, to be refused by its name */
    bool is_alive =
        found->hexversion && (!read_interpreters_head(search, found, &head) || head != 0);
    if (is_alive || !search->has_found)
        *search->found = *found;
    search->has_found = true;
    return is_alive;
}

/* Where the module's own symbols, sections and code say that the runtime is. */
static bool find_runtime(const struct source *source, struct py_discovery *found) {
    uint64_t address, size;
    found->runtime_size = 0;
    if (find_symbol(source, "_PyRuntime", &address, &found->runtime_size))
        found->runtime_source = "symbol _PyRuntime";
    else if (find_section(source, ".PyRuntime", &address, &found->runtime_size))
        found->runtime_source = "section .PyRuntime";
    else if (find_symbol(source, "interp_head", &address, &size))
        found->runtime_source = "symbol interp_head";
    else if (find_symbol(source, "PyInterpreterState_Head", &address, &size) &&
             py_runtime_decode(source->search->process, address, found->hexversion, &address))
        found->runtime_source = "code of PyInterpreterState_Head";
    else
        return false;
    found->roots.runtime = address;
    return true;
}

static void note_module(const struct source *source, struct py_discovery *found) {
    uint64_t address, size;
    const char *build_id = source->file ? module_get_build_id(source->file) : "";
    found->module_path = source->module->path;
    found->build_id = arena_copy_string(source->search->arena, build_id, strlen(build_id));
    if (find_symbol(source, "_PyThreadState_Current", &address, &size))
        found->roots.current_thread = address;
    if (find_symbol(source, "_PyGC_generation0", &address, &size))
        found->roots.gc_generations = address;
    /* Exported by Py_DEBUG builds only (Include/object.h). */
    found->debug_build = find_symbol(source, "_Py_NegativeRefcount", &address, &size);
}

/* Charges what looking into a module costs besides reads; true: it was too much. */
static bool is_exhausted(const struct search *search) {
    struct target_memory *memory = process_get_memory(search->process);
    memory_charge(memory, MODULE_UNITS + process_get_mappings(search->process).count);
    return memory_is_exhausted(memory);
}

/* Looks into one module; true when it holds the runtime. */
static bool search_module(struct search *search, const struct target_module *module) {
    struct source source = {.search = search, .module = module};
    struct py_discovery found = nothing_found;
    uint64_t address, size;
    struct error *err = module_open(search->process, module, &source.file);
    if (err)
        source.file = NULL; /* what it exports can be had from memory */
    error_destroy(err);
    bool is_python = find_symbol(&source, "PyInterpreterState_Head", &address, &size);
    if (is_python)
        read_version(&source, &found);
    bool done = false;
    if (find_runtime(&source, &found)) {
        read_version(&source, &found);
        note_module(&source, &found);
        done = consider(search, &found);
    }
    module_close(source.file);
    return done;
}

static bool search_modules(struct search *search, bool likely) {
    for (size_t i = 0; i < search->module_count; i++)
        if (is_likely(&search->modules[i]) == likely && !is_exhausted(search) &&
            search_module(search, &search->modules[i]))
            return true;
    return false;
}

/* --- without symbols and sections --- */

static bool search_cookie(const struct search *search, const struct target_module *module,
                          struct py_discovery *found) {
    found->runtime_source = "cookie of _Py_DebugOffsets";
    return module_scan_writable(search->process, module, COOKIE, strlen(COOKIE), 8,
                                &found->roots.runtime, 1) > 0;
}

static bool scan_runtime(const struct search *search, const struct target_module *module,
                         struct py_discovery *found) {
    found->runtime_source = "a scan of its memory";
    return py_runtime_scan(search->process, module, found->hexversion, &found->roots.runtime);
}

/* Modules whose memory holds a version text are searched for what a runtime looks like. */
static bool scan_modules(struct search *search, bool likely) {
    bool done = false;
    for (size_t i = 0; i < search->module_count && !done; i++) {
        const struct target_module *module = &search->modules[i];
        struct py_discovery found = nothing_found;
        if (is_likely(module) == likely && !is_exhausted(search))
            scan_version(search, module, &found);
        if (!found.hexversion)
            continue;
        if (!search->found->hexversion) /* for a message if nothing is found */
            search->found->hexversion = found.hexversion;
        if (!search_cookie(search, module, &found) && !scan_runtime(search, module, &found))
            continue;
        read_debug_offsets_head(search, &found);
        note_module(&(struct source){search, module, NULL}, &found);
        done = consider(search, &found);
    }
    return done;
}

/* --- refusals --- */

static struct error *not_python(struct search *search) {
    const char *executable = process_get_executable(search->process);
    const char *name = base_name(executable);
    if (memory_is_exhausted(process_get_memory(search->process)))
        return error_create(ERROR_EXHAUSTED,
                            "no CPython runtime was found in process %d: its files are more, or "
                            "larger, than those of any real program",
                            (int)process_get_pid(search->process));
    for (size_t i = 0; i < search->module_count; i++)
        if (starts_with(base_name(search->modules[i].path), "libpypy") || starts_with(name, "pypy"))
            return error_create(ERROR_UNSUPPORTED,
                                "process %d is PyPy; asyncspy reads CPython only",
                                (int)process_get_pid(search->process));
    return error_create(ERROR_UNSUPPORTED,
                        "process %d (%s) is not Python: no CPython runtime was found in it",
                        (int)process_get_pid(search->process), *name ? name : "unknown program");
}

static struct error *unsupported(const struct target_process *process,
                                 const struct py_discovery *found) {
    const struct py_table *oldest = py_table_get(0), *newest = oldest;
    for (size_t i = 0; py_table_get(i); i++)
        newest = py_table_get(i);
    int pid = (int)process_get_pid(process);
    if (!found->hexversion)
        return error_create(ERROR_UNSUPPORTED,
                            "process %d is a Python whose version cannot be found", pid);
    return error_create(ERROR_UNSUPPORTED,
                        "process %d is %sCPython %s%s; this asyncspy reads %u.%u to %u.%u with GIL",
                        pid, found->free_threaded ? "a free-threaded " : "", found->version,
                        found->debug_build ? " (debug build)" : "", oldest->major, oldest->minor,
                        newest->major, newest->minor);
}

/* Debug builds of 3.6 and 3.7 have other objects (Py_TRACE_REFS). */
static bool is_supported(const struct py_discovery *found) {
    const struct py_table *table =
        py_table_find(PY_VERSION_MAJOR(found->hexversion), PY_VERSION_MINOR(found->hexversion));
    return table && !found->free_threaded &&
           !(found->debug_build && table->traits.debug_has_other_objects);
}

/* --- _asyncio --- */

static const struct target_module *find_module(const struct search *search, const char *path) {
    for (size_t i = 0; i < search->module_count; i++)
        if (search->modules[i].path == path)
            return &search->modules[i];
    return NULL;
}

static void search_asyncio_debug(struct search *search, const struct target_module *module) {
    struct py_discovery *found = search->found;
    struct module_file *file;
    if (found->asyncio_debug_address)
        return;
    struct error *err = module_open(search->process, module, &file);
    if (!err) {
        if (module_find_section(file, ".AsyncioDebug", &found->asyncio_debug_address,
                                &found->asyncio_debug_size))
            found->asyncio_debug_module = module->path;
        module_close(file);
    }
    error_destroy(err);
}

/* The extension, or the runtime's module where _asyncio is compiled into that. */
static void search_asyncio(struct search *search) {
    const struct target_module *runtime = find_module(search, search->found->module_path);
    const struct target_module *extension = NULL;
    for (size_t i = 0; i < search->module_count; i++)
        if (starts_with(base_name(search->modules[i].path), "_asyncio."))
            extension = &search->modules[i];
    if (extension)
        search_asyncio_debug(search, extension);
    if (runtime)
        search_asyncio_debug(search, runtime);
    struct py_roots *roots = &search->found->roots;
    if ((extension || runtime) &&
        !module_find_data(search->process, extension ? extension : runtime, &roots->asyncio_data,
                          &roots->asyncio_data_size))
        roots->asyncio_data = roots->asyncio_data_size = 0;
}

/* The maps of a process may be readable and its memory not: that is told first. */
static struct error *check_memory(const struct search *search) {
    char byte;
    if (!search->module_count)
        return NULL;
    struct error *err = memory_read(process_get_memory(search->process), search->modules[0].start,
                                    &byte, sizeof byte);
    if (err && !error_is_fatal(err)) {
        error_destroy(err);
        err = NULL;
    }
    return err;
}

static struct error *discover(struct target_process *process, struct arena *arena,
                              struct py_discovery *ret) {
    *ret = nothing_found;
    struct search search = {.process = process, .arena = arena, .found = ret};
    struct error *err = module_list(process, arena, &search.modules, &search.module_count);
    if (!err)
        err = check_memory(&search);
    if (err)
        return err;
    if (!search_modules(&search, true) && !scan_modules(&search, true) &&
        !search_modules(&search, false))
        (void)scan_modules(&search, false);
    if (!search.has_found && !ret->hexversion)
        return not_python(&search);
    ret->version = py_version_format(arena, ret->hexversion);
    if (!search.has_found || !is_supported(ret))
        return unsupported(process, ret);
    search_asyncio(&search);
    ret->roots.pid = process_get_namespace_pid(process);
    return NULL;
}

struct error *py_discover(struct target_process *process, struct arena *arena,
                          struct py_discovery *ret) {
    struct target_memory *memory = process_get_memory(process);
    memory_set_work(memory, WORK_MAX);
    struct error *err = discover(process, arena, ret);
    memory_set_work(memory, MEMORY_NO_LIMIT);
    return err;
}

struct error *py_discovery_adopt(const struct target_process *process, struct arena *arena,
                                 struct py_discovery *discovery) {
    discovery->version = py_version_format(arena, discovery->hexversion);
    discovery->roots.pid = process_get_namespace_pid(process);
    return is_supported(discovery) ? NULL : unsupported(process, discovery);
}

static const struct py_table *select_table(const struct py_discovery *discovery) {
    const struct py_table *table = py_table_find(PY_VERSION_MAJOR(discovery->hexversion),
                                                 PY_VERSION_MINOR(discovery->hexversion));
    const struct py_table *variant =
        table ? py_table_find_variant(table, PY_FIELD_runtime_size, discovery->runtime_size) : NULL;
    return variant ? variant : table;
}

static struct error *read_words(struct target_process *process, uint64_t address, size_t size,
                                unsigned char *buffer, struct py_offset_words *ret) {
    *ret = (struct py_offset_words){NULL, 0};
    if (!address || !size)
        return NULL;
    struct error *err = memory_read(process_get_memory(process), address, buffer, size);
    if (!err)
        *ret = (struct py_offset_words){buffer, size};
    return err;
}

struct error *py_discovery_get_layout(struct target_process *process,
                                      const struct py_discovery *discovery, struct py_layout *ret) {
    unsigned char debug_bytes[DEBUG_OFFSETS_MAX], asyncio_bytes[ASYNCIO_DEBUG_MAX];
    struct py_offset_words debug_offsets, asyncio_debug;
    const struct py_table *table = select_table(discovery);
    if (!table)
        return error_create(ERROR_UNSUPPORTED, "no layout for CPython %s", discovery->version);
    uint64_t asyncio_size = discovery->asyncio_debug_size;
    if (table->debug_offsets_size > sizeof debug_bytes || asyncio_size > sizeof asyncio_bytes)
        return error_create(ERROR_INVALID, "impossible size of a source of offsets");
    struct error *err = read_words(process, discovery->roots.runtime, table->debug_offsets_size,
                                   debug_bytes, &debug_offsets);
    if (!err)
        err = read_words(process, discovery->asyncio_debug_address, asyncio_size, asyncio_bytes,
                         &asyncio_debug);
    if (!err)
        err = py_layout_resolve(table, debug_offsets, asyncio_debug, ret);
    return err ? error_add_context(err, "layout of CPython %s", discovery->version) : NULL;
}
