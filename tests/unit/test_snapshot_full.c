/*
 * The JSON form of a snapshot that has everything: each key has its member's value, is read again,
 * and is refused when it has a wrong type or is out of range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../support/full_snapshot.h"
#include "asyncspy/snapshot/json.h"

/* From the top of the tree, where the tests are run. */
#define EXPECTED_FILE "tests/unit/full_snapshot.json"
#define SCHEMA_FILE "include/asyncspy/snapshot.schema.json"

static char *read_file(const char *name) {
    FILE *file = fopen(name, "r");
    size_t size = 1 << 20;
    char *text = calloc(1, size + 1);
    if (!file)
        fail_msg("%s: %s (run it from the top of the tree)", name, strerror(errno));
    assert_true(fread(text, 1, size, file) < size);
    fclose(file);
    return text;
}

static char *write_json(const struct snapshot *snapshot) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_null(snapshot_json_write(snapshot, out));
    fclose(out);
    return text;
}

static char *write_full(void) {
    struct snapshot *snapshot = full_snapshot_create();
    char *text = write_json(snapshot);
    snapshot_destroy(snapshot);
    return text;
}

/* The text that a snapshot is written as when it was read from `text`. */
static char *write_again(const char *text) {
    struct snapshot *snapshot = snapshot_create();
    struct error *err = snapshot_json_read(snapshot, text, strlen(text));
    if (err)
        fail_msg("%s", error_get_message(err));
    char *again = write_json(snapshot);
    snapshot_destroy(snapshot);
    return again;
}

