/*
 * profile.proto of github.com/google/pprof, gzipped. The numbers of its fields are fixed there.
 * Strings are written where they are needed first: the order of fields does not matter.
 */
#include <string.h>

#include "asyncspy/base/clock.h"
#include "asyncspy/base/table.h"
#include "asyncspy/base/text.h"
#include "asyncspy/render/profile_formats.h"
#include "gzip.h"
#include "profile_units.h"
#include "protobuf.h"

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING_TABLE = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
};
enum value_type_field { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT = 2 };
enum sample_field { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE = 2 };
enum mapping_field {
    MAPPING_ID = 1,
    MAPPING_FILENAME = 5,
    MAPPING_HAS_FUNCTIONS = 7,
    MAPPING_HAS_FILENAMES = 8,
    MAPPING_HAS_LINE_NUMBERS = 9,
};
enum location_field { LOCATION_ID = 1, LOCATION_MAPPING_ID = 2, LOCATION_LINE = 4 };
enum line_field { LINE_FUNCTION_ID = 1, LINE_LINE = 2 };
enum function_field { FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_FILENAME = 4 };

struct pprof {
    struct gzip *out;
    struct arena *arena;
    struct table *strings, *functions; /* to places in `numbers` */
    int64_t string_count, function_count;
    struct protobuf message, part, framed;
};

/* A field of the profile itself that is a message, or a text. */
static void write_bytes(struct pprof *pprof, enum profile_field field, const void *bytes,
                        size_t size) {
    protobuf_clear(&pprof->framed);
    protobuf_add_bytes(&pprof->framed, (unsigned)field, bytes, size);
    gzip_write(pprof->out, pprof->framed.bytes, pprof->framed.size);
}

static void write_number(struct pprof *pprof, enum profile_field field, int64_t value) {
    protobuf_clear(&pprof->framed);
    protobuf_add_number(&pprof->framed, (unsigned)field, value);
    gzip_write(pprof->out, pprof->framed.bytes, pprof->framed.size);
}

/* The message that was made. */
static void write_message(struct pprof *pprof, enum profile_field field) {
    write_bytes(pprof, field, pprof->message.bytes, pprof->message.size);
    protobuf_clear(&pprof->message);
}

/* The number of `key` in a table that gives them out; -1: it is new, and has this one now. */
static int64_t get_number(struct pprof *pprof, struct table *table, const char *key, size_t length,
                          int64_t next) {
    const int64_t *known = table_find(table, key, length);
    if (known)
        return *known;
    int64_t *number = arena_alloc(pprof->arena, sizeof *number);
    *number = next;
    table_add(table, arena_copy_string(pprof->arena, key, length), length, number);
    return -1;
}

/* The place of a text in the table of strings; what is unsafe to show is escaped. */
static int64_t get_string(struct pprof *pprof, const char *text) {
    const char *safe = text_escape(pprof->arena, text ? text : "");
    size_t length = strlen(safe);
    int64_t known = get_number(pprof, pprof->strings, safe, length, pprof->string_count);
    if (known >= 0)
        return known;
    write_bytes(pprof, PROFILE_STRING_TABLE, safe, length);
    return pprof->string_count++;
}

static void write_value_type(struct pprof *pprof, enum profile_field field, const char *type,
                             const char *unit) {
    protobuf_add_number(&pprof->message, VALUE_TYPE_TYPE, get_string(pprof, type));
    protobuf_add_number(&pprof->message, VALUE_TYPE_UNIT, get_string(pprof, unit));
    write_message(pprof, field);
}

static void write_comment(struct pprof *pprof, const char *text) {
    protobuf_clear(&pprof->part);
    protobuf_add_packed(&pprof->part, get_string(pprof, text));
    write_bytes(pprof, PROFILE_COMMENT, pprof->part.bytes, pprof->part.size);
}

/* The program: whoever reads this is told so that all names are there already. */
static void write_mapping(struct pprof *pprof, const struct snapshot_target *target) {
    protobuf_add_number(&pprof->message, MAPPING_ID, 1);
    protobuf_add_number(&pprof->message, MAPPING_FILENAME, get_string(pprof, target->executable));
    protobuf_add_number(&pprof->message, MAPPING_HAS_FUNCTIONS, 1);
    protobuf_add_number(&pprof->message, MAPPING_HAS_FILENAMES, 1);
    protobuf_add_number(&pprof->message, MAPPING_HAS_LINE_NUMBERS, 1);
    write_message(pprof, PROFILE_MAPPING);
}

