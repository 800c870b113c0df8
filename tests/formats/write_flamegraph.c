/*
 * Writes flame graphs of made-up recordings for check_flamegraph.py.
 *
 *     write_flamegraph html|svg shop|hostile|deep|many|empty|cut >FILE
 */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/made_profile.h"
#include "asyncspy/render/profile_formats.h"

struct weighed {
    const char *stack;
    double weight_s;
};

#define SERVE "main /srv/shop/main.py:12; "
#define HANDLE                                                                                     \
    "RequestHandler.start /usr/lib/python3/dist-packages/aiohttp/web_protocol.py:513; "            \
    "handle /srv/shop/api/views.py:31; "
#define ACQUIRE "Pool.acquire /srv/shop/db/pool.py:57; "
#define FETCH                                                                                      \
    "Connection.fetch /usr/lib/python3/dist-packages/asyncpg/connection.py:690; "                  \
    "Connection._execute /usr/lib/python3/dist-packages/asyncpg/connection.py:1864; "
#define LOCK "Lock.acquire /usr/lib/python3.11/asyncio/locks.py:113; "
#define LOOP                                                                                       \
    "^MainThread; <module> /srv/shop/main.py:90; run /usr/lib/python3.11/asyncio/runners.py:190; " \
    "BaseEventLoop.run_forever /usr/lib/python3.11/asyncio/base_events.py:607; "                   \
    "BaseEventLoop._run_once /usr/lib/python3.11/asyncio/base_events.py:1922; "                    \
    "Handle._run /usr/lib/python3.11/asyncio/events.py:80; "
#define RENDER "render_page /srv/shop/api/render.py:44; "

static const struct weighed tasks[] = {
    {HANDLE "list_orders /srv/shop/api/orders.py:18; " ACQUIRE LOCK "~Lock#1 'pool.lock'", 143.2},
    {HANDLE "list_orders /srv/shop/api/orders.py:22; " FETCH "~socket 10.0.0.3:5432 (read)", 61.7},
    {HANDLE "list_orders /srv/shop/api/orders.py:25; " RENDER
            "Template.render /usr/lib/python3/dist-packages/jinja2/environment.py:1301",
     8.3},
    {HANDLE "show_cart /srv/shop/api/cart.py:40; " ACQUIRE LOCK "~Lock#1 'pool.lock'", 88.1},
    {HANDLE "show_cart /srv/shop/api/cart.py:47; Redis.get "
            "/usr/lib/python3/dist-packages/redis/asyncio/client.py:512; "
            "StreamReader.readuntil /usr/lib/python3.11/asyncio/streams.py:622; "
            "~socket 10.0.0.9:6379 (read)",
     24.4},
    {HANDLE "checkout /srv/shop/api/checkout.py:15; charge /srv/shop/payments.py:71; "
            "ClientSession._request /usr/lib/python3/dist-packages/aiohttp/client.py:536; "
            "~socket 203.0.113.7:443 (read)",
     72.9},
    {HANDLE "checkout /srv/shop/api/checkout.py:19; " ACQUIRE LOCK "~Lock#1 'pool.lock'", 30.8},
    {HANDLE "checkout /srv/shop/api/checkout.py:23; send_receipt /srv/shop/mail.py:8; ~ready", 6.1},
    {HANDLE "checkout /srv/shop/api/checkout.py:23; send_receipt /srv/shop/mail.py:11; "
            "to_thread /usr/lib/python3.11/asyncio/threads.py:25; ~executor: smtp_send",
     17.5},
    {SERVE "~Event#2 'shutdown'", 30.0},
    {SERVE "worker /srv/shop/jobs.py:9; Queue.get /usr/lib/python3.11/asyncio/queues.py:158; "
           "~Queue#1 'jobs' (get)",
     96.0},
    {SERVE "worker /srv/shop/jobs.py:14; resize_image /srv/shop/images.py:33", 21.4},
    {SERVE "worker /srv/shop/jobs.py:14; resize_image /srv/shop/images.py:33; Image.resize "
           "/usr/lib/python3/dist-packages/PIL/Image.py:2156",
     11.9},
    {SERVE "heartbeat /srv/shop/health.py:21; sleep /usr/lib/python3.11/asyncio/tasks.py:639; "
           "~sleep",
     29.6},
    {SERVE "reload_prices /srv/shop/prices.py:77; sleep "
           "/usr/lib/python3.11/asyncio/tasks.py:639; ~sleep",
     27.2},
    {SERVE "reload_prices /srv/shop/prices.py:80; parse /srv/shop/prices.py:31; loads "
           "/usr/lib/python3.11/json/__init__.py:346",
     2.2},
    {"*warm_cache; ~not started", 3.1},
};