static void expect_written(const char *text, const char *part) {
    char *again = write_again(text);
    if (!strstr(again, part))
        fail_msg("no %s in %s", part, again);
    free(again);
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* That file is checked against the schema by tests/golden/run.py. To write it anew, and review the
 * difference: WRITE_EXPECTED=1 build/tests/test_snapshot_full */
static void test_written(void **state) {
    (void)state;
    char *text = write_full();
    if (getenv("WRITE_EXPECTED"))
        write_file(EXPECTED_FILE, text);
    char *expected = read_file(EXPECTED_FILE);
    assert_string_equal(text, expected);
    free(text);
    free(expected);
}

static void test_read(void **state) {
    (void)state;
    char *text = write_full(), *again = write_again(text);
    assert_string_equal(text, again);
    free(text);
    free(again);
}

/* What no JSON tells is found out. */
static void test_links(void **state) {
    (void)state;
    char *text = write_full();
    struct snapshot *snapshot = snapshot_create();
    assert_null(snapshot_json_read(snapshot, text, strlen(text)));
    assert_int_equal(snapshot->tasks.items[1].tid, 4243);
    assert_int_equal(snapshot->groups.items[0].tasks[0], 1);
    assert_ptr_equal(snapshot->coroutines.items[0].frames.frames[0],
                     snapshot->tasks.items[0].frames.frames[1]);
    free(text);
    snapshot_destroy(snapshot);
}

/* Every wrong value that was tried, and what is wrong with how it is refused. */
struct wrong {
    const cJSON *root;
    size_t count;
};

/* The snapshot with one wrong value is refused, and the message says where. */
static void expect_refused(struct wrong *wrong, const char *parent, const char *key) {
    char *text = cJSON_PrintUnformatted(wrong->root);
    struct snapshot *snapshot = snapshot_create();
    struct error *err = snapshot_json_read(snapshot, text, strlen(text));
    if (!err)
        fail_msg("%s in %s may be anything: %s", key, parent, text);
    assert_int_equal(error_get_kind(err), ERROR_INVALID);
    if (!strstr(error_get_message(err), key) && !strstr(error_get_message(err), parent))
        fail_msg("%s in %s: %s", key, parent, error_get_message(err));
    error_destroy(err);
    snapshot_destroy(snapshot);
    free(text);
    wrong->count++;
}

/* Puts a copy of `item` with other content into its place for as long as it is tried. */
static void try_instead(struct wrong *wrong, cJSON *item, cJSON other, const char *parent,
                        const char *key) {
    cJSON kept = *item;
    item->type = other.type | (kept.type & cJSON_StringIsConst);
    item->child = NULL;
    item->valuestring = other.valuestring;
    item->valuedouble = other.valuedouble;
    expect_refused(wrong, parent, key);
    *item = kept;
}

static bool is_among(const char *key, const char *const *keys) {
    for (; *keys; keys++)
        if (strcmp(key, *keys) == 0)
            return true;
    return false;
}

static void try_numbers(struct wrong *wrong, cJSON *item, const char *parent, const char *key) {
    static const char *const signed_keys[] = {"deadline_s", "next_timer_s", "interpreter", NULL};
    size_t length = strlen(key);
    bool fact = strcmp(parent, "state") == 0;
    bool interpreter = strcmp(parent, "interpreters") == 0 && strcmp(key, "id") == 0;
    if (strcmp(key, "count") == 0)
        return; /* of a group: how many ids follow */
    if (!fact && !interpreter && !is_among(key, signed_keys))
        try_instead(wrong, item, (cJSON){.type = cJSON_Number, .valuedouble = -1}, parent, key);
    if (length > 2 && strcmp(key + length - 2, "_s") == 0)
        return;
    try_instead(wrong, item, (cJSON){.type = cJSON_Number, .valuedouble = 1.5}, parent, key);
    try_instead(wrong, item, (cJSON){.type = cJSON_Number, .valuedouble = 1e30}, parent, key);
}

/* Tries wrong values in place of `item`, and of everything in it. */
static void try_all(struct wrong *wrong, cJSON *item, const char *parent, const char *key) {
    static char text[] = "x";
    const cJSON number = {.type = cJSON_Number, .valuedouble = 7};
    const cJSON string = {.type = cJSON_String, .valuestring = text};
    cJSON *child;
    if (cJSON_IsNumber(item))
        try_numbers(wrong, item, parent, key);
    if (!cJSON_IsNull(item) && strcmp(key, "count") != 0)
        try_instead(wrong, item, cJSON_IsNumber(item) || cJSON_IsBool(item) ? string : number,
                    parent, key);
    cJSON_ArrayForEach(child, item) {
        bool in_array = cJSON_IsArray(item);
        try_all(wrong, child, in_array ? parent : key, in_array ? key : child->string);
    }
}

static void test_wrong_values(void **state) {
    (void)state;
    char *text = write_full();
    cJSON *root = cJSON_Parse(text), *child;
    struct wrong wrong = {.root = root};
    cJSON_ArrayForEach(child, root) try_all(&wrong, child, "", child->string);
    assert_true(wrong.count > 300);
    cJSON_Delete(root);
    free(text);
}

/* A copy of `text` with the first `old` replaced. */
static char *replace(const char *text, const char *old, const char *new) {
    const char *at = strstr(text, old);
    char *result = NULL;
    if (!at)
        fail_msg("no %s in %s", old, text);
    assert_true(asprintf(&result, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old)) > 0);
    return result;
}

