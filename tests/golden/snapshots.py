"""Makes the snapshots of the golden tests: hand-written pictures of servers in trouble.

`python3 snapshots.py` rewrites the *.json files beside it; run.py makes the big ones in memory.
"""
import json
import pathlib

LIB = "/usr/lib/python3.11/"
SITE = "/srv/venv/lib/python3.11/site-packages/"
APP = "/srv/app/"


def frame(function, file, line, qualified_name=None, source=None):
    native = file is not None and file.endswith(".so.6")
    return {"kind": "native" if native else "python", "function": function,
            "qualified_name": None if native else qualified_name or function, "file": file,
            "line": line, "end_line": line, "column": 4, "end_column": 20,
            "address": "0x7f0000001000" if native else None, "source": source}


def asyncio(function, file, line, qualified_name=None):
    return frame(function, LIB + "asyncio/" + file, line, qualified_name)


SLEEP = asyncio("sleep", "tasks.py", 639)
LOOP_FRAMES = [
    asyncio("run_forever", "base_events.py", 607, "BaseEventLoop.run_forever"),
    asyncio("run_until_complete", "base_events.py", 640, "BaseEventLoop.run_until_complete"),
    asyncio("run", "runners.py", 118, "Runner.run"),
    asyncio("run", "runners.py", 190),
    frame("<module>", APP + "main.py", 61),
]
IDLE_FRAMES = [
    frame("select", LIB + "selectors.py", 468, "EpollSelector.select"),
    asyncio("_run_once", "base_events.py", 1884, "BaseEventLoop._run_once"),
] + LOOP_FRAMES
BUSY_FRAMES = [
    asyncio("_run", "events.py", 80, "Handle._run"),
    asyncio("_run_once", "base_events.py", 1922, "BaseEventLoop._run_once"),
] + LOOP_FRAMES
CREATE = [asyncio("create_task", "tasks.py", 371)]
EXECUTOR_FRAMES = [
    frame("_worker", LIB + "concurrent/futures/thread.py", 81),
    frame("run", LIB + "threading.py", 975, "Thread.run"),
    frame("_bootstrap_inner", LIB + "threading.py", 1038, "Thread._bootstrap_inner"),
    frame("_bootstrap", LIB + "threading.py", 995, "Thread._bootstrap"),
]


def wait(kind="future", identity=0x7f11223344, text="_asyncio.Future", tasks=()):
    return {"kind": kind, "id": hex(identity), "type": text, "text": text,
            "tasks": [hex(i) for i in tasks], "any_task": None, "object": None,
            "deadline_s": None, "has_timeout": None, "fd": None, "tid": None, "pid": None,
            "done": None, "total": None, "position": None, "callee": None, "referrers": [],
            "referrers_complete": None}


def task(identity, name, state, frames, **more):
    default_wait = wait(identity=identity + 0x100000) if state == "waiting" else None
    return {"id": hex(identity), "name": name, "type": more.get("type", "_asyncio.Task"),
            "interpreter": 0, "event_loop": more.get("event_loop", "0x7f00000010"),
            "state": state,
            "coroutine": more.get("coroutine", frames[-1]["qualified_name"] if frames else None),
            "frames": frames, "awaiting": more.get("awaiting", default_wait), "awaited_by": [],
            "holds": [], "created_at": more.get("created_at"), "creator": None,
            "cancel_requests": more.get("cancel_requests", 0),
            "must_cancel": more.get("must_cancel", False), "exception": more.get("exception"),
            "exception_retrieved": more.get("exception_retrieved"),
            "context": None, "moved": None, "idle": None, "notes": more.get("notes", [])}


def loop(identity=0x7f00000010, tid=4242, state="idle", **more):
    result = {"id": hex(identity),
              "type": more.get("type", "asyncio.unix_events._UnixSelectorEventLoop"), "tid": tid,
              "state": state, "debug": more.get("debug", False)}
    result.update(dict.fromkeys(["iteration_age_s", "callback_index", "callback_count", "callback",
                                 "idle_s", "ready", "timers", "overdue_s", "overdue_timers",
                                 "next_timer_s", "moved", "common_frames",
                                 "executor"]))
    return result


