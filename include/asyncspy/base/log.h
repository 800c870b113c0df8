/*
 * The debug log (`--debug=LAYER,...`): lines on stderr, off by default. The only writable globals
 * of the program live behind it. Library code never logs anything else and never prints.
 */
#pragma once

#include <stdbool.h>

enum log_layer { LOG_TARGET, LOG_PYTHON, LOG_ASYNCIO, LOG_CAPTURE, LOG_LAYER_COUNT };

/* Switches on the layers named in a comma-separated list ("all" for every one). False when a name
 * is unknown; nothing is changed then. */
bool log_enable(const char *layers);

bool log_enabled(enum log_layer layer);

/* One line; does nothing when the layer is off. Control characters are escaped. */
void log_debug(enum log_layer layer, const char *format, ...) __attribute__((format(printf, 2, 3)));