static void test_wrong_words(void **state) {
    static const struct {
        const char *old, *new, *message;
    } rows[] = {
        {"\"state\":\"waiting\"", "\"state\":\"asleep\"", "tasks[0].state: is no state"},
        {"\"state\":\"blocked\"", "\"state\":\"bored\"", "event_loops[0].state: is no state"},
        {"\"confidence\":\"likely\"", "\"confidence\":\"sure\"", "findings[0].confidence: is none"},
        {"\"confidence\":\"certain\"", "\"confidence\":\"Certain\"", "verdict.confidence"},
        {"\"confidence\":\"possible\"", "\"confidence\":\"\"", "objects[0].holders[1].confidence"},
        {"\"registered\":\"write\"", "\"registered\":\"x\"", "sockets[0].registered: is none of"},
        {"\"code\":\"LEAKED_LOCK\",\"confidence\":\"likely\"",
         "\"code\":\"OK\",\"confidence\":\"likely\"",
         "findings[0].code: is the code of no finding"},
        {"\"object\":\"0x7f40\",\"frame\":1", "\"object\":\"0x7f40\",\"frame\":2",
         "tasks[0].holds[0].frame: is out of range"},
        {"\"object\":\"0x7f40\",\"frame\"", "\"object\":null,\"frame\"",
         "tasks[0].holds[0].object: is missing"},
        {"\"tid\":null,\"frame\":0", "\"tid\":null,\"frame\":2",
         "objects[0].holders[0].frame: is out of range"},
        {"\"tid\":4243,\"frame\":1", "\"tid\":4243,\"frame\":2",
         "objects[0].holders[1].frame: is out of range"},
        {"\"label\":\"Lock#1\"", "\"label\":null", "objects[0].label: is missing"},
        {"{\"id\":\"0x7f61\"", "{\"id\":null", "tasks[0].awaiting.referrers[0].id: is missing"},
        {"\"executor\":{\"id\":\"0x7f50\"", "\"executor\":{\"id\":\"0x0\"",
         "event_loops[0].executor.id: is missing"},
        {"\"locked\":true", "\"locked\":[]", "objects[0].state: a value is neither"},
        {"\"user\":\"None\"", "\"user\":null", "tasks[0].context: a value is no string"},
        {"\"threads\":[4243", "\"threads\":[null", "findings[0].threads: is no number"},
    };
    (void)state;
    char *text = write_full();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *wrong = replace(text, rows[i].old, rows[i].new);
        struct snapshot *snapshot = snapshot_create();
        struct error *err = snapshot_json_read(snapshot, wrong, strlen(wrong));
        if (!err || !strstr(error_get_message(err), rows[i].message))
            fail_msg("%s: %s", rows[i].message, err ? error_get_message(err) : "taken");
        error_destroy(err);
        snapshot_destroy(snapshot);
        free(wrong);
    }
    free(text);
}

/* What a newer version may say. */
static void test_newer(void **state) {
    static const struct {
        const char *old, *new, *part;
    } rows[] = {
        {"\"kind\":\"lock\",\"id\"", "\"kind\":\"rainbow\",\"id\"", "{\"kind\":\"unknown\",\"id\""},
        {"\"kind\":\"lock\",\"label\"", "\"kind\":\"gate\",\"label\"",
         "\"kind\":\"other\",\"label\":\"Lock#1\""},
        {"\"code\":\"LEAKED_LOCK\",\"confidence\":\"likely\"",
         "\"code\":\"NEW\",\"confidence\":\"likely\"", "\"findings\": [],"},
        {"\"code\":\"LEAKED_LOCK\",\"confidence\":\"likely\"",
         "\"code\":\"NEW\",\"confidence\":\"likely\"", "{\"what\":\"finding NEW\",\"why\":"},
        {"\"code\":\"LEAKED_LOCK\",\"confidence\":\"certain\"",
         "\"code\":\"NEW\",\"confidence\":\"certain\"", "\"verdict\": null,"},
        {"\"locked\":true", "\"locked\":true,\"colour\":3,\"size\":null",
         "{\"locked\":true,\"colour\":3}"},
        {"\"schema\"", "\"more\": {\"a\": [1]}, \"schema\"", "\"coroutines_searched\": true"},
    };
    (void)state;
    char *text = write_full();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *newer = replace(text, rows[i].old, rows[i].new);
        expect_written(newer, rows[i].part);
        free(newer);
    }
    free(text);
}

