#include "sampled_labels.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"

#define LABELS_MAX 100000               /* objects that get a number of their own */
#define LABELS_BYTES ((size_t)64 << 20) /* of all texts: a hostile program has ever new ones */

struct label_key {
    snapshot_id id;
    const char *type, *name; /* interned */
};

struct label {
    struct label_key key;
    const char *text;
};

struct sampled_labels {
    struct arena *arena;
    struct table *names;            /* texts by themselves */
    struct table *by_key, *classes; /* struct label; numbers by the name of a class */
    size_t count;
};

struct sampled_labels *sampled_labels_create(void) {
    struct arena *arena = arena_create();
    struct sampled_labels *labels = arena_alloc(arena, sizeof *labels);
    *labels = (struct sampled_labels){.arena = arena,
                                      .names = table_create(),
                                      .by_key = table_create(),
                                      .classes = table_create()};
    return labels;
}

void sampled_labels_destroy(struct sampled_labels *labels) {
    if (!labels)
        return;
    table_destroy(labels->by_key);
    table_destroy(labels->classes);
    table_destroy(labels->names);
    arena_destroy(labels->arena);
}

static bool is_full(const struct sampled_labels *labels) {
    return arena_get_size(labels->arena) > LABELS_BYTES;
}

static const char *intern(struct sampled_labels *labels, const char *text, size_t length) {
    char *known = table_find(labels->names, text, length);
    if (known || is_full(labels))
        return known;
    char *copy = arena_copy_string(labels->arena, text, length);
    table_add(labels->names, copy, length, copy);
    return copy;
}

const char *sampled_label_intern(struct sampled_labels *labels, const char *text) {
    return text ? intern(labels, text, strlen(text)) : NULL;
}

/* "Lock" of the label "Lock#3" that the object has among those of its look. */
static const char *get_class(struct sampled_labels *labels, const char *label) {
    const char *end = strrchr(label, '#');
    const char *class = intern(labels, label, end ? (size_t)(end - label) : strlen(label));
    return class ? class : "object";
}

static const char *make_label(struct sampled_labels *labels, const char *class) {
    uint64_t *count = table_find(labels->classes, class, strlen(class));
    if (!count) {
        count = arena_alloc(labels->arena, sizeof *count);
        *count = 0;
        table_add(labels->classes, class, strlen(class), count);
    }
    return arena_format(labels->arena, "%s#%llu", class, (unsigned long long)++*count);
}

/* An object at the same address with the same class and name is the same; one without a number is
 * one of too many. */
const char *sampled_label_get(struct sampled_labels *labels, const struct snapshot_object *object) {
    struct label_key key;
    memset(&key, 0, sizeof key); /* padding too: it is compared as bytes */
    key.id = object->id;
    key.type = get_class(labels, object->label);
    key.name = sampled_label_intern(labels, object->name);
    struct label *label = table_find(labels->by_key, &key, sizeof key);
    if (label)
        return label->text;
    if (labels->count >= LABELS_MAX || is_full(labels))
        return key.type;
    labels->count++;
    label = arena_alloc(labels->arena, sizeof *label);
    *label = (struct label){key, make_label(labels, key.type)};
    table_add(labels->by_key, &label->key, sizeof label->key, label);
    return label->text;
}
