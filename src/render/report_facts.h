/*
 * What is known of some tasks beside their stack: where they were created, who awaits them, what
 * went wrong. Private to render.
 */
#pragma once

#include "report.h"

/* Prints the facts of `count` tasks, given by their places in the snapshot; of many tasks the most
 * frequent. `brief`: not who awaits many of them. */
void report_facts(struct report *report, const size_t *tasks, size_t count, bool brief);
