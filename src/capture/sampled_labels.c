#include "sampled_labels.h"

#include <stdlib.h>
#include <string.h>

#include "asyncspy/base/table.h"

#define LABELS_MAX 100000               /* objects that get a number of their own */
#define LABELS_BYTES ((size_t)64 << 20) /* of their texts: a hostile program has ever new ones */

struct sampled_labels {
    struct arena *arena;
    struct table *by_key, *classes; /* labels; numbers by the name of a class */
    size_t count;
};

struct sampled_labels *sampled_labels_create(void) {
    struct arena *arena = arena_create();
    struct sampled_labels *labels = arena_alloc(arena, sizeof *labels);
    *labels = (struct sampled_labels){
        .arena = arena, .by_key = table_create(), .classes = table_create()};
    return labels;
}

void sampled_labels_destroy(struct sampled_labels *labels) {
    if (!labels)
        return;
    table_destroy(labels->by_key);
    table_destroy(labels->classes);
    arena_destroy(labels->arena);
}

static const char *make_label(struct sampled_labels *labels, const char *class) {
    uint64_t *count = table_find(labels->classes, class, strlen(class));
    if (!count) {
        const char *key = arena_copy_string(labels->arena, class, strlen(class));
        count = arena_alloc(labels->arena, sizeof *count);
        *count = 0;
        table_add(labels->classes, key, strlen(key), count);
    }
    return arena_format(labels->arena, "%s#%llu", class, (unsigned long long)++*count);
}

/* An object at the same address with the same class and name is the same. Of too many, which a
 * program makes for each request, only the class is told. */
const char *sampled_label_get(struct sampled_labels *labels, struct arena *arena,
                              const struct snapshot_object *object) {
    const char *end = strrchr(object->label, '#');
    int length = (int)(end ? (size_t)(end - object->label) : strlen(object->label));
    const char *class = arena_copy_string(arena, object->label, (size_t)length);
    const char *key = arena_format(arena, "%llx %s %s", (unsigned long long)object->id, class,
                                   object->name ? object->name : "");
    const char *label = table_find(labels->by_key, key, strlen(key));
    bool is_full = labels->count >= LABELS_MAX || arena_get_size(labels->arena) > LABELS_BYTES;
    if (label || is_full)
        return label ? label : class;
    labels->count++;
    label = make_label(labels, class);
    key = arena_copy_string(labels->arena, key, strlen(key));
    table_add(labels->by_key, key, strlen(key), (void *)(uintptr_t)label); /* kept as it is */
    return label;
}
