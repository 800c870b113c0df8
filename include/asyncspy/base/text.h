/*
 * Text of the target, made safe. What is read from the target may hold anything: escape sequences
 * that take over a terminal, characters that turn the reading direction, bytes that are no UTF-8.
 *
 * Widths are columns of a terminal as libc's wcwidth() counts them; that needs a UTF-8 LC_CTYPE
 * (main sets C.UTF-8), without which every character beyond ASCII counts as one column.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "asyncspy/base/arena.h"

/* Writes `text` with everything escaped that a terminal could obey or hide: control characters
 * and invalid bytes as \xNN; line and paragraph separators, bidirectional and invisible format
 * characters as \uNNNN or \UNNNNNNNN. Nothing else is changed, backslashes neither. */
void text_write_escaped(FILE *out, const char *text);

/* The same as a string. */
const char *text_escape(struct arena *arena, const char *text);

/* The same, and everything beyond ASCII is escaped too. */
const char *text_escape_ascii(struct arena *arena, const char *text);

/* The columns that escaped text takes. */
int text_width(const char *text);

/* Escaped text shortened to `columns` by cutting its end ("long na...") or its start
 * ("...app/main.py"); the text itself when it fits. */
const char *text_clip(struct arena *arena, const char *text, int columns);
const char *text_clip_start(struct arena *arena, const char *text, int columns);

/* Bytes of the character that escaped text starts with; not at its end. The columns that it takes
 * in `ret_columns`; 0: it combines with the one before it, -1: it should have been escaped. */
size_t text_measure_character(const char *text, int *ret_columns);

/* How many bytes at the start of escaped text fit into `columns`. */
size_t text_count_fitting(const char *text, int columns);

/* True when `text` is UTF-8 (no surrogates, nothing overlong). */
bool text_is_utf8(const char *text, size_t length);

/* Whether `text` ends with `end`. */
bool text_ends_with(const char *text, const char *end);

/* Bytes that should be UTF-8 as a valid string: an invalid byte becomes the six characters \udcXX
 * as Python's surrogateescape shows it, NUL becomes \u0000. */
char *text_from_bytes(struct arena *arena, const char *bytes, size_t length);
