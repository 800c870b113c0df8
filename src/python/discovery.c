/* Where Python is in a process, which one, and of what build. */
#include "asyncspy/python/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/target/module.h"
#include "version.h"

#define COOKIE "xdebugpy"
#define SCAN_MAX (64u << 20) /* writable memory of a module that is searched for the version */
#define DEBUG_OFFSETS_MAX 4096
#define ASYNCIO_DEBUG_MAX 1024

/* What a search walks over. */
struct search {
    struct target_process *process;
    struct arena *arena;
    struct target_module *modules;
    size_t module_count;
    struct py_discovery *found;
};

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Modules that can hold the runtime or _asyncio's static data: the others are not opened at first.
 */
static bool is_likely(const struct target_module *module) {
    const char *name = base_name(module->path);
    return module->is_executable || starts_with(name, "libpython");
}

static void note_runtime(struct search *search, const struct target_module *module,
                         const struct module_file *file, uint64_t address, const char *source) {
    const char *build_id = module_get_build_id(file);
    search->found->roots.runtime = address;
    search->found->runtime_source = source;
    search->found->module_path = module->path;
    search->found->build_id = arena_copy_string(search->arena, build_id, strlen(build_id));
}

static void note_version(struct search *search, const struct module_file *file) {
    uint64_t address, size;
    uint64_t version = 0;
    if (!module_find_symbol(file, "Py_Version", &address, &size))
        return;
    struct error *err =
        memory_read(process_get_memory(search->process), address, &version, sizeof version);
    if (!err && version <= UINT32_MAX) {
        search->found->hexversion = (uint32_t)version;
        search->found->version_source = "symbol Py_Version";
    }
    error_destroy(err);
}

static void note_flavour(struct search *search, const struct module_file *file) {
    uint64_t address, size;
    /* Exported by Py_DEBUG builds only (Include/object.h). */
    search->found->debug_build = module_find_symbol(file, "_Py_NegativeRefcount", &address, &size);
}

static void note_asyncio_debug(struct search *search, const struct target_module *module,
                               const struct module_file *file) {
    uint64_t address, size;
    if (search->found->asyncio_debug_address ||
        !module_find_section(file, ".AsyncioDebug", &address, &size))
        return;
    search->found->asyncio_debug_address = address;
    search->found->asyncio_debug_size = size;
    search->found->asyncio_debug_module = module->path;
}

/* Looks into one module's file; true when it holds the runtime. */
static bool search_file(struct search *search, const struct target_module *module) {
    struct module_file *file;
    uint64_t address, size;
    struct error *err = module_open(search->process, module, &file);
    if (err) {
        error_destroy(err);
        return false;
    }
    note_asyncio_debug(search, module, file);
    bool found = true;
    if (module_find_symbol(file, "_PyRuntime", &address, &size))
        note_runtime(search, module, file, address, "symbol _PyRuntime");
    else if (module_find_section(file, ".PyRuntime", &address, &size))
        note_runtime(search, module, file, address, "section .PyRuntime");
    else if (module_find_symbol(file, "interp_head", &address, &size))
        note_runtime(search, module, file, address, "symbol interp_head");
    else
        found = false;
    if (found) {
        if (module_find_symbol(file, "_PyThreadState_Current", &address, &size))
            search->found->roots.current_thread = address;
        if (module_find_symbol(file, "_PyGC_generation0", &address, &size))
            search->found->roots.gc_generations = address;
        note_version(search, file);
        note_flavour(search, file);
    }
    module_close(file);
    return found;
}

static bool search_files(struct search *search, bool likely) {
    for (size_t i = 0; i < search->module_count; i++)
        if (is_likely(&search->modules[i]) == likely && search_file(search, &search->modules[i]))
            return true;
    return false;
}

static bool search_cookie(struct search *search) {
    for (size_t i = 0; i < search->module_count; i++) {
        const struct target_module *module = &search->modules[i];
        uint64_t address;
        if (module_scan_writable(search->process, module, COOKIE, strlen(COOKIE), 8, &address, 1)) {
            search->found->roots.runtime = address;
            search->found->runtime_source = "cookie of _Py_DebugOffsets";
            search->found->module_path = module->path;
            search->found->build_id = "";
            return true;
        }
    }
    return false;
}

/* The version word of _Py_DebugOffsets, the first member of the runtime (3.13+). */
static void read_debug_offsets_version(struct search *search) {
    struct {
        char cookie[8];
        uint64_t version, free_threaded;
    } head;
    struct error *err = memory_read(process_get_memory(search->process),
                                    search->found->roots.runtime, &head, sizeof head);
    if (!err && memcmp(head.cookie, COOKIE, sizeof head.cookie) == 0) {
        search->found->free_threaded = head.free_threaded == 1;
        if (!search->found->hexversion && head.version <= UINT32_MAX) {
            search->found->hexversion = (uint32_t)head.version;
            search->found->version_source = "_Py_DebugOffsets";
        }
    }
    error_destroy(err);
}

static uint32_t scan_mapping(struct search *search, const struct target_mapping *mapping) {
    struct target_memory *memory = process_get_memory(search->process);
    uint64_t size = mapping->end - mapping->start;
    if (size > SCAN_MAX)
        size = SCAN_MAX;
    char *bytes = memory_alloc(size);
    struct error *err = memory_read_uncached(memory, mapping->start, bytes, size);
    uint32_t version = err ? 0 : py_version_scan(bytes, size);
    error_destroy(err);
    free(bytes);
    return version;
}