def thread(tid=4242, name="MainThread", frames=IDLE_FRAMES, **more):
    return {"tid": tid, "ident": 139637976000000 + (tid or 0), "name": name,
            "kernel_name": more.get("kernel_name", "python3"), "interpreter": 0,
            "holds_gil": more.get("holds_gil", False), "waits_for_gil": None,
            "os_state": more.get("os_state", "S"),
            "syscall": more.get("syscall", "epoll_wait"), "syscall_fd": None,
            "wait_channel": more.get("wait_channel"), "cpu_s": 12.5,
            "event_loop": more.get("event_loop"), "current_task": more.get("current_task"),
            "awaiting": None, "moved": None, "frames": frames}


def snapshot(tasks, loops=None, threads=None, **more):
    return {
        "schema": "asyncspy.snapshot/1", "asyncspy": "0.1.0",
        "captured_at": "2026-11-21T04:12:07.250Z",
        "target": {"kind": "process", "pid": 4242, "core": None,
                   "executable": "/usr/bin/python3.11",
                   "command_line": more.get("command_line", ["/usr/bin/python3", APP + "main.py"]),
                   "architecture": "x86_64", "python_version": "3.11.7",
                   "debug_build": more.get("debug_build", False),
                   "free_threaded": more.get("free_threaded", False),
                   "started_at": more.get("started_at", "2026-11-17T23:47:51.000Z"),
                   "signal": None},
        "capture": {"mode": more.get("mode", "running"), "pause_s": more.get("pause_s", 0.0),
                    "duration_s": 0.0029, "reads": 160, "bytes_read": 655360,
                    "second_look_s": None},
        "files": more.get("files", {"open": 88, "limit": 1024}),
        "missing": more.get("missing", []), "verdict": None, "findings": [],
        "interpreters": [{"id": 0, "gil_holder": None, "gc_collecting": False}],
        "event_loops": [loop()] if loops is None else loops,
        "threads": [thread(event_loop="0x7f00000010")] if threads is None else threads,
        "tasks": tasks, "objects": [], "sockets": [], "groups": [], "coroutines": [],
        "coroutines_searched": False}


def idle_server():
    read = [
        asyncio("_wait_for_data", "streams.py", 545, "StreamReader._wait_for_data"),
        asyncio("readuntil", "streams.py", 630, "StreamReader.readuntil"),
        asyncio("readline", "streams.py", 538, "StreamReader.readline"),
        frame("serve", APP + "server.py", 44, "Connection.serve"),
    ]
    tasks = [task(0x7f30000000 + 0x100 * i, "conn-%d" % i, "waiting", read) for i in range(1, 4)]
    tasks.append(task(0x7f30001000, "Task-1", "waiting", [
        asyncio("serve_forever", "base_events.py", 372, "Server.serve_forever"),
        frame("main", APP + "main.py", 55)]))
    tasks.append(task(0x7f30001100, "heartbeat", "waiting", [
        SLEEP, frame("heartbeat", APP + "main.py", 19)],
        created_at=CREATE + [frame("main", APP + "main.py", 50)]))
    return snapshot(tasks)


def blocked_call():
    running = [
        frame("backoff", APP + "report.py", 57, source="time.sleep(delay)"),
        frame("build_csv", APP + "report.py", 41, source="backoff(attempt)"),
        frame("export", APP + "api.py", 120, "Api.export", "return build_csv(rows)"),
        frame("run_endpoint_function", SITE + "fastapi/routing.py", 193),
        frame("app", SITE + "fastapi/routing.py", 275, "get_request_handler.<locals>.app"),
        frame("app", SITE + "starlette/routing.py", 66, "request_response.<locals>.app"),
        frame("__call__", SITE + "uvicorn/middleware/proxy_headers.py", 70,
              "ProxyHeadersMiddleware.__call__"),
        frame("run_asgi", SITE + "uvicorn/protocols/http/h11_impl.py", 408,
              "RequestResponseCycle.run_asgi"),
    ]
    created = CREATE + [frame("data_received", SITE + "uvicorn/protocols/http/h11_impl.py", 251)]
    ready = [asyncio("wait_for", "tasks.py", 479), frame("fetch", APP + "db.py", 31, "Db.fetch"),
             frame("list_items", APP + "api.py", 88, "Api.list_items")] + running[3:]
    tasks = [task(0x7f40000000, "req-881", "running", running, created_at=created)]
    tasks += [task(0x7f40000000 + 0x100 * i, "req-%d" % (600 + i), "ready", ready,
                   created_at=created) for i in range(1, 61)]
    tasks += [task(0x7f40100000 + 0x100 * i, "Task-%d" % i, "not_started",
                   [frame("refresh", APP + "cache.py", 12, "Cache.refresh")],
                   created_at=CREATE + [frame("expire", APP + "cache.py", 30 + i % 5)])
              for i in range(2, 14)]
    threads = [thread(frames=running + BUSY_FRAMES, syscall="clock_nanosleep",
                      event_loop="0x7f00000010", current_task="0x7f40000000")]
    threads += [thread(4250 + i, "ThreadPoolExecutor-0_%d" % i, EXECUTOR_FRAMES, syscall="futex")
                for i in range(6)]
    return snapshot(tasks, [loop(state="running", debug=True)], threads,
                    mode="paused", pause_s=0.0038,
                    command_line=["/srv/venv/bin/python", "/srv/venv/bin/uvicorn", "api:app",
                                  "--host", "0.0.0.0"])


