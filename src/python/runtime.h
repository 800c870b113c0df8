/*
 * The runtime where no symbol and no section tells its address. Private to the python layer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "asyncspy/target/module.h"

/* Decodes the exported function PyInterpreterState_Head at `code`, which only loads the head of
 * the list of interpreters. Sets *ret to the runtime (3.6: interp_head) of that version. */
bool py_runtime_decode(struct target_process *process, uint64_t code, uint32_t hexversion,
                       uint64_t *ret);

/* Searches the writable memory of `module` for a word that can only be the head of the list of
 * interpreters of that version. For versions without _Py_DebugOffsets. */
bool py_runtime_scan(struct target_process *process, const struct target_module *module,
                     uint32_t hexversion, uint64_t *ret);