/* Finds the text of Py_GetVersion() in the writable memory of a module. */
static void scan_version(struct search *search, const struct target_module *module) {
    struct target_mappings mappings = process_get_mappings(search->process);
    for (size_t i = 0; i < mappings.count && !search->found->hexversion; i++) {
        const struct target_mapping *mapping = &mappings.items[i];
        if (mapping->start < module->start || mapping->end > module->end || !mapping->writable)
            continue;
        search->found->hexversion = scan_mapping(search, mapping);
        search->found->version_source = "the version text in its memory";
    }
}

static struct error *not_python(struct search *search) {
    const char *executable = process_get_executable(search->process);
    const char *name = base_name(executable);
    for (size_t i = 0; i < search->module_count; i++)
        if (starts_with(base_name(search->modules[i].path), "libpypy") || starts_with(name, "pypy"))
            return error_create(ERROR_UNSUPPORTED,
                                "process %d is PyPy; asyncspy reads CPython only",
                                (int)process_get_pid(search->process));
    return error_create(ERROR_UNSUPPORTED,
                        "process %d (%s) is not Python: no CPython runtime was found in it",
                        (int)process_get_pid(search->process), *name ? name : "unknown program");
}

static struct error *unsupported(struct search *search) {
    const struct py_table *oldest = py_table_get(0), *newest = oldest;
    for (size_t i = 0; py_table_get(i); i++)
        newest = py_table_get(i);
    int pid = (int)process_get_pid(search->process);
    if (!search->found->hexversion)
        return error_create(ERROR_UNSUPPORTED,
                            "process %d is a Python whose version cannot be found", pid);
    return error_create(ERROR_UNSUPPORTED,
                        "process %d is %sCPython %s; this asyncspy reads %u.%u to %u.%u with GIL",
                        pid, search->found->free_threaded ? "a free-threaded " : "",
                        search->found->version, oldest->major, oldest->minor, newest->major,
                        newest->minor);
}

/* A Python older than _PyRuntime (3.6 and before) still has a version text. */
static bool search_version_text(struct search *search) {
    for (size_t i = 0; i < search->module_count && !search->found->hexversion; i++)
        if (is_likely(&search->modules[i]))
            scan_version(search, &search->modules[i]);
    return search->found->hexversion != 0;
}

static const struct target_module *runtime_module(const struct search *search) {
    for (size_t i = 0; i < search->module_count; i++)
        if (search->modules[i].path == search->found->module_path)
            return &search->modules[i];
    return NULL;
}

/* .AsyncioDebug stands where _asyncio was compiled to: the extension, or the runtime's module. */
static void search_asyncio_debug(struct search *search) {
    for (size_t i = 0; i < search->module_count && !search->found->asyncio_debug_address; i++) {
        struct module_file *file;
        if (!starts_with(base_name(search->modules[i].path), "_asyncio"))
            continue;
        struct error *err = module_open(search->process, &search->modules[i], &file);
        if (!err) {
            note_asyncio_debug(search, &search->modules[i], file);
            module_close(file);
        }
        error_destroy(err);
    }
}

/* The writable memory of the extension, or of the runtime's module if it is compiled into that. */
static void search_asyncio_data(struct search *search) {
    struct target_mappings mappings = process_get_mappings(search->process);
    const struct target_module *module = runtime_module(search);
    for (size_t i = 0; i < search->module_count; i++)
        if (starts_with(base_name(search->modules[i].path), "_asyncio."))
            module = &search->modules[i];
    for (size_t i = 0; module && i < mappings.count; i++) {
        const struct target_mapping *mapping = &mappings.items[i];
        if (!mapping->writable || mapping->start < module->start || mapping->end > module->end)
            continue;
        if (!search->found->roots.asyncio_data)
            search->found->roots.asyncio_data = mapping->start;
        search->found->roots.asyncio_data_size = mapping->end - search->found->roots.asyncio_data;
    }
}

struct error *py_discover(struct target_process *process, struct arena *arena,
                          struct py_discovery *ret) {
    *ret = (struct py_discovery){.version_source = "", .build_id = ""};
    struct search search = {.process = process, .arena = arena, .found = ret};
    struct error *err = module_list(process, arena, &search.modules, &search.module_count);
    if (err)
        return err;
    bool found = search_files(&search, true) || search_cookie(&search);
    bool python = found || search_version_text(&search) || (found = search_files(&search, false));
    if (!python)
        return not_python(&search);
    if (found)
        read_debug_offsets_version(&search);
    const struct target_module *module = runtime_module(&search);
    if (!ret->hexversion && module)
        scan_version(&search, module);
    ret->version = py_version_format(arena, ret->hexversion);
    if (!found || ret->free_threaded ||
        !py_table_find(PY_VERSION_MAJOR(ret->hexversion), PY_VERSION_MINOR(ret->hexversion)))
        return unsupported(&search);
    search_asyncio_debug(&search);
    search_asyncio_data(&search);
    ret->roots.pid = process_get_namespace_pid(process);
    return NULL;
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
    const struct py_table *table = py_table_find(PY_VERSION_MAJOR(discovery->hexversion),
                                                 PY_VERSION_MINOR(discovery->hexversion));
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
