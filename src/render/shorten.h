/*
 * Lines that have no room for all of their text keep what people act on: where in a file. Private
 * to render.
 */
#pragma once

#include "page.h"

/* Escaped text that page_wrap puts into `lines` lines of `columns`. What goes first are the folders
 * of files, then what stands in front of the last place ("root: Task-20 waits... <- query
 * app.py:26"), and only where there is none the end. */
const char *shorten_text(struct page *page, const char *text, int columns, size_t lines);
