#include "recording_input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording_format.h"

#define READ_SIZE ((size_t)64 << 10)
#define HEADER_SIZE_MAX 11 /* of a chunk */
#define VERSION_MAX 1000000

struct recording_input {
    char *path;
    int file;
    uint64_t size;   /* of the file, when it was last looked at */
    uint64_t offset; /* in the file, of the first byte of the buffer that is not used */
    uint64_t chunk;  /* where the last one began */
    unsigned char *buffer;
    size_t used, count, capacity;
};

static struct error *update_size(struct recording_input *input) {
    struct stat status;
    if (fstat(input->file, &status) != 0)
        return error_create_os(errno, "%s", input->path);
    if (!S_ISREG(status.st_mode))
        return error_create(ERROR_INVALID, "%s is no file that a recording could be in",
                            input->path);
    input->size = (uint64_t)status.st_size;
    return NULL;
}

static struct error *read_more(struct recording_input *input, bool *at_end) {
    ssize_t done;
    do
        done = read(input->file, input->buffer + input->count, input->capacity - input->count);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return error_create_os(errno, "reading %s", input->path);
    input->count += (size_t)done;
    *at_end = done == 0;
    return NULL;
}

/* Makes `size` unused bytes stand in the buffer, or as many as there are. */
static struct error *fill(struct recording_input *input, size_t size) {
    struct error *err = NULL;
    bool at_end = false;
    if (input->count - input->used >= size)
        return NULL;
    memmove(input->buffer, input->buffer + input->used, input->count - input->used);
    input->count -= input->used;
    input->used = 0;
    input->buffer = pack_reserve(input->buffer, &input->capacity, size, 1);
    while (!err && !at_end && input->count < size)
        err = read_more(input, &at_end);
    return err;
}

static void use(struct recording_input *input, size_t size) {
    input->used += size;
    input->offset += size;
}

static struct error *check_magic(struct recording_input *input) {
    static const char magic[] = RECORDING_MAGIC;
    const size_t magic_size = sizeof magic - 1;
    size_t at = magic_size;
    uint64_t version = 0;
    struct error *err = fill(input, magic_size + HEADER_SIZE_MAX);
    if (err)
        return err;
    const unsigned char *bytes = input->buffer;
    bool is_one = input->count > magic_size && memcmp(bytes, magic, magic_size) == 0;
    for (; is_one && at < input->count && version < VERSION_MAX; at++) {
        if (bytes[at] < '0' || bytes[at] > '9')
            break;
        version = version * 10 + (uint64_t)(bytes[at] - '0');
    }
    if (!is_one || at == input->count || bytes[at] != '\n' || version == 0)
        return error_create(ERROR_INVALID, "%s is no recording of asyncspy%s", input->path,
                            input->size ? "" : ": it is empty");
    if (version > RECORDING_VERSION)
        return error_create(
            ERROR_INVALID,
            "%s is a recording of form %" PRIu64
            ", made by a later asyncspy; this one knows form " RECORDING_VERSION_TEXT,
            input->path, version);
    use(input, at + 1);
    return NULL;
}

