/* The flame graphs as text: what is in them is data, whatever it is called. How the page looks and
 * works is tried in a browser: tests/formats/check_flamegraph.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/made_profile.h"
#include "asyncspy/render/profile_formats.h"

static const struct recording_info info = {.asyncspy = "0.1.0",
                                           .started_at = "2026-11-21T12:00:00.000Z",
                                           .rate = 100,
                                           .target = {.pid = 42, .python_version = "3.11.7"}};
static const struct recording_end end = {
    .time_s = 10, .reason = "interrupted", .samples = 1000, .failed = 1};

static char *render(struct made_profile *made, bool is_page) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    const struct profile *profile = made_profile_end(made, 10);
    struct error *err = is_page ? render_flamegraph_html(&info, &end, &profile, 1, out)
                                : render_flamegraph_svg(&info, &end, profile, out);
    assert_null(err);
    fclose(out);
    assert_int_equal(strlen(text), size);
    made_profile_destroy(made);
    return text;
}

static size_t count(const char *text, const char *part) {
    size_t found = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        found++;
    return found;
}

/* The data of the page. */
static cJSON *read_data(const char *page) {
    static const char start[] = "id=\"data\">";
    const char *data = strstr(page, start);
    assert_non_null(data);
    data += strlen(start);
    const char *rest = strstr(data, "</script>");
    cJSON *json = cJSON_ParseWithLength(data, (size_t)(rest - data));
    assert_non_null(json);
    return json;
}

static const cJSON *get(const cJSON *json, const char *name) {
    const cJSON *member = cJSON_GetObjectItem(json, name);
    assert_non_null(member);
    return member;
}

static const cJSON *get_profile(const cJSON *json) {
    return cJSON_GetArrayItem(get(json, "profiles"), 0);
}

static void assert_numbers(const cJSON *numbers, const char *expected) {
    char *text = cJSON_PrintUnformatted(numbers);
    assert_string_equal(text, expected);
    free(text);
}

static void test_page_has_the_tree(void **state) {
    (void)state;
    struct made_profile *made = made_profile_create(PROFILE_TASKS);
    made_profile_add(made, "main /srv/a.py:1; ~sleep", 6);
    made_profile_add(made, "main /srv/a.py:2; loads /usr/lib/python3.11/json/__init__.py:9", 2);
    made_profile_add(made, "~idle", 1);
    char *page = render(made, true);
    cJSON *json = read_data(page);
    const cJSON *nodes = get(get_profile(json), "nodes"),
                *functions = get(get_profile(json), "functions");
    assert_numbers(get(nodes, "depth"), "[0,1,2,2,1]");
    assert_numbers(get(nodes, "weight"), "[9000000,8000000,6000000,2000000,1000000]");
    assert_numbers(get(nodes, "self"), "[0,0,6000000,2000000,1000000]");
    assert_numbers(get(nodes, "samples"), "[900,800,600,200,100]");
    assert_numbers(get(nodes, "function"), "[-1,1,3,0,2]"); /* loads, main, idle, sleep */
    assert_numbers(get(functions, "kind"), "[3,1,7,6]");    /* library, user's, idle, wait */
    assert_numbers(get(functions, "total"), "[2000000,8000000,1000000,6000000]");
    assert_numbers(get(functions, "self"), "[2000000,0,1000000,6000000]");
    assert_numbers(get(functions, "lines"), "[[9,2000000],[1,6000000,2,2000000],[],[]]");
    assert_numbers(get(functions, "file"), "[4,5,-1,-1]");
    assert_numbers(get(json, "strings"), "[\"loads\",\"main\",\"idle\",\"sleep\","
                                         "\"/usr/lib/python3.11/json/__init__.py\",\"/srv/a.py\"]");
    assert_true(cJSON_IsNull(get(get_profile(json), "empty")));
    cJSON_Delete(json);
    free(page);
}

static struct made_profile *make_hostile(const char *name) {
    struct made_profile *made = made_profile_create(PROFILE_CPU);
    struct profile_frame frame = {.name = name, .file = name, .line = 1};
    made_profile_add_frames(made, &frame, 1, 1, 100);
    return made;
}

static void test_page_escapes(void **state) {
    (void)state;
    char *page = render(make_hostile("</script><img src=x onerror=alert(1)>\x1b\xff"), true);
    assert_int_equal(count(page, "</script>"), 2);
    assert_int_equal(count(page, "<img"), 0);
    assert_int_equal(count(page, "Content-Security-Policy"), 1);
    cJSON *json = read_data(page);
    assert_string_equal(cJSON_GetArrayItem(get(json, "strings"), 0)->valuestring,
                        "</script><img src=x onerror=alert(1)>\\x1b\\xff");
    cJSON_Delete(json);
    free(page);
}

