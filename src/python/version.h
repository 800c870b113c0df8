/* Versions of CPython as numbers and texts. Private to the python layer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asyncspy/base/arena.h"

#define PY_VERSION_MAJOR(hexversion) ((hexversion) >> 24)
#define PY_VERSION_MINOR(hexversion) (((hexversion) >> 16) & 0xff)

/* "3.11.7", "3.15.0rc1" from 0x030b07f0 (patchlevel.h). */
const char *py_version_format(struct arena *arena, uint32_t hexversion);

/* Finds the text that Py_GetVersion() gives, "X.Y.Z (branch, date) \n[GCC", in `bytes`.
 * Python/getversion.c fills a static buffer with it at start. Returns the number as hexversion,
 * 0 when it is not there. */
uint32_t py_version_scan(const char *bytes, size_t size);
