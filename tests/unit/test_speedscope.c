/* The file of speedscope, which reads one itself in tests/formats/check_speedscope.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../support/recorded.h"
#include "asyncspy/render/profile_formats.h"

static const struct profile_frame frames[] = {
    {.index = 0, .kind = PROFILE_FRAME_CODE, .name = "main", .file = "app.py", .line = 3},
    {.index = 1, .kind = PROFILE_FRAME_WAIT, .name = "\"<sleep>\xff", .line = -1}};
static const struct profile_frame *const both[] = {frames, frames + 1};
static const struct profile_frame *const one[] = {frames};

static char *write(const struct profile *const *profiles, size_t count) {
    struct recorded *recorded = recorded_create();
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_null(render_speedscope(recorded_get_info(recorded), profiles, count, out));
    fclose(out);
    recorded_destroy(recorded);
    return text;
}

static void test_two_profiles(void **state) {
    (void)state;
    static const struct profile_stack stacks[] = {{both, 2, 1.5, 3}, {one, 1, 0.25, 1}};
    static const struct profile tasks = {PROFILE_TASKS, 2, 1.75, 4, stacks, 2, both, 2};
    static const struct profile gil = {PROFILE_GIL, 2, 0.25, 1, stacks + 1, 1, one, 1};
    const struct profile *const profiles[] = {&tasks, &gil};
    char *text = write(profiles, 2);
    assert_string_equal(
        text, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
              "\"name\":\"process 42, 2026-11-21T12:00:00.000Z\",\n"
              "\"exporter\":\"asyncspy 0.1.0\",\n"
              "\"activeProfileIndex\":0,\n"
              "\"shared\":{\"frames\":[\n"
              "{\"name\":\"main\",\"file\":\"app.py\",\"line\":3},\n"
              "{\"name\":\"\\\"\\u003csleep\\u003e\\\\udcff\"},\n"
              "{\"name\":\"main\",\"file\":\"app.py\",\"line\":3}]},\n"
              "\"profiles\":[\n"
              "{\"type\":\"sampled\",\"name\":\"tasks\",\"unit\":\"seconds\",\"startValue\":0,"
              "\"endValue\":1.75,\"samples\":[\n[0,1],\n[0]],\n\"weights\":[1.5,0.25]},\n"
              "{\"type\":\"sampled\",\"name\":\"gil\",\"unit\":\"seconds\",\"startValue\":0,"
              "\"endValue\":0.25,\"samples\":[\n[2]],\n\"weights\":[0.25]}]}\n");
    free(text);
}

static void test_nothing(void **state) {
    (void)state;
    static const struct profile empty = {.mode = PROFILE_TASKS};
    const struct profile *const profiles[] = {&empty};
    char *text = write(profiles, 1);
    assert_non_null(strstr(text, "\"endValue\":0,\"samples\":[],\n\"weights\":[]}"));
    free(text);
}

static void test_full_disk(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full)
        skip();
    setbuf(full, NULL);
    struct recorded *recorded = recorded_create();
    struct error *err = render_speedscope(recorded_get_info(recorded), NULL, 0, full);
    assert_non_null(err);
    assert_int_equal(error_get_kind(err), ERROR_OS);
    error_destroy(err);
    recorded_destroy(recorded);
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_profiles),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