def equal_tasks(count=120):
    acquire = [
        asyncio("acquire", "locks.py", 387, "Semaphore.acquire"),
        asyncio("__aenter__", "locks.py", 15, "_ContextManagerMixin.__aenter__"),
        frame("query", APP + "db.py", 14, "DB.query"),
        frame("handler", APP + "main.py", 20),
    ]
    created = CREATE + [frame("<genexpr>", APP + "main.py", 17), frame("main", APP + "main.py", 17)]
    fetch = [frame("fetch", APP + "db.py", 22, "Protocol.fetch")] + acquire[2:]
    first = 0x7f50000000
    tasks = [task(first, "Task-1", "waiting", [frame("main", APP + "main.py", 18)],
                  awaiting=wait(text="asyncio.tasks._GatheringFuture"))]
    tasks += [task(first + 0x100 * i, "Task-%d" % (i + 1), "waiting",
                   fetch if i <= 10 else acquire, created_at=created)
              for i in range(1, count)]
    return snapshot(tasks)


def deep_chain():
    chain = [frame("level", APP + "chain.py", 9, "Chain.level") for _ in range(300)]
    first = 0x7f60000000
    tasks = [task(first, "deep", "waiting", [SLEEP] + chain + [frame("start", APP + "chain.py", 3)])]
    for i in range(1, 4):
        tasks.append(task(first + 0x100 * i, "link-%d" % i, "waiting",
                          [frame("link", APP + "chain.py", 20 + i)],
                          awaiting=wait("task", first + 0x100 * (i - 1), "_asyncio.Task",
                                        [first + 0x100 * (i - 1)])))
    tasks += [task(first + 0x1000 * i, "waits-%d" % i, "waiting", [
        asyncio("wait_for", "tasks.py", 442), frame("join", APP + "chain.py", 31)],
        awaiting=wait("task", first, "_asyncio.Task", [first])) for i in range(1, 8)]
    return snapshot(tasks)


def weird_names():
    names = ["\x1b[31mred\x1b[0m \x1b]0;title\x07", "two\nlines\r\ttab", "nul\\u0000inside",
             "surrogate \\udc80", "rtl \u202e evil \u2066", "\x80\x9b31m", "\ufeff\u200b\u2028",
             "caf\u00e9", "\u0416\u4e2d\u6587", "\U0001f40d snake \U0001f525", "", "12", None,
             "e\u0301\u0302 combining", "n" * 300, "\u4e2d" * 100]
    body = frame("h\u00e9ndler\x1b[2J", APP + "\u4e2d\u6587/\x1b]0;x\x07.py", 3,
                 "Ev\u202eil.<locals>." + "very_long_name_" * 10)
    tasks = [task(0x7f70000000 + 0x100 * i, name, "waiting", [
        SLEEP, body, frame("step", "/srv/" + "deep/" * 40 + "m\u00f6dule.py", 123456 + i)])
        for i, name in enumerate(names)]
    tasks.append(task(0x7f70010000, "boom", "done", [], type="my\x1bpkg.Task\u202e",
                      coroutine="job\x07", exception={"type": "Value\x1bError",
                                                      "text": "bad\nnews \x1b[5m" + "x" * 200},
                      notes=["name: \x1b[1mtorn"]))
    threads = [thread(4242, "Main\x1b[7mThread\n", event_loop="0x7f00000010"),
               thread(4243, "\u4e2d\u6587" * 30, EXECUTOR_FRAMES, os_state="\x1b", syscall="\x1b[m")]
    return snapshot(tasks, [loop(type="evil\x1b.Loop")], threads,
                    command_line=["/usr/bin/python3", "-c", "print('\x1b[2J')\nimport x"],
                    missing=[{"what": "task \x1b[3m", "why": "it is a \u202e " + "w" * 200}])


