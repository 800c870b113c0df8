/* Collapsed stacks and pprof: what no reader complains of, but users would (tests/formats has the
 * rest). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../src/render/gzip.h"
#include "../../src/render/protobuf.h"
#include "asyncspy/render/profile_formats.h"

#define FRAME(index_, kind_, name_, file_, line_)                                                  \
    {                                                                                              \
        .index = (index_), .kind = PROFILE_FRAME_##kind_, .name = (name_), .file = (file_),        \
        .line = (line_)                                                                            \
    }
static const struct profile_frame frames[] = {
    FRAME(0, CODE, "f", "/a.py", 1),    FRAME(1, CODE, "g", "b.py", -1),
    FRAME(2, CODE, "h", NULL, -1),      FRAME(3, WAIT, "process 12", NULL, -1),
    FRAME(4, WAIT, "Lock#1", NULL, -1), FRAME(5, WAIT, "12", NULL, -1),
};
#define FRAME_COUNT (sizeof frames / sizeof *frames)
static const struct profile_frame *const list[FRAME_COUNT] = {&frames[0], &frames[1], &frames[2],
                                                              &frames[3], &frames[4], &frames[5]};

static char *collapse(const double *weights, size_t count) {
    struct profile_stack stacks[8];
    for (size_t i = 0; i < count; i++)
        stacks[i] = (struct profile_stack){list, FRAME_COUNT, weights[i], 1};
    struct profile profile = {.stacks = stacks, .stack_count = count};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_null(render_collapsed(&profile, out));
    fclose(out);
    return text;
}

static void test_collapsed(void **state) {
    (void)state;
    static const double weights[] = {1.5, 2e-6, 1e-9, 0, -1, NAN, 1e300};
    char *text = collapse(weights, 7);
    assert_string_equal(text, "f (/a.py:1);g (b.py);h;[process 12];Lock#1;12 1500000\n"
                              "f (/a.py:1);g (b.py);h;[process 12];Lock#1;12 2\n"
                              "f (/a.py:1);g (b.py);h;[process 12];Lock#1;12 "
                              "4000000000000000000\n");
    free(text);
    text = collapse(NULL, 0);
    assert_string_equal(text, "");
    free(text);
}

/* A disk that is full. */
static void test_errors(void **state) {
    (void)state;
    const struct recording_info info = {.asyncspy = "0", .rate = NAN};
    struct profile_stack *stacks = calloc(10000, sizeof *stacks);
    struct profile profile = {
        .stacks = stacks, .stack_count = 1, .frames = list, .frame_count = FRAME_COUNT};
    for (size_t i = 0; i < 10000; i++)
        stacks[i] = (struct profile_stack){list, i % FRAME_COUNT + 1, (double)i + 1, i * i * i};
    for (int i = 0; i < 2; i++) {
        FILE *full = fopen("/dev/full", "w");
        struct error *errors[] = {render_collapsed(&profile, full), NULL};
        clearerr(full);
        errors[1] = render_pprof(&info, &profile, full);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(error_get_kind(errors[j]), ERROR_OS);
            assert_non_null(strstr(error_get_message(errors[j]), "No space left on device"));
            error_destroy(errors[j]);
        }
        fclose(full);
        profile.stack_count = 10000;
    }
    free(stacks);
}

static void test_protobuf(void **state) {
    (void)state;
    struct protobuf message = {0}, packed = {0};
    protobuf_add_number(&message, 1, 150);
    protobuf_add_number(&message, 2, 0);
    protobuf_add_bytes(&message, 2, "hi", 2);
    protobuf_add_packed(&packed, 3);
    protobuf_add_packed(&packed, 270);
    protobuf_add_packed(&packed, 86942);
    protobuf_add_bytes(&message, 6, packed.bytes, packed.size);
    assert_memory_equal(message.bytes, "\x08\x96\x01\x12\x02hi\x32\x06\x03\x8e\x02\x9e\xa7\x05",
                        message.size);
    assert_int_equal(message.size, 15);
    protobuf_clear(&message);
    protobuf_add_number(&message, 1, -1);
    assert_memory_equal(message.bytes, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
    assert_int_equal(message.size, 11);
    protobuf_destroy(&message);
    protobuf_destroy(&packed);
}

/* More than fits into any buffer at once, and nothing at all. */
static void test_gzip(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 3000000};
    for (size_t i = 0; i < 3; i++) {
        unsigned seed = 1;
        unsigned char *bytes = malloc(sizes[i] + 1), *again = malloc(sizes[i] + 1);
        for (size_t j = 0; j < sizes[i]; j++)
            bytes[j] = (unsigned char)((seed = seed * 1103515245U + 12345U) >> 16);
        char *packed = NULL;
        size_t packed_size;
        FILE *out = open_memstream(&packed, &packed_size);
        struct gzip *gzip = gzip_create(out);
        gzip_write(gzip, bytes, sizes[i]);
        assert_null(gzip_finish(gzip));
        fclose(out);
        z_stream stream = {.next_in = (unsigned char *)packed,
                           .avail_in = (uInt)packed_size,
                           .next_out = again,
                           .avail_out = (uInt)sizes[i] + 1};
        assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.total_out, sizes[i]);
        assert_memory_equal(bytes, again, sizes[i]);
        inflateEnd(&stream);
        free(packed);
        free(bytes);
        free(again);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collapsed),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_protobuf),
        cmocka_unit_test(test_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