static const struct weighed running[] = {
    {HANDLE "list_orders /srv/shop/api/orders.py:25; " RENDER
            "Template.render /usr/lib/python3/dist-packages/jinja2/environment.py:1301",
     8.3},
    {HANDLE "list_orders /srv/shop/api/orders.py:25; " RENDER, 1.2},
    {HANDLE "checkout /srv/shop/api/checkout.py:19; sign /srv/shop/payments.py:20; "
            "HMAC.hexdigest /usr/lib/python3.11/hmac.py:153",
     0.9},
    {SERVE "worker /srv/shop/jobs.py:14; resize_image /srv/shop/images.py:33; Image.resize "
           "/usr/lib/python3/dist-packages/PIL/Image.py:2156",
     6.9},
    {SERVE "worker /srv/shop/jobs.py:14; resize_image /srv/shop/images.py:33", 2.4},
    {SERVE "reload_prices /srv/shop/prices.py:80; parse /srv/shop/prices.py:31; loads "
           "/usr/lib/python3.11/json/__init__.py:346",
     2.2},
    {"~idle", 8.1},
};

static const struct weighed threads[] = {
    {LOOP RENDER "Template.render /usr/lib/python3/dist-packages/jinja2/environment.py:1301", 8.3},
    {LOOP "resize_image /srv/shop/images.py:33; Image.resize "
          "/usr/lib/python3/dist-packages/PIL/Image.py:2156",
     9.3},
    {"^MainThread; <module> /srv/shop/main.py:90; run /usr/lib/python3.11/asyncio/runners.py:190; "
     "BaseEventLoop.run_forever /usr/lib/python3.11/asyncio/base_events.py:607; "
     "BaseEventLoop._run_once /usr/lib/python3.11/asyncio/base_events.py:1884; "
     "EpollSelector.select /usr/lib/python3.11/selectors.py:468; ~idle",
     12.4},
    {"^asyncio_0; Thread._bootstrap /usr/lib/python3.11/threading.py:995; _worker "
     "/usr/lib/python3.11/concurrent/futures/thread.py:83; smtp_send /srv/shop/mail.py:30; "
     "socket.readinto /usr/lib/python3.11/socket.py:706",
     17.5},
    {"^asyncio_0; Thread._bootstrap /usr/lib/python3.11/threading.py:995; _worker "
     "/usr/lib/python3.11/concurrent/futures/thread.py:81; ~SimpleQueue (get)",
     12.5},
    {"^asyncio_1; Thread._bootstrap /usr/lib/python3.11/threading.py:995; _worker "
     "/usr/lib/python3.11/concurrent/futures/thread.py:81; ~SimpleQueue (get)",
     30.0},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MODES_MOST PROFILE_MODE_COUNT

struct graphs {
    struct made_profile *made[MODES_MOST];
    const struct profile *profiles[MODES_MOST];
    size_t count;
    struct recording_info info;
    struct recording_end end;
};

static struct made_profile *begin(struct graphs *graphs, enum profile_mode mode) {
    return graphs->made[graphs->count++] = made_profile_create(mode);
}

static void add_all(struct made_profile *made, const struct weighed *stacks, size_t count,
                    double factor) {
    for (size_t i = 0; i < count; i++)
        made_profile_add(made, stacks[i].stack, stacks[i].weight_s * factor);
}

/* A server whose requests queue up for one lock. */
static void make_shop(struct graphs *graphs) {
    add_all(begin(graphs, PROFILE_TASKS), tasks, COUNT(tasks), 1);
    add_all(begin(graphs, PROFILE_RUNNING), running, COUNT(running), 1);
    add_all(begin(graphs, PROFILE_CPU), running, COUNT(running) - 1, 0.97);
    add_all(begin(graphs, PROFILE_GIL), running, COUNT(running) - 1, 0.8);
    add_all(begin(graphs, PROFILE_THREADS), threads, COUNT(threads), 1);
}

static void add_name(struct made_profile *made, const char *name, enum profile_frame_kind kind) {
    struct profile_frame frames[] = {
        {.kind = PROFILE_FRAME_CODE, .name = "main", .file = "/srv/app.py", .line = 3},
        {.kind = kind, .name = name, .file = name, .line = 7}};
    made_profile_add_frames(made, frames, 2, 1, 100);
}

/* Names as nobody gives them, but for those who want something. */
static void make_hostile(struct graphs *graphs) {
    static const char *const names[] = {
        "</script><img src=x onerror=alert(1)>",
        "<script>window.executed = 1</script>",
        "\"><svg onload=alert(2)>",
        "'quotes' \"and\" `more` ${alert(3)} @DATA@ @SCRIPT@",
        "]]> <![CDATA[ --> <!-- &amp; &#65;",
        "control \x01\x02\x1b[31m\x7f\r\n\ttab",
        "not UTF-8 \xff\xfe\xc3(",
        "no character \xef\xbf\xbe\xef\xbf\xbf",
        "right \xe2\x80\xaeto left\xe2\x80\xac and \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
        "\xe5\xb9\x85\xe3\x81\xae\xe5\xba\x83\xe3\x81\x84\xe6\x96\x87\xe5\xad\x97\xe5\x88\x97"
        "\xe3\x81\xaf\xe4\xba\x8c\xe5\x80\x8d\xe3\x81\xae\xe5\xb9\x85 \xf0\x9f\x90\x8d",
        "NUL \\u0000 and \\udc80",
        "/(a+)+$/",
        "__proto__",
        "",
    };
    struct made_profile *made = begin(graphs, PROFILE_TASKS);
    for (size_t i = 0; i < COUNT(names); i++)
        add_name(made, names[i], i % 3 == 2 ? PROFILE_FRAME_WAIT : PROFILE_FRAME_CODE);
    char *long_name = calloc(1, 100001);
    memset(long_name, 'x', 100000);
    add_name(made, long_name, PROFILE_FRAME_CODE);
    free(long_name);
    static const char *command_line[] = {"python3", "</title><script>alert(4)</script>.py",
                                         "--name=\"'"};
    graphs->info.target.command_line = command_line;
    graphs->info.target.command_line_count = COUNT(command_line);
    graphs->end.reason = "<b>alert(5)</b>";
}

static void make_deep(struct graphs *graphs) {
    enum { DEPTH = 20000 };
    struct made_profile *made = begin(graphs, PROFILE_THREADS);
    struct profile_frame *frames = calloc(DEPTH, sizeof *frames);
    for (size_t i = 0; i < DEPTH; i++)
        frames[i] = (struct profile_frame){.name = i + 1 == DEPTH ? "bottom"
                                                   : i % 2        ? "visit_child"
                                                                  : "visit_node",
                                           .file = "/srv/tree.py",
                                           .line = 5};
    made_profile_add_frames(made, frames, DEPTH, 3, 300);
    made_profile_add_frames(made, frames, 40, 1, 100);
    free(frames);
}

/* A tree of more than 50,000 boxes, and of as many more that are too light. */
static void make_many(struct graphs *graphs) {
    struct made_profile *made = begin(graphs, PROFILE_TASKS);
    char stack[2000];
    unsigned chance = 7;
    for (int i = 0; i < 12000; i++) {
        size_t length = (size_t)snprintf(stack, sizeof stack, "main app.py:1");
        for (int depth = 0; depth < 24; depth++) {
            chance = chance * 1103515245 + 12345;
            unsigned pick = depth < 4 ? (chance >> 16) % 3 : (chance >> 16) % 12 / 9;
            length += (size_t)snprintf(stack + length, sizeof stack - length,
                                       "; step_%d_%u_%d part%u.py:%d", depth, pick,
                                       depth < 4 ? 0 : i % 97, pick, depth);
        }
        made_profile_add(made, stack, i % 3 ? 0.0005 : 0.05);
    }
}

static void make_empty(struct graphs *graphs) {
    begin(graphs, PROFILE_CPU);
    add_all(begin(graphs, PROFILE_TASKS), tasks, COUNT(tasks), 1);
}

/* Nothing at all, and its end is missing. */
static void make_cut(struct graphs *graphs) {
    begin(graphs, PROFILE_TASKS);
    graphs->end = (struct recording_end){.failed = 17, .time_s = (double)NAN};
    graphs->info = (struct recording_info){
        .rate = 100, .target = {.pid = SNAPSHOT_UNKNOWN, .free_threaded = SNAPSHOT_MAYBE}};
}

static const struct {
    const char *name;
    void (*make)(struct graphs *graphs);
} cases[] = {{"shop", make_shop}, {"hostile", make_hostile}, {"deep", make_deep},
             {"many", make_many}, {"empty", make_empty},     {"cut", make_cut}};

static void describe_shop(struct graphs *graphs) {
    static const char *command_line[] = {"python3", "/srv/shop/main.py", "--port",
                                         "8080",    "--workers",         "4"};
    graphs->info = (struct recording_info){
        .asyncspy = ASYNCSPY_VERSION,
        .started_at = "2026-11-21T12:00:00.250Z",
        .rate = 100,
        .target = {.kind = "process",
                   .pid = 41387,
                   .command_line = command_line,
                   .command_line_count = COUNT(command_line),
                   .python_version = "3.11.7"},
    };
    graphs->end = (struct recording_end){.time_s = 30.0,
                                         .reason = "interrupted",
                                         .samples = 2987,
                                         .failed = 4,
                                         .pause_s = 0.41,
                                         .longest_pause_s = 0.0013,
                                         .late_s = 0.87};
}

static struct error *render(const struct graphs *graphs, const char *format) {
    if (strcmp(format, "svg") == 0)
        return render_flamegraph_svg(&graphs->info, &graphs->end, graphs->profiles[0], stdout);
    return render_flamegraph_html(&graphs->info, &graphs->end, graphs->profiles, graphs->count,
                                  stdout);
}

int main(int argc, char **argv) {
    struct graphs graphs = {0};
    setlocale(LC_CTYPE, "C.UTF-8");
    describe_shop(&graphs);
    for (size_t i = 0; argc == 3 && i < COUNT(cases); i++)
        if (strcmp(argv[2], cases[i].name) == 0)
            cases[i].make(&graphs);
    if (!graphs.count)
        return 2;
    for (size_t i = 0; i < graphs.count; i++)
        graphs.profiles[i] = made_profile_end(graphs.made[i], 30);
    struct error *err = render(&graphs, argv[1]);
    for (size_t i = 0; i < graphs.count; i++)
        made_profile_destroy(graphs.made[i]);
    bool failed = err != NULL;
    error_destroy(err);
    return failed;
}
