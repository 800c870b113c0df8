#include "read_snapshot.h"

#include <stdlib.h>

#include "asyncspy/snapshot/json.h"

static char *read_all(FILE *in, size_t *ret_length) {
    size_t capacity = 1 << 16, length = 0;
    char *text = memory_alloc(capacity);
    for (size_t size; (size = fread(text + length, 1, capacity - length, in)) > 0;) {
        length += size;
        if (length == capacity)
            text = memory_realloc(text, capacity *= 2);
    }
    *ret_length = length;
    return text;
}

struct error *read_snapshot(struct snapshot *snapshot, FILE *in) {
    size_t length;
    char *text = read_all(in, &length);
    struct error *err = snapshot_json_read(snapshot, text, length);
    free(text);
    return err;
}
