/*
 * Text that comes from a target, made safe. Strings of a snapshot are UTF-8 without NUL but may
 * hold anything else; what reaches a terminal goes through here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "asyncspy/base/arena.h"

/* The next character of a UTF-8 text; *at steps behind it. A byte that is no UTF-8 gives
 * TEXT_INVALID and steps one byte. 0 at the end. */
#define TEXT_INVALID UINT32_MAX
uint32_t text_next_character(const char **at);

/* The text with every character that could move a terminal's cursor, change its state or hide
 * other text (control, bidirectional and invisible format characters, bytes that are no UTF-8)
 * written as \xNN or \uNNNN. Lives in `arena`. */
const char *text_escape(struct arena *arena, const char *text);

/* Writes the escaped text. */
void text_write_escaped(FILE *out, const char *text);

/* `size` raw bytes (a path, an argument) as UTF-8: a byte that is no UTF-8 stands as the six
 * characters \udcNN, as Python's surrogateescape shows it; NUL as \u0000. */
const char *text_from_bytes(struct arena *arena, const char *bytes, size_t size);

/* Columns of an escaped text on a terminal. */
size_t text_get_width(const char *text);
