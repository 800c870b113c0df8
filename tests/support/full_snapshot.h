/* A snapshot that has everything: no member is unknown or empty, and hardly two are equal. */
#pragma once

#include "asyncspy/snapshot/snapshot.h"

/* The caller destroys it. tests/unit/full_snapshot.json is what it looks like as JSON. */
struct snapshot *full_snapshot_create(void);
