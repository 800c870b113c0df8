/* What control groups say of containers, in the words of each engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asyncspy/target/container.h"

#define ID "3f1a2b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708"
#define OTHER_ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHORT_ID "3f1a2b4c5d6e"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

struct example {
    const char *path, *container; /* NULL: none */
};

static void check(const struct example *examples, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *text = arena_format(arena, "0::%s\n", examples[i].path);
        const char *found = container_parse(arena, text);
        if (!examples[i].container) {
            if (found)
                fail_msg("%s gives %s", text, found);
            continue;
        }
        if (!found)
            fail_msg("%s gives nothing", text);
        assert_string_equal(found, examples[i].container);
    }
}

#define CHECK(examples_) check(examples_, sizeof(examples_) / sizeof *(examples_))

static void test_ids(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"/docker/" ID, SHORT_ID},
        {"/system.slice/docker-" ID ".scope", SHORT_ID},
        {"/../docker-" ID ".scope", SHORT_ID},
        {"/docker/" ID "/init", SHORT_ID},
        {"/machine.slice/libpod-" ID ".scope", SHORT_ID},
        {"/machine.slice/libpod-" ID ".scope/container", SHORT_ID},
        {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
         SHORT_ID},
        {"/kubepods/besteffort/pod12345678-aaaa-bbbb-cccc-1234567890ab/" ID, SHORT_ID},
        {"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", SHORT_ID},
        {"/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", SHORT_ID},
        {"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID, SHORT_ID},
        {"/ecs/0123456789abcdef0123456789abcdef/" ID, SHORT_ID},
        {"/ecs/0123456789abcdef0123456789abcdef-1234567890", "0123456789ab"},
        {"/docker/" OTHER_ID "/docker/" ID, SHORT_ID}, /* one in the other: the inner */
    };
    CHECK(examples);
}

static void test_names(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"/lxc/web1", "web1"},
        {"/lxc/101/ns/system.slice/cron.service", "101"},
        {"/lxc.payload.web1/system.slice", "web1"},
        {"/lxc.payload/web1", "web1"},
        {"/machine.slice/systemd-nspawn@deb.service/payload", "deb"},
        {"/machine.slice/systemd-nspawn@my\\x2ddeb.service/payload", "my-deb"},
        {"/machine.slice/machine-my\\x2ddeb.scope", "my-deb"},
        {"/machine.slice/machine-bad\\xzz\\x2.scope", "bad\\xzz\\x2"},
        {"/lxc/web1/docker/" ID, SHORT_ID},
    };
    CHECK(examples);
}

static void test_none(void **state) {
    (void)state;
    static const struct example examples[] = {
        {"/", NULL},
        {"", NULL},
        {"/system.slice/cron.service", NULL},
        {"/user.slice/user-1000.slice/session-2.scope", NULL},
        {"/system.slice/docker.service", NULL},
        {"/machine.slice/libpod-conmon-" ID ".scope", NULL},
        {"/machine.slice/crio-conmon-" ID ".scope", NULL},
        {"/machine.slice/machine-qemu\\x2d1\\x2ddebian.scope", NULL},
        {"/lxc.monitor.web1", NULL},
        {"/lxc", NULL},
        {"/system.slice/x" ID ".scope", NULL},
        {"/docker/" ID "0", NULL},
        {"/0123456789abcdef0123456789abcdef-12x", NULL},
    };
    CHECK(examples);
}

static void test_lines(void **state) {
    (void)state;
    static const char text[] = "12:pids:/user.slice\n"
                               "3:name=systemd:/docker/" ID "\n"
                               "0::/system.slice/containerd.service\n";
    assert_string_equal(container_parse(arena, text), SHORT_ID);
    assert_null(container_parse(arena, ""));
    assert_null(container_parse(arena, "\n\n:\n::\n0::\n"));
    assert_null(container_parse(arena, "0:docker/" ID));
    assert_string_equal(container_parse(arena, "0::/docker/" ID), SHORT_ID); /* no end of line */
}

/* Whoever may name a group may make the name as long as a file name. */
static void test_long_name(void **state) {
    (void)state;
    char text[300] = "0::/lxc/";
    memset(text + strlen(text), 'n', 255);
    assert_int_equal(strlen(container_parse(arena, text)), 63);
}

static void test_this_process(void **state) {
    (void)state;
    const char *found = container_find(getpid(), arena);
    /* Its own namespaces are no container, whatever its groups say. */
    assert_true(!found || !strstr(found, "ns-"));
    assert_null(container_find(INT32_MAX, arena));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_this_process, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