def missing_rows():
    tasks = [
        task(0x7f80000000, "Task-1", "waiting", [SLEEP, frame("main", APP + "main.py", 5)],
             notes=["created at: address 0x10 cannot be read"]),
        task(0x7f80000100, "Task-2", "waiting", [],
             coroutine=None, notes=["coroutine: address 0x7f0000dead0 cannot be read"]),
        task(0x7f80000200, "slow-close", "waiting", [SLEEP, frame("close", APP + "main.py", 9)],
             cancel_requests=2, must_cancel=True),
        task(0x7f80000300, "Task-4", "done", [], coroutine="job",
             exception={"type": "builtins.KeyError", "text": None}),
        task(0x7f80000400, "Task-5", "cancelled", [], coroutine="job"),
        task(0x7f80000500, "Task-6", "ready", [frame("job", APP + "main.py", 30)],
             type="mypkg.TracedTask"),
    ]
    missing = [{"what": "task 0x7f80000a00", "why": "address 0x7f80000a00 cannot be read"},
               {"what": "names of threads", "why": "threading is not imported"},
               {"what": "frames of thread 4250", "why": "more than 10000 frames"}]
    threads = [thread(event_loop="0x7f00000010", name=None, os_state=None, syscall=None,
                      holds_gil=None),
               thread(4250, None, [], os_state="D", syscall=None, wait_channel="rpc_wait",
                      holds_gil=None)]
    return snapshot(tasks, [loop(state=None, debug=None)], threads, missing=missing,
                    mode="nonblocking", free_threaded=True, debug_build=True, started_at=None)


def two_loops():
    crunch = [frame("crunch", APP + "jobs.py", 2)] + EXECUTOR_FRAMES
    spin = [frame("spin", APP + "jobs.py", 40), frame("worker", APP + "jobs.py", 44)]
    other = "0x7f00000020"
    tasks = [
        task(0x7f90000000, "Task-1", "waiting", [
            asyncio("get", "queues.py", 158, "Queue.get"), frame("consume", APP + "jobs.py", 12)]),
        task(0x7f90000100, "Task-2", "running", spin, event_loop=other),
        task(0x7f90000200, "Task-3", "waiting", [
            asyncio("get", "queues.py", 158, "Queue.get"), frame("consume", APP + "jobs.py", 12)],
            event_loop=other),
    ]
    threads = [
        thread(event_loop="0x7f00000010"),
        thread(4243, "background-loop", spin + BUSY_FRAMES[:-1] + EXECUTOR_FRAMES[1:],
               os_state="R", syscall=None, event_loop=other, current_task="0x7f90000100",
               holds_gil=True),
        thread(4250, "ThreadPoolExecutor-0_0", crunch, syscall="futex"),
        thread(4251, "ThreadPoolExecutor-0_1", EXECUTOR_FRAMES, syscall="futex"),
        thread(4252, "ThreadPoolExecutor-0_2", EXECUTOR_FRAMES, syscall="futex"),
    ]
    loops = [loop(), loop(0x7f00000020, 4243, "running", type="uvloop.Loop"),
             loop(0x7f00000030, None, "closed")]
    return snapshot(tasks, loops, threads)


def no_asyncio():
    threads = [thread(frames=[frame("serve", APP + "wsgi.py", 80), frame("<module>", APP + "wsgi.py", 99)],
                      syscall="accept4")]
    return snapshot([], [], threads, command_line=["python3", "-m", "wsgi"],
                    missing=[{"what": "asyncio", "why": "asyncio is not imported"}])


SNAPSHOTS = [idle_server, blocked_call, equal_tasks, deep_chain, weird_names, missing_rows,
             two_loops, no_asyncio]


def write(makers):
    for make in makers:
        path = pathlib.Path(__file__).with_name(make.__name__ + ".json")
        path.write_text(json.dumps(make(), indent=None, ensure_ascii=True) + "\n")


def main():
    write(SNAPSHOTS)


if __name__ == "__main__":
    main()
