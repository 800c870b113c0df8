/*
 * Many names in little room: "Task-12 .. Task-10001, main". Private to render.
 */
#pragma once

#include <stddef.h>

#include "page.h"

struct names;

/* Lives in the page's scratch arena, but for a table: end it with names_print. */
struct names *names_create(struct page *page);

/* NULL: something without a name. */
void names_add(struct names *names, const char *name);

/* Writes the names into `columns` of the page, biggest families first and else sorted, and says
 * how many found no room. Destroys `names`. */
void names_print(struct names *names, int columns);
