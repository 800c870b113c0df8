/*
 * What `top` shows, made by hand.
 */
#pragma once

#include "../../src/render/top_parts.h"
#include "asyncspy/render/screen.h"

/* The groups, tasks, objects and threads of a snapshot with nothing known about them, and no loops;
 * lives in its arena. */
struct live *made_live_create(struct snapshot *snapshot);

/* A loop with nothing known about it. */
extern const struct live_loop made_live_loop;

/* A row of the screen without the blanks at its end, in `arena`. */
const char *made_live_get_row(struct arena *arena, const struct screen *screen, int row);

/* Every cell holds nothing that a terminal could obey; with `ascii` nothing beyond ASCII. */
void made_live_check_screen(const struct screen *screen, bool ascii);
