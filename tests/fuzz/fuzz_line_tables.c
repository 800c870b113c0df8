/* Line tables in every encoding. Input: which version, the first line, an instruction, the table.
 */
#include <stdlib.h>

#include "asyncspy/python/layout.h"
#include "asyncspy/python/line_table.h"
#include "fuzz_input.h"

static enum py_line_kind choose_kind(size_t choice) {
    size_t count = 0;
    while (py_table_get(count))
        count++;
    return py_table_get(choice % count)->traits.line_kind;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    enum py_line_kind kind = choose_kind(fuzz_take(&input, 1));
    int32_t first_line = (int32_t)fuzz_take(&input, 4);
    uint32_t unit = (uint32_t)fuzz_take(&input, 4);
    struct py_line_cursor cursor;
    struct py_location location;
    py_line_cursor_start(&cursor, kind, input.bytes, input.left, first_line);
    for (size_t entries = 0; py_line_cursor_next(&cursor, &location); entries++)
        if (entries > input.left || location.end < location.start)
            abort();
    if (py_line_find(kind, input.bytes, input.left, first_line, unit, &location) &&
        unit >= location.end)
        abort();
    return 0;
}
