#include "asyncspy/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/text.h"

static const char *const layer_names[LOG_LAYER_COUNT] = {
    [LOG_TARGET] = "target",
    [LOG_PYTHON] = "python",
    [LOG_ASYNCIO] = "asyncio",
    [LOG_CAPTURE] = "capture",
};

static unsigned enabled_layers; /* one bit a layer */

/* The bits of one name, 0 when it is unknown. */
static unsigned find_layers(const char *name, size_t length) {
    if (length == 3 && strncmp(name, "all", 3) == 0)
        return (1U << LOG_LAYER_COUNT) - 1;
    for (unsigned i = 0; i < LOG_LAYER_COUNT; i++)
        if (strlen(layer_names[i]) == length && strncmp(name, layer_names[i], length) == 0)
            return 1U << i;
    return 0;
}

bool log_enable(const char *layers) {
    unsigned wanted = 0;
    for (const char *name = layers;; name++) {
        size_t length = strcspn(name, ",");
        unsigned found = find_layers(name, length);
        if (!found)
            return false;
        wanted |= found;
        name += length;
        if (!*name)
            break;
    }
    enabled_layers |= wanted;
    return true;
}

bool log_enabled(enum log_layer layer) {
    return enabled_layers & (1U << layer);
}

void log_debug(enum log_layer layer, const char *format, ...) {
    if (!log_enabled(layer))
        return;
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    fprintf(stderr, "asyncspy: %s: ", layer_names[layer]);
    text_write_escaped(stderr, text);
    fputc('\n', stderr);
    free(text);
}
