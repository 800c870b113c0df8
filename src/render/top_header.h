/*
 * The header of the screen, part by part. Private to render.
 */
#pragma once

#include "top_parts.h"

/* The rows that it may use, and those that it has used. */
struct top_header {
    struct top_words *words;
    struct screen *screen;
    int row, most, used;
};

/* How much is told: the less, the less room there is. */
enum top_wording { TOP_LONG, TOP_SHORT, TOP_SHORTEST };

bool top_header_has_room(const struct top_header *header);
/* The next row. */
int top_header_add_row(struct top_header *header);

/* A line for a loop: how busy it is, its iterations, its lag, its queue. */
void top_draw_loop(struct top_header *header, const struct live_loop *loop, bool is_one_of_many);

/* A line for the blocks of all loops, if there were some: how many, and the longest. */
void top_draw_blocks(struct top_header *header);

/* Lines of numbers: tasks, what they wait for, executor, GIL, garbage collector, sockets, files. */
void top_draw_counts(struct top_header *header);