/* What no target has, so that what was written can be read. */
static void test_impossible(void **state) {
    static struct snapshot_variable context[] = {{"a", "1"}, {"a", "2"},   {"a (2)", "3"},
                                                 {"a", "4"}, {"\xff", ""}, {NULL, NULL}};
    static struct snapshot_fact facts[] = {{"size", SNAPSHOT_UNKNOWN, false}, {"value", -1, false}};
    (void)state;
    struct snapshot *snapshot = full_snapshot_create();
    snapshot->tasks.items[0].cancel_requests = -5;
    snapshot->tasks.items[0].awaiting->fd = -1;
    snapshot->tasks.items[0].context = context;
    snapshot->tasks.items[0].context_count = sizeof context / sizeof *context;
    snapshot->event_loops.items[0].idle_s = -0.001;
    snapshot->event_loops.items[0].executor.id = 0;
    snapshot->objects.items[0].facts = facts;
    snapshot->objects.items[0].fact_count = 2;
    snapshot->verdict.text = NULL;
    char *text = write_json(snapshot);
    assert_non_null(strstr(text, "\"cancel_requests\":null"));
    assert_non_null(strstr(text, "\"fd\":null"));
    assert_non_null(strstr(text, "\"idle_s\":null"));
    assert_non_null(strstr(text, "\"executor\":null"));
    assert_non_null(strstr(text, "\"state\":{\"value\":-1}"));
    assert_non_null(strstr(text, "\"verdict\": null"));
    assert_non_null(strstr(text, "{\"a\":\"1\",\"a (2)\":\"2\",\"a (2) (2)\":\"3\",\"a (3)\":\"4\","
                                 "\"\\\\udcff\":\"\",\"?\":\"?\"}"));
    char *again = write_again(text);
    assert_string_equal(text, again);
    free(text);
    free(again);
    snapshot_destroy(snapshot);
}

/* Rows of `missing` that must not be lost are not lost. */
static void test_missing(void **state) {
    (void)state;
    struct snapshot *snapshot = full_snapshot_create();
    for (int i = 0; i < 2000; i++)
        snapshot_add_missing(snapshot, arena_format(snapshot->arena, "task %d", i), "torn");
    snapshot_add_missing_always(snapshot, "tasks of interpreter 1", "no registry");
    char *text = write_json(snapshot), *again = write_again(text);
    assert_string_equal(text, again);
    assert_non_null(strstr(again, "no registry"));
    free(text);
    free(again);
    snapshot_destroy(snapshot);
}

static void expect_in_schema(const char *schema, const char *word) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", word);
    if (!strstr(schema, quoted))
        fail_msg("the schema has no %s", quoted);
}

/* Whoever adds a word adds it to the schema. */
static void test_schema_words(void **state) {
    (void)state;
    char *schema = read_file(SCHEMA_FILE);
    for (int i = 0; i < SNAPSHOT_TASK_STATE_COUNT; i++)
        expect_in_schema(schema, snapshot_task_state_name((enum snapshot_task_state)i));
    for (int i = 0; i < SNAPSHOT_LOOP_STATE_UNKNOWN; i++)
        expect_in_schema(schema, snapshot_loop_state_name((enum snapshot_loop_state)i));
    for (int i = 0; i < SNAPSHOT_WAIT_KIND_COUNT; i++)
        expect_in_schema(schema, snapshot_wait_kind_name((enum snapshot_wait_kind)i));
    for (int i = 0; i < SNAPSHOT_OBJECT_KIND_COUNT; i++)
        expect_in_schema(schema, snapshot_object_kind_name((enum snapshot_object_kind)i));
    for (int i = 0; i < SNAPSHOT_CONFIDENCE_COUNT; i++)
        expect_in_schema(schema, snapshot_confidence_name((enum snapshot_confidence)i));
    for (int i = 0; i < SNAPSHOT_FINDING_CODE_COUNT; i++)
        expect_in_schema(schema, snapshot_finding_code_name((enum snapshot_finding_code)i));
    free(schema);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written),      cmocka_unit_test(test_read),
        cmocka_unit_test(test_links),        cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_wrong_words),  cmocka_unit_test(test_newer),
        cmocka_unit_test(test_impossible),   cmocka_unit_test(test_missing),
        cmocka_unit_test(test_schema_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