static void write_header(struct pprof *pprof, const struct recording_info *info,
                         const struct profile *profile) {
    const char *type = profile->mode == PROFILE_CPU ? "cpu" : "wall";
    double started_s = clock_parse_stamp(info->started_at);
    get_string(pprof, ""); /* has to be the first */
    write_value_type(pprof, PROFILE_SAMPLE_TYPE, "samples", "count");
    write_value_type(pprof, PROFILE_SAMPLE_TYPE, type, "nanoseconds");
    write_value_type(pprof, PROFILE_PERIOD_TYPE, type, "nanoseconds");
    write_number(pprof, PROFILE_PERIOD, info->rate > 0 ? profile_units_round(1e9 / info->rate) : 0);
    write_number(pprof, PROFILE_TIME_NANOS, profile_units_round(started_s * 1e9));
    write_number(pprof, PROFILE_DURATION_NANOS, profile_units_round(profile->duration_s * 1e9));
    write_mapping(pprof, &info->target);
    write_comment(pprof, arena_format(pprof->arena, "asyncspy %s, mode %s", info->asyncspy,
                                      profile_mode_name(profile->mode)));
}

static int64_t get_function(struct pprof *pprof, const struct profile_frame *frame) {
    const char *file = frame->file ? frame->file : "";
    const char *key = arena_format(pprof->arena, "%d %zu %s%s", (int)frame->kind,
                                   strlen(frame->name), frame->name, file);
    int64_t known =
        get_number(pprof, pprof->functions, key, strlen(key), pprof->function_count + 1);
    if (known >= 0)
        return known;
    protobuf_add_number(&pprof->message, FUNCTION_ID, ++pprof->function_count);
    protobuf_add_number(&pprof->message, FUNCTION_NAME, get_string(pprof, frame->name));
    protobuf_add_number(&pprof->message, FUNCTION_FILENAME, get_string(pprof, file));
    write_message(pprof, PROFILE_FUNCTION);
    return pprof->function_count;
}

/* Each frame is a location; its number is its index and one. */
static void write_location(struct pprof *pprof, const struct profile_frame *frame) {
    int64_t function = get_function(pprof, frame);
    protobuf_clear(&pprof->part);
    protobuf_add_number(&pprof->part, LINE_FUNCTION_ID, function);
    protobuf_add_number(&pprof->part, LINE_LINE, frame->line > 0 ? frame->line : 0);
    protobuf_add_number(&pprof->message, LOCATION_ID, (int64_t)frame->index + 1);
    protobuf_add_number(&pprof->message, LOCATION_MAPPING_ID, 1);
    protobuf_add_bytes(&pprof->message, LOCATION_LINE, pprof->part.bytes, pprof->part.size);
    write_message(pprof, PROFILE_LOCATION);
}

static void write_sample(struct pprof *pprof, const struct profile_stack *stack) {
    protobuf_clear(&pprof->part);
    for (size_t i = stack->frame_count; i-- > 0;)
        protobuf_add_packed(&pprof->part, (int64_t)stack->frames[i]->index + 1);
    protobuf_add_bytes(&pprof->message, SAMPLE_LOCATION_ID, pprof->part.bytes, pprof->part.size);
    protobuf_clear(&pprof->part);
    protobuf_add_packed(&pprof->part, (int64_t)stack->samples);
    protobuf_add_packed(&pprof->part, profile_units_round(stack->weight_s * 1e9));
    protobuf_add_bytes(&pprof->message, SAMPLE_VALUE, pprof->part.bytes, pprof->part.size);
    write_message(pprof, PROFILE_SAMPLE);
}

struct error *render_pprof(const struct recording_info *info, const struct profile *profile,
                           FILE *out) {
    struct pprof pprof = {.out = gzip_create(out),
                          .arena = arena_create(),
                          .strings = table_create(),
                          .functions = table_create()};
    write_header(&pprof, info, profile);
    for (size_t i = 0; i < profile->frame_count; i++)
        write_location(&pprof, profile->frames[i]);
    for (size_t i = 0; i < profile->stack_count; i++)
        write_sample(&pprof, &profile->stacks[i]);
    protobuf_destroy(&pprof.message);
    protobuf_destroy(&pprof.part);
    protobuf_destroy(&pprof.framed);
    table_destroy(pprof.strings);
    table_destroy(pprof.functions);
    arena_destroy(pprof.arena);
    return error_add_context(gzip_finish(pprof.out), "the profile");
}
