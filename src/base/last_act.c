#include "asyncspy/base/last_act.h"

#include <stddef.h>

static struct {
    void (*act)(const void *context);
    const void *context;
} volatile last_act;

void last_act_set(void (*act)(const void *context), const void *context) {
    last_act.act = NULL; /* a signal in between finds nothing half done */
    last_act.context = context;
    last_act.act = act;
}

void last_act_do(void) {
    void (*what)(const void *context) = last_act.act;
    last_act.act = NULL;
    if (what)
        what(last_act.context);
}
