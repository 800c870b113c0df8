/*
 * Finds CPython in a process: the runtime structure, the version, the flavour. In the executable
 * first, then libpython, then every other module: symbol `_PyRuntime` (3.6: `interp_head`) in the
 * file or as the module exports it in memory, section `.PyRuntime`, the code of
 * PyInterpreterState_Head; then, where none of that is, the cookie of _Py_DebugOffsets (3.13+) or a
 * list of interpreters in writable memory. Of several runtimes the one that has interpreters.
 * Facts: Python/pylifecycle.c, Include/internal/pycore_debug_offsets.h, Python/getversion.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"
#include "asyncspy/base/error.h"
#include "asyncspy/python/layout.h"
#include "asyncspy/python/object.h"
#include "asyncspy/target/process.h"

struct py_discovery {
    struct py_roots roots;
    uint64_t runtime_size;      /* sizeof(_PyRuntimeState) as the file says it, 0 unknown */
    const char *runtime_source; /* "symbol _PyRuntime", ... */
    const char *module_path;    /* the ELF file that holds the runtime */
    const char *build_id;       /* of that file, "" none */
    uint32_t hexversion;        /* 0x030b07f0, as sys.hexversion */
    const char *version;        /* "3.11.7" */
    const char *version_source;
    bool debug_build, free_threaded;
    uint64_t asyncio_debug_address; /* 0: no .AsyncioDebug section */
    uint64_t asyncio_debug_size;
    const char *asyncio_debug_module;
};

/* Finds the Python of `process`; strings live in `arena`. ERROR_UNSUPPORTED: it is not Python, or
 * one that this program does not read, named in the message. */
struct error *py_discover(struct target_process *process, struct arena *arena,
                          struct py_discovery *ret) ERROR_CHECK;

/* Takes over what was found before, of a core that was saved: fills in what follows from the rest.
 * ERROR_UNSUPPORTED: it is a Python that this program does not read. */
struct error *py_discovery_adopt(const struct target_process *process, struct arena *arena,
                                 struct py_discovery *discovery) ERROR_CHECK;

/* Reads the run-time sources of offsets and resolves the layout for what was discovered. */
struct error *py_discovery_get_layout(struct target_process *process,
                                      const struct py_discovery *discovery,
                                      struct py_layout *ret) ERROR_CHECK;
