/* Selection and checking of layouts. The only place that knows version numbers. */
#include "asyncspy/python/layout.h"

#include <string.h>

#define PY_TABLE(name) extern const struct py_table name;
#include "offsets_index.inc"
#undef PY_TABLE

static const struct py_table *const tables[] = {
#define PY_TABLE(name) &name,
#include "offsets_index.inc"
#undef PY_TABLE
};

struct field_description {
    const char *struct_name;
    const char *name;
    enum py_struct struct_;
    const char *path;
    uint8_t width;
};

static const struct field_description fields[PY_FIELD_COUNT] = {
#define PY_STRUCT(struct_, c_type)
#define PY_FIELD(struct_, field, width, path, debug_offset, asyncio_debug)                         \
    [PY_FIELD_##struct_##_##field] = {#struct_, #field, PY_STRUCT_##struct_, path, width},
#include "asyncspy/python/fields.def"
#undef PY_STRUCT
#undef PY_FIELD
};

static bool is_size(enum py_field field) {
    return strcmp(fields[field].path, "sizeof") == 0;
}

/* No offset of a structure that CPython has ever had comes near this. */
#define OFFSET_LIMIT (16u << 20)

const struct py_table *py_table_find(unsigned major, unsigned minor) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (tables[i]->major == major && tables[i]->minor == minor && !tables[i]->variant)
            return tables[i];
    return NULL;
}

static bool is_constant(const struct py_table *table, enum py_field field, uint64_t value) {
    return table->slots[field].source == PY_SLOT_CONSTANT && table->slots[field].constant == value;
}

const struct py_table *py_table_find_variant(const struct py_table *table, enum py_field field,
                                             uint64_t value) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !is_constant(table, field, value); i++)
        if (tables[i]->variant && tables[i]->major == table->major &&
            tables[i]->minor == table->minor && is_constant(tables[i], field, value))
            return tables[i];
    return NULL;
}

static unsigned version_order(const struct py_table *table) {
    return table->major * 1000 + table->minor;
}

const struct py_table *py_table_get(size_t index) {
    /* The index is made from file names (3_11 ... 3_9), so the order is found here. */
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        size_t older = 0;
        for (size_t j = 0; j < sizeof tables / sizeof *tables; j++)
            older += !tables[j]->variant && version_order(tables[j]) < version_order(tables[i]);
        if (older == index && !tables[i]->variant)
            return tables[i];
    }
    return NULL;
}

static bool read_word(struct py_offset_words words, uint32_t at, uint64_t *ret) {
    if (!words.bytes || at > words.size || words.size - at < sizeof *ret)
        return false;
    memcpy(ret, words.bytes + at, sizeof *ret);
    return true;
}

static struct error *resolve_slot(const struct py_slot *slot, enum py_field field,
                                  struct py_offset_words debug_offsets,
                                  struct py_offset_words asyncio_debug, int32_t *ret) {
    uint64_t value = slot->constant;
    if (slot->source == PY_SLOT_ABSENT) {
        *ret = PY_ABSENT;
        return NULL;
    }
    if (slot->source == PY_SLOT_DEBUG_OFFSETS && !read_word(debug_offsets, slot->word_at, &value))
        return error_create(ERROR_INVALID, "_Py_DebugOffsets is too short for %s.%s",
                            fields[field].struct_name, fields[field].name);
    if (slot->source == PY_SLOT_ASYNCIO_DEBUG)
        (void)read_word(asyncio_debug, slot->word_at, &value);
    if (value >= OFFSET_LIMIT)
        return error_create(ERROR_INVALID, "the target gives an impossible offset for %s.%s",
                            fields[field].struct_name, fields[field].name);
    *ret = (int32_t)value;
    return NULL;
}

static enum py_field size_field_of(enum py_struct struct_) {
    for (int i = 0; i < PY_FIELD_COUNT; i++)
        if (fields[i].struct_ == struct_ && is_size((enum py_field)i))
            return (enum py_field)i;
    return PY_FIELD_COUNT;
}

/* Whether a word holds a field, besides the first instruction of a code object, which the
 * interpreter rewrites. */
static bool holds_field(const struct py_layout *layout, enum py_struct struct_, uint32_t word) {
    for (int i = 0; i < PY_FIELD_COUNT; i++) {
        if (fields[i].struct_ != struct_ || is_size((enum py_field)i) ||
            layout->offset[i] == PY_ABSENT || i == PY_FIELD_code_instructions)
            continue;
        uint32_t offset = (uint32_t)layout->offset[i];
        if (offset < 8 * word + 8 && offset + fields[i].width > 8 * word)
            return true;
    }
    return false;
}

