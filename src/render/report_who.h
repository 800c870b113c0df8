/*
 * Of whom a finding tells. Private to render.
 */
#pragma once

#include "report.h"

/* "task fetch (Client.get)", "Task-2 .. Task-11 hold it; Task-12 .. Task-10001 wait; tid 42 worker"
 * in about `columns`. Not yet escaped; "" of a finding that names nobody. */
const char *report_who(struct report *report, const struct snapshot_finding *finding, int columns);