static void test_page_without_samples(void **state) {
    (void)state;
    char *page = render(made_profile_create(PROFILE_GIL), true);
    cJSON *json = read_data(page);
    assert_string_equal(get(get_profile(json), "empty")->valuestring,
                        "No thread was seen to hold the GIL, or the filters left nothing.");
    cJSON_Delete(json);
    free(page);
}

static void test_page_bounds_names(void **state) {
    (void)state;
    char *name = calloc(1, 1000001);
    memset(name, 'x', 1000000);
    char *page = render(make_hostile(name), true);
    assert_true(strlen(page) < 100000);
    free(page);
    free(name);
}

static void test_picture_escapes(void **state) {
    (void)state;
    char *svg = render(make_hostile("<script>\"a\" & 'b'\x1b\xff\xef\xbf\xbf]]>"), false);
    assert_int_equal(count(svg, "<script"), 0);
    assert_non_null(strstr(svg, "<title>&#60;script&#62;&#34;a&#34; &#38; &#39;b&#39;\\x1b\\xff"
                                "&#xfffd;]]&#62;\n"));
    assert_int_equal(count(svg, "\xef\xbf\xbf"), 0);
    free(svg);
}

static void test_picture_cuts_text(void **state) {
    (void)state;
    struct made_profile *made = made_profile_create(PROFILE_TASKS);
    made_profile_add(made, "main a.py:1; a_function_of_a_long_name a.py:2", 10);
    made_profile_add(made, "main a.py:1; \xe5\xb9\x85\xe3\x81\xae\xe5\xba\x83\xe3\x81\x84", 10);
    made_profile_add(made, "main a.py:1; narrow a.py:3", 1);
    made_profile_add(made, "main a.py:1; rest a.py:3", 180);
    char *svg = render(made, false);
    assert_non_null(strstr(svg, ">a_func…<"));
    assert_non_null(
        strstr(svg, ">\xe5\xb9\x85\xe3\x81\xae\xe5\xba\x83…<")); /* each as wide as two */
    assert_null(strstr(svg, "\">n"));
    assert_non_null(strstr(svg, ">rest<tspan class=\"share\" dx=\"10\">89.6 %</tspan>"));
    assert_non_null(strstr(svg, "<title>narrow\na.py\n1.0 s, 0.50 %, 100 samples</title>"));
    free(svg);
}

static void test_picture_leaves_out(void **state) {
    (void)state;
    struct made_profile *made = made_profile_create(PROFILE_THREADS);
    struct profile_frame frames[1000];
    for (size_t i = 0; i < 1000; i++)
        frames[i] = (struct profile_frame){.name = i % 2 ? "odd" : "even", .line = 1};
    made_profile_add_frames(made, frames, 1000, 1000, 100000);
    made_profile_add(made, "light a.py:1", 0.5);
    char *svg = render(made, false);
    assert_int_equal(count(svg, "<title>"), 400);
    assert_non_null(strstr(svg, "1 box below 0.1 % is not drawn; nor are the deepest 601 rows"));
    assert_non_null(strstr(svg, " height=\"7710\""));
    free(svg);
}

static void test_picture_without_samples(void **state) {
    (void)state;
    char *svg = render(made_profile_create(PROFILE_TASKS), false);
    assert_non_null(strstr(svg, "No samples. There was no task, or the filters left none.<"));
    assert_int_equal(count(svg, "nan"), 0);
    free(svg);
}

static void test_says_that_it_cannot_write(void **state) {
    (void)state;
    struct made_profile *made = make_hostile("main");
    const struct profile *profile = made_profile_end(made, 1);
    for (int is_page = 0; is_page < 2; is_page++) {
        FILE *full = fopen("/dev/full", "w");
        struct error *err = is_page ? render_flamegraph_html(&info, &end, &profile, 1, full)
                                    : render_flamegraph_svg(&info, &end, profile, full);
        assert_non_null(err);
        assert_int_equal(error_get_kind(err), ERROR_OS);
        assert_string_equal(error_get_message(err),
                            "writing the flame graph: No space left on device");
        error_destroy(err);
        fclose(full);
    }
    made_profile_destroy(made);
}

int main(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_has_the_tree),
        cmocka_unit_test(test_page_escapes),
        cmocka_unit_test(test_page_without_samples),
        cmocka_unit_test(test_page_bounds_names),
        cmocka_unit_test(test_picture_escapes),
        cmocka_unit_test(test_picture_cuts_text),
        cmocka_unit_test(test_picture_leaves_out),
        cmocka_unit_test(test_picture_without_samples),
        cmocka_unit_test(test_says_that_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