static void compute_runs(struct py_layout *layout, enum py_struct struct_) {
    struct py_run *runs = layout->runs[struct_];
    uint32_t count = 0;
    for (uint32_t word = 0; 8 * word < layout->span[struct_]; word++) {
        if (!holds_field(layout, struct_, word))
            continue;
        bool is_next = count && runs[count - 1].first + runs[count - 1].count == (int)word;
        if (!is_next && count < PY_RUNS_MAX)
            runs[count++] = (struct py_run){(uint16_t)word, 1};
        else
            runs[count - 1].count = (uint16_t)(word - runs[count - 1].first + 1);
    }
    layout->run_count[struct_] = count;
}

static void compute_span(struct py_layout *layout, enum py_struct struct_) {
    uint32_t span = 0, first = UINT32_MAX;
    for (int i = 0; i < PY_FIELD_COUNT; i++) {
        if (fields[i].struct_ != struct_ || is_size((enum py_field)i) ||
            layout->offset[i] == PY_ABSENT)
            continue;
        uint32_t end = (uint32_t)layout->offset[i] + fields[i].width;
        span = end > span ? end : span;
        if ((uint32_t)layout->offset[i] < first)
            first = (uint32_t)layout->offset[i];
    }
    layout->span[struct_] = span;
    layout->first[struct_] = first < span ? first : 0;
    compute_runs(layout, struct_);
}

static struct error *check_inside(const struct py_layout *layout, enum py_field field) {
    const struct field_description *it = &fields[field];
    enum py_field size_field = size_field_of(it->struct_);
    if (is_size(field) || size_field == PY_FIELD_COUNT || layout->offset[field] == PY_ABSENT ||
        layout->offset[size_field] == PY_ABSENT)
        return NULL;
    int64_t end = (int64_t)layout->offset[field] + it->width, size = layout->offset[size_field];
    if (end > size)
        return error_create(ERROR_INVALID, "%s.%s ends past its structure (%lld > %lld)",
                            it->struct_name, it->name, (long long)end, (long long)size);
    return NULL;
}

struct error *py_layout_resolve(const struct py_table *table, struct py_offset_words debug_offsets,
                                struct py_offset_words asyncio_debug, struct py_layout *ret) {
    memset(ret, 0, sizeof *ret);
    ret->table = table;
    ret->traits = table->traits;
    for (int i = 0; i < PY_FIELD_COUNT; i++) {
        struct error *err = resolve_slot(&table->slots[i], (enum py_field)i, debug_offsets,
                                         asyncio_debug, &ret->offset[i]);
        if (err)
            return err;
    }
    for (int i = 0; i < PY_FIELD_COUNT; i++) {
        struct error *err = check_inside(ret, (enum py_field)i);
        if (err)
            return err;
    }
    for (int i = 0; i < PY_STRUCT_COUNT; i++)
        compute_span(ret, (enum py_struct)i);
    return NULL;
}

void py_layout_drop_struct(struct py_layout *layout, enum py_struct struct_) {
    for (int i = 0; i < PY_FIELD_COUNT; i++)
        if (fields[i].struct_ == struct_ && layout->table->slots[i].source == PY_SLOT_CONSTANT)
            layout->offset[i] = PY_ABSENT;
    compute_span(layout, struct_);
}

void py_layout_adopt_struct(struct py_layout *layout, const struct py_table *variant,
                            enum py_struct struct_) {
    for (int i = 0; i < PY_FIELD_COUNT; i++)
        if (fields[i].struct_ == struct_)
            layout->offset[i] = variant->slots[i].source == PY_SLOT_CONSTANT
                                    ? (int32_t)variant->slots[i].constant
                                    : PY_ABSENT;
    compute_span(layout, struct_);
}

const char *py_field_get_struct_name(enum py_field field) {
    return fields[field].struct_name;
}

const char *py_field_get_name(enum py_field field) {
    return fields[field].name;
}

const char *py_slot_source_name(enum py_slot_source source) {
    switch (source) {
    case PY_SLOT_CONSTANT:
        return "table";
    case PY_SLOT_DEBUG_OFFSETS:
        return "_Py_DebugOffsets";
    case PY_SLOT_ASYNCIO_DEBUG:
        return ".AsyncioDebug";
    case PY_SLOT_ABSENT:
        break;
    }
    return "absent";
}
