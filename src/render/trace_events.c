#include "trace_events.h"

#include "asyncspy/base/json_text.h"
#include "json_values.h"

/* All that every event has; the rest follows, and "}". */
static void begin_event(struct trace_events *events, char phase, struct trace_place place) {
    FILE *out = events->out;
    fputs(events->has_some ? ",\n{\"ph\":\"" : "{\"ph\":\"", out);
    putc(phase, out);
    fputs("\",\"ts\":", out);
    json_write_unsigned(out, (uint64_t)events->now_us);
    fputs(",\"pid\":", out);
    json_write_unsigned(out, place.pid);
    fputs(",\"tid\":", out);
    json_write_unsigned(out, place.tid);
    events->has_some = true;
}

void trace_open_slice(struct trace_events *events, struct trace_place place, const char *category,
                      const char *name) {
    begin_event(events, 'B', place);
    fputs(",\"cat\":\"", events->out);
    fputs(category, events->out);
    fputs("\",\"name\":", events->out);
    json_write_string(events->out, name);
    fputs(",\"args\":{", events->out);
}

void trace_close_slice(struct trace_events *events) {
    fputs("}}", events->out);
}

void trace_end_slice(struct trace_events *events, struct trace_place place, const char *name) {
    begin_event(events, 'E', place);
    fputs(",\"name\":", events->out);
    json_write_string(events->out, name);
    putc('}', events->out);
}

static void begin_named(struct trace_events *events, char phase, struct trace_place place,
                        const char *name) {
    begin_event(events, phase, place);
    fputs(",\"name\":", events->out);
    json_write_string(events->out, name);
    fputs(",\"args\":{", events->out);
}

void trace_name(struct trace_events *events, struct trace_place place, const char *what,
                const char *key, const char *text) {
    begin_named(events, 'M', place, what);
    fprintf(events->out, "\"%s\":", key);
    json_write_string(events->out, text);
    fputs("}}", events->out);
}

void trace_sort(struct trace_events *events, struct trace_place place, const char *what,
                uint64_t index) {
    begin_named(events, 'M', place, what);
    fputs("\"sort_index\":", events->out);
    json_write_unsigned(events->out, index);
    fputs("}}", events->out);
}

void trace_count(struct trace_events *events, struct trace_place place, const char *name,
                 const struct trace_value *values, size_t count) {
    begin_named(events, 'C', place, name);
    for (size_t i = 0; i < count; i++) {
        fprintf(events->out, "%s\"%s\":", i ? "," : "", values[i].key);
        json_write_number(events->out, values[i].value);
    }
    fputs("}}", events->out);
}
