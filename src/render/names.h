/*
 * Many names in little room: "Task-12 .. Task-10001, main". Private to render.
 */
#pragma once

#include <stddef.h>

#include "page.h"

struct names;

/* Lives in the page's scratch arena, but for a table: end it with names_describe or names_print. */
struct names *names_create(struct page *page);

/* NULL: something without a name. */
void names_add(struct names *names, const char *name);

/* The names in at most `columns`, escaped: biggest families first and else sorted, then how many
 * found no room. Destroys `names`. */
const char *names_describe(struct names *names, int columns);

/* Writes that at the column in hand. Destroys `names`. */
void names_print(struct names *names, int columns);