static struct error *open_file(struct recording_input *input) {
    input->file = open(input->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (input->file < 0)
        return error_create_os(errno, "%s", input->path);
    struct error *err = update_size(input);
    return err ? err : check_magic(input);
}

struct error *recording_input_open(const char *path, struct recording_input **ret) {
    struct recording_input *input = memory_alloc(sizeof *input);
    *input = (struct recording_input){.path = strdup(path)};
    if (!input->path)
        memory_exhausted();
    input->buffer = pack_reserve(NULL, &input->capacity, READ_SIZE, 1);
    struct error *err = open_file(input);
    if (!err)
        *ret = input;
    else
        recording_input_close(input);
    return err;
}

void recording_input_close(struct recording_input *input) {
    if (!input)
        return;
    if (input->file >= 0)
        close(input->file);
    free(input->path);
    free(input->buffer);
    free(input);
}

struct error *recording_input_blame(const struct recording_input *input, const char *wrong) {
    return error_create(ERROR_INVALID, "%s is damaged at byte %" PRIu64 " (%s)", input->path,
                        input->chunk, wrong);
}

/* ---- chunks ---- */

static bool is_type(int type) {
    return type == RECORDING_INFO || type == RECORDING_DEFINITIONS || type == RECORDING_RESET ||
           type == RECORDING_SAMPLE || type == RECORDING_END;
}

/* A chunk that is longer than the rest of the file: it is cut off, unless it ends as whole ones
 * do: then it is the length that is wrong. */
static struct error *check_cut_off(const struct recording_input *input) {
    static const char magic[] = RECORDING_MAGIC_END;
    const size_t size = sizeof magic - 1;
    char end[sizeof magic - 1];
    if (input->size < size + RECORDING_CHECK_SIZE ||
        pread(input->file, end, size, (off_t)(input->size - size - RECORDING_CHECK_SIZE)) !=
            (ssize_t)size)
        return NULL;
    return memcmp(end, magic, size) == 0
               ? recording_input_blame(input, "longer than the rest of the file")
               : NULL;
}

/* The head of a chunk: sizes of head and payload. `*is_cut`: not all of the chunk is there. */
static struct error *read_head(struct recording_input *input, int *type, size_t *head_size,
                               uint64_t *payload_size, bool *is_cut) {
    struct error *err = fill(input, HEADER_SIZE_MAX);
    const unsigned char *bytes = input->buffer + input->used;
    size_t count = input->count - input->used;
    *is_cut = count == 0;
    if (err || *is_cut)
        return err;
    *type = bytes[0];
    if (!is_type(*type))
        return recording_input_blame(input, "nothing that is known begins so");
    struct unpack head = {.at = bytes + 1, .end = bytes + count};
    *payload_size = unpack_number(&head);
    *head_size = (size_t)(head.at - bytes);
    if (head.wrong && count >= HEADER_SIZE_MAX)
        return recording_input_blame(input, "a length that has no end");
    *is_cut = head.wrong != NULL;
    return NULL;
}

/* Makes all of the chunk stand in the buffer. A file that is being written may have grown. */
static struct error *read_rest(struct recording_input *input, size_t head_size,
                               uint64_t payload_size, bool *is_cut) {
    uint64_t rest = head_size + RECORDING_CHECK_SIZE, left = input->size - input->offset;
    struct error *err = NULL;
    if (payload_size > left || payload_size + rest > left) {
        err = update_size(input);
        left = input->size > input->offset ? input->size - input->offset : 0;
    }
    *is_cut = payload_size > left || payload_size + rest > left;
    if (!err && !*is_cut)
        err = fill(input, (size_t)(payload_size + rest));
    if (!err && !*is_cut)
        *is_cut = input->count - input->used < payload_size + rest;
    return err;
}

struct error *recording_input_next(struct recording_input *input, int *ret_type,
                                   struct unpack *ret) {
    size_t head_size = 0;
    uint64_t payload_size = 0;
    int type = 0;
    bool is_cut;
    *ret_type = 0;
    input->chunk = input->offset;
    struct error *err = read_head(input, &type, &head_size, &payload_size, &is_cut);
    if (!err && !is_cut)
        err = read_rest(input, head_size, payload_size, &is_cut);
    if (err || is_cut)
        return err ? err : check_cut_off(input);
    const unsigned char *bytes = input->buffer + input->used;
    size_t size = head_size + (size_t)payload_size;
    if (!unpack_is_intact(bytes, size))
        return recording_input_blame(input, "its checksum is another one");
    *ret_type = type;
    *ret = (struct unpack){.at = bytes + head_size, .end = bytes + size};
    use(input, size + RECORDING_CHECK_SIZE);
    return NULL;
}

struct error *recording_input_check_end(struct recording_input *input) {
    struct error *err = fill(input, 1);
    if (!err && input->count > input->used) {
        input->chunk = input->offset;
        err = recording_input_blame(input, "something follows the end");
    }
    return err;
}

uint64_t recording_input_get_place(const struct recording_input *input) {
    return input->offset;
}

uint64_t recording_input_get_size(const struct recording_input *input) {
    return input->size;
}
