/*
 * What several tasks have in common, the most frequent first. Private to render.
 */
#pragma once

#include "report.h"
#include "tally.h"

/* The lines that each kind of fact may take. */
size_t report_get_most(const struct report *report);

/* Prints a tally of texts under a label. `of_one`: all of them are of one task. */
void report_tally(struct report *report, const char *label, struct tally *tally, bool of_one);

/* "... 3 more", of many tasks "... 3 more (40 tasks)". */
void report_more(struct report *report, const char *label, size_t count, size_t tasks, bool of_one);
