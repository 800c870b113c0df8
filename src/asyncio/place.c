/*
 * Whose code a frame runs, told by its file: asyncio's own files are those beside events.py, where
 * AbstractEventLoop is; a program may have a folder of that name too.
 */
#include <string.h>

#include "asyncspy/base/text.h"
#include "wait.h"

/* "/usr/lib/python3.11/asyncio/" of the function `name` of a class; NULL: it is not there. */
static struct error *find_folder(struct aio *aio, uint64_t class, const char *name,
                                 const char **ret) {
    struct py_type *type;
    uint64_t address = 0;
    struct py_function function = {.file = NULL};
    struct error *err = py_type_read(aio->py, class, &type);
    if (!err && type->dict)
        err = py_dict_find(aio->py, type->dict, name, &address);
    if (!err && address)
        err = py_type_of(aio->py, address, &type);
    if (!err && address && type->kind == PY_KIND_FUNCTION)
        err = py_function_read(aio->py, address, &function);
    const char *slash = err || !function.file ? NULL : strrchr(function.file, '/');
    if (slash)
        *ret = arena_format(aio->arena, "%.*s", (int)(slash + 1 - function.file), function.file);
    return err;
}

struct error *aio_folder_find(struct aio *aio) {
    aio->folder = NULL;
    return aio->modules.abstract_loop ? error_forgive(find_folder(aio, aio->modules.abstract_loop,
                                                                  "run_forever", &aio->folder))
                                      : NULL;
}

const char *aio_place_get_file(const struct aio *aio, const struct snapshot_frame *frame) {
    const char *slash = frame->file ? strrchr(frame->file, '/') : NULL;
    if (!slash)
        return NULL;
    size_t length = (size_t)(slash + 1 - frame->file);
    if (aio->folder)
        return strlen(aio->folder) == length && strncmp(frame->file, aio->folder, length) == 0
                   ? slash + 1
                   : NULL;
    static const char folder[] = "asyncio/";
    const char *start = slash + 1 - strlen(folder);
    bool is_named = length >= strlen(folder) && strncmp(start, folder, strlen(folder)) == 0;
    return is_named && (start == frame->file || start[-1] == '/') ? slash + 1 : NULL;
}

bool aio_place_is(const struct snapshot_frame *frame, const char *file, const char *function) {
    if (!frame->file || !frame->function || strcmp(frame->function, function) != 0 ||
        !text_ends_with(frame->file, file))
        return false;
    size_t length = strlen(frame->file), end = strlen(file);
    return length == end || frame->file[length - end - 1] == '/';
}
