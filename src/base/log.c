#include "asyncspy/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "asyncspy/base/text.h"

static const char *const layer_names[LOG_LAYER_COUNT] = {"target", "python", "asyncio", "capture"};
static unsigned enabled_layers;

static unsigned find_layer(const char *name, size_t length) {
    if (length == 3 && strncmp(name, "all", 3) == 0)
        return (1u << LOG_LAYER_COUNT) - 1;
    for (unsigned i = 0; i < LOG_LAYER_COUNT; i++)
        if (strlen(layer_names[i]) == length && strncmp(name, layer_names[i], length) == 0)
            return 1u << i;
    return 0;
}

bool log_enable(const char *layers) {
    unsigned enabled = 0;
    for (const char *at = layers;; at++) {
        size_t length = strcspn(at, ",");
        unsigned layer = find_layer(at, length);
        if (!layer)
            return false;
        enabled |= layer;
        at += length;
        if (!*at)
            break;
    }
    enabled_layers |= enabled;
    return true;
}

bool log_enabled(enum log_layer layer) {
    return enabled_layers & (1u << layer);
}

void log_debug(enum log_layer layer, const char *format, ...) {
    char text[1024];
    va_list arguments;
    if (!log_enabled(layer))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "asyncspy: %s: ", layer_names[layer]);
    text_write_escaped(stderr, text);
    fputc('\n', stderr);
}
