"""The snapshots of servers that hang, and of some that do not: with waits, holders, sockets and
what an analysis found. The findings are written by hand, as are the texts of the waits.
"""
from snapshots import (APP, CREATE, EXECUTOR_FRAMES, SITE, SLEEP, asyncio, blocked_call, frame, loop,
                       snapshot, task, thread, wait, write)

LOOP = "0x7f00000010"

def waits(kind, text, identity=0x7e00000000, **more):
    tasks = [hex(i) for i in more.pop("tasks", [])]
    return dict(wait(kind, identity, "_asyncio.Future"), text=text, tasks=tasks, **more)


def obj(identity, kind, label, name=None, state=None, waiters=(), holders=(), at=2):
    types = {"lock": "asyncio.locks.Lock", "semaphore": "asyncio.locks.Semaphore",
             "queue": "asyncio.queues.Queue", "executor": "concurrent.futures.thread.ThreadPoolExecutor"}
    return {"id": hex(identity), "kind": kind, "label": label, "type": types.get(kind, kind),
            "name": name, "state": state or {}, "waiters": [hex(i) for i in waiters],
            "holders": [{"task": hex(i), "tid": None, "frame": at, "confidence": "certain"}
                        for i in holders]}


def finding(code, confidence, summary, tasks=(), **more):
    return {"code": code, "confidence": confidence, "summary": summary,
            "tasks": [hex(i) for i in tasks], "threads": more.get("threads", []),
            "objects": [hex(i) for i in more.get("objects", [])], "where": more.get("where"),
            "proof": more.get("proof", []), "cost": more.get("cost", []),
            "next": more.get("next")}


def looked_twice(value, findings, verdict=None, **more):
    """A snapshot with what was found in it."""
    for it in value["tasks"]:
        it["moved"] = False
    gravest = findings[0] if findings else {"code": "OK", "confidence": "certain", "summary": None}
    value.update(findings=findings, verdict=verdict or {
        "code": gravest["code"], "confidence": gravest["confidence"], "text": gravest["summary"] or "?"})
    value["capture"]["second_look_s"] = 0.2
    value.update(more)
    return value


def blocked_loop():
    """5a: a task sleeps synchronously."""
    value = blocked_call()
    for number, it in enumerate(value["tasks"]):
        it["creator"] = "0x7f40200000" if number else None
    running = value["tasks"][0]
    running["context"] = {"request_id": "'9f3c'", "user": "42"}
    value["tasks"] += [
        dict(task(0x7f40200000 + 0x100 * i, "conn-%d" % i, "waiting", [
            frame("receive", SITE + "uvicorn/protocols/http/h11_impl.py", 520,
                  "RequestResponseCycle.receive"), frame("serve", APP + "api.py", 12)],
            awaiting=waits("stream_read", "the next request on a socket", 0x7e10000000 + 0x100 * i,
                           fd=20 + i)), idle=True) for i in range(96)]
    value["event_loops"] = [dict(
        loop(state="blocked", debug=True), iteration_age_s=41.2, callback_index=0,
        callback_count=3, callback="Task.task_wakeup", ready=214, timers=57, overdue_s=40.9,
        overdue_timers=12, executor={"id": "0x7d00000010", "max_workers": 6, "busy": 0, "idle": 6,
                                     "queued": 0})]
    return looked_twice(value, [finding(
        "LOOP_BLOCKED", "certain",
        "the event loop has been blocked for 41.2 s: nothing else can run", [0x7f40000000],
        threads=[4242], where="backoff /srv/app/report.py:57  <  build_csv  <  Api.export",
        proof=["the loop's iteration began 41.2 s ago, at callback 1 of 3; the oldest timer is "
               "40.9 s overdue",
               "tid 4242 is asleep in clock_nanosleep, holds no GIL, not in garbage collection"],
        cost=["60 tasks ready but not run, 12 not started",
              "37 clients in the accept queue of 0.0.0.0:8000"],
        next="use await asyncio.sleep(), or run backoff() with loop.run_in_executor()")])


def deadlock():
    """5b: two tasks take two locks in different order; others queue behind them."""
    first, second = 0x7d00000010, 0x7d00000020
    body = [asyncio("acquire", "locks.py", 120, "Lock.acquire"),
            asyncio("__aenter__", "locks.py", 15, "_ContextManagerMixin.__aenter__"),
            frame("transfer", APP + "bank.py", 5, source="async with second:")]
    made = CREATE + [frame("main", APP + "bank.py", 9)]
    ids = [0x7fa0000100, 0x7fa0000200]
    behind = [0x7fa0001000 + 0x100 * i for i in range(41)]
    tasks = [dict(task(ids[i], name, "waiting", body, created_at=made, awaiting=waits(
                  "lock", text, object=hex(lock))),
                  holds=[{"object": hex(held), "frame": 2}], creator="0x7fa0000000")
             for i, (name, text, lock, held) in enumerate(
                 [("t-ab", "Lock#2 'second'", second, first),
                  ("t-ba", "Lock#1 'first'", first, second)])]
    tasks.append(task(0x7fa0000000, "Task-1", "waiting", [frame("main", APP + "bank.py", 18)],
                      awaiting=waits("gather", "gather of 2 tasks, 0 done", tasks=ids, done=0,
                                     total=2)))
    tasks += [task(i, "audit-%d" % n, "waiting", body[:2] + [frame("audit", APP + "bank.py", 30)],
                   awaiting=waits("lock", "Lock#1 'first'", object=hex(first)))
              for n, i in enumerate(behind)]
    objects = [obj(first, "lock", "Lock#1", "first", {"locked": True}, [ids[1]] + behind, [ids[0]]),
               obj(second, "lock", "Lock#2", "second", {"locked": True}, [ids[0]], [ids[1]])]
    loops = [dict(loop(), idle_s=12.4, ready=0, timers=1, next_timer_s=47.6)]
    return looked_twice(snapshot(tasks, loops), [finding(
        "DEADLOCK", "certain", "2 tasks wait for each other's lock", ids, objects=[first, second],
        where="transfer /srv/app/bank.py:5",
        proof=["t-ab holds Lock#1 'first' since bank.py:3, waits for Lock#2 'second' at bank.py:5",
               "t-ba holds Lock#2 'second' since bank.py:3, waits for Lock#1 'first' at bank.py:5",
               "t-ab -> Lock#2 -> t-ba -> Lock#1 -> t-ab"],
        cost=["41 tasks queue behind Lock#1; Task-1 (gather) can never finish"],
        next="always take these two locks in the same order (bank.py:3 and :5)")], objects=objects)


def pool_exhausted(count=120):
    """5c: nearly all tasks wait for a pool whose connections wait for a silent server."""
    semaphore, first = 0x7d00000010, 0x7fb0000000
    chain = [frame("query", APP + "db.py", 14, "DB.query"), frame("handler", APP + "main.py", 20)]
    acquire = [asyncio("acquire", "locks.py", 387, "Semaphore.acquire"),
               asyncio("__aenter__", "locks.py", 15, "_ContextManagerMixin.__aenter__"),
               frame("acquire", APP + "db.py", 6, "Pool.acquire")] + chain
    fetch = [asyncio("_wait_for_data", "streams.py", 545, "StreamReader._wait_for_data"),
             asyncio("readexactly", "streams.py", 720, "StreamReader.readexactly"),
             frame("fetch", APP + "db.py", 22, "Protocol.fetch")] + chain
    made = CREATE + [frame("main", APP + "main.py", 17)]
    ids = [first + 0x100 * i for i in range(1, count - 1)]
    holders, queued = ids[:10], ids[10:]
    tasks = [task(first, "Task-1", "waiting", [frame("main", APP + "main.py", 18)], awaiting=waits(
        "gather", "gather of %d tasks, 0 done" % len(ids), tasks=ids, done=0, total=len(ids)))]
    for number, identity in enumerate(ids):
        holds = number < 10
        it = task(identity, "Task-%d" % (number + 2), "waiting", fetch if holds else acquire,
                  created_at=made, awaiting=waits(
                      "stream_read", "data from 10.0.3.7:5432", 0x7e20000000 + number, fd=9 + number)
                  if holds else waits("semaphore", "Semaphore#1 'Pool.sem', 0 of 10 free",
                                      object=hex(semaphore)))
        it.update(creator=hex(first), holds=[{"object": hex(semaphore), "frame": 3}] * holds)
        tasks.append(it)
    tasks.append(dict(task(first + 0x10, "heartbeat", "waiting", [SLEEP, frame(
        "heartbeat", APP + "main.py", 19)], awaiting=waits("sleep", "sleep, 3.0 s left",
                                                           deadline_s=3.0)), idle=True))
    sockets = [{"fd": 9 + i, "family": "inet", "local": "10.0.0.5:%d" % (51320 + i),
                "peer": "10.0.3.7:5432", "state": "ESTABLISHED", "receive_queue": 0,
                "send_queue": 0, "retransmits": 0, "backlog_max": None,
                "last_received_s": 48.2 + i, "last_sent_s": 47.9 + i, "registered": "read",
                "protocol": None, "protocol_type": None, "accepted": None,
                "moved": False}
               for i in range(10)]
    waiting = "{:,}".format(len(queued))
    findings = [
        finding("POOL_EXHAUSTED", "certain", "%s of %s tasks wait for Semaphore#1, 0 of 10 free"
                % (waiting, "{:,}".format(len(tasks))), queued, objects=[semaphore],
                where="Pool.acquire /srv/app/db.py:6",
                proof=["Semaphore#1 'Pool.sem': %s waiters, none of them has a timeout" % waiting,
                       "10 tasks hold it, all in DB.query /srv/app/db.py:14"],
                cost=["Task-1 (gather) cannot go on"],
                next="find out why the holders wait; bound the wait: asyncio.timeout() around it"),
        finding("PEER_SILENT", "likely", "10 tasks wait for bytes from 10.0.3.7:5432", holders,
                where="Protocol.fetch /srv/app/db.py:22",
                proof=["10 sockets ESTABLISHED, 0 B unread, 0 B unacked, watched for read"],
                cost=["they hold Semaphore#1"], next="look at that server first")]
    loops = [dict(loop(), idle_s=48.0, ready=0, timers=1, next_timer_s=3.0)]
    return looked_twice(snapshot(tasks, loops), findings, sockets=sockets, objects=[
        obj(semaphore, "semaphore", "Semaphore#1", "Pool.sem", {"value": 0, "bound": 10}, queued,
            holders, 3)])


def executor_full():
    """5d: all threads of the executor sleep, two calls queue behind them."""
    job = [frame("job", APP + "jobs.py", 5, source="await loop.run_in_executor(None, crunch)")]
    crunch = [frame("crunch", APP + "jobs.py", 2, source="time.sleep(3600)"),
              frame("run", "/usr/lib/python3.11/concurrent/futures/thread.py", 58, "_WorkItem.run")]
    pool, first = 0x7d00000010, 0x7fc0000000
    made = CREATE + [frame("<genexpr>", APP + "jobs.py", 7)]
    tasks = [dict(task(first + 0x100 * (i + 1), "job-%d" % i, "waiting", job, created_at=made,
                       awaiting=waits("executor", "executor thread, runs crunch()"
                                      if i < 6 else "a free executor thread, %d of 2 in the queue,"
                                      " will run crunch()" % (i - 5), object=hex(pool),
                                      tid=4250 + i if i < 6 else None,
                                      position=None if i < 6 else i - 5, callee="crunch")),
                  creator=hex(first)) for i in range(8)]
    tasks.append(task(first, "Task-1", "waiting", [frame("main", APP + "jobs.py", 8)],
                      awaiting=waits("gather", "gather of 8 tasks, 0 done", done=0, total=8,
                                     tasks=[first + 0x100 * i for i in range(1, 9)])))
    threads = [thread(event_loop=LOOP)]
    threads += [thread(4250 + i, "ThreadPoolExecutor-0_%d" % i, crunch + EXECUTOR_FRAMES,
                       syscall="clock_nanosleep") for i in range(6)]
    use = {"max_workers": 6, "busy": 6, "idle": 0, "queued": 2}
    loops = [dict(loop(), idle_s=7.1, ready=0, timers=0, executor=dict(use, id=hex(pool)))]
    return looked_twice(snapshot(tasks, loops, threads), [finding(
        "EXECUTOR_FULL", "certain", "6 of 6 threads are busy, 2 calls queue behind them",
        [first + 0x700, first + 0x800], threads=[4250 + i for i in range(6)], objects=[pool],
        proof=["6 x crunch() /srv/app/jobs.py:2, asleep in clock_nanosleep"],
        next="raise max_workers, or bound crunch() with a timeout of its own")],
        objects=[obj(pool, "executor", "ThreadPoolExecutor#1", None, use)])


def silent_peer():
    """5e: one task waits for a server that does not answer."""
    first = 0x7fd0000000
    read = [asyncio("_wait_for_data", "streams.py", 545, "StreamReader._wait_for_data"),
            asyncio("readuntil", "streams.py", 630, "StreamReader.readuntil"),
            asyncio("readline", "streams.py", 538, "StreamReader.readline"),
            frame("fetch", APP + "client.py", 25, source="return await r.readline()")]
    tasks = [
        task(first, "Task-1", "waiting", [frame("main", APP + "client.py", 41)],
             awaiting=waits("task", "task fetch", first + 0x100, tasks=[first + 0x100])),
        dict(task(first + 0x100, "fetch", "waiting", read,
                  created_at=CREATE + [frame("main", APP + "client.py", 40)],
                  awaiting=waits("stream_read", "data from 10.1.2.3:443", fd=9,
                                 has_timeout=False)), creator=hex(first))]
    sockets = [{"fd": 9, "family": "inet", "local": "10.0.0.5:51324", "peer": "10.1.2.3:443",
                "state": "ESTABLISHED", "receive_queue": 0, "send_queue": 512, "retransmits": 6,
                "backlog_max": None, "last_received_s": 41.5, "last_sent_s": 12.9,
                "registered": "read", "protocol": None, "protocol_type": None, "accepted": None, "moved": False},
               {"fd": 6, "family": "inet", "local": "127.0.0.1:8000", "peer": None,
                "state": "LISTEN", "receive_queue": 0, "send_queue": None, "retransmits": None,
                "backlog_max": 128, "last_received_s": None, "last_sent_s": None, "registered": "read",
 "protocol": None, "protocol_type": None, "accepted": None, "moved": False}]
    loops = [dict(loop(), idle_s=33.0, ready=0, timers=0)]
    return looked_twice(snapshot(tasks, loops), [finding(
        "PEER_SILENT", "likely", "fetch waits for bytes from 10.1.2.3:443", [first + 0x100],
        where="fetch /srv/app/client.py:25",
        proof=["fd 9  10.0.0.5:51324 -> 10.1.2.3:443  ESTABLISHED, watched for read",
               "0 B unread, 512 B unacked, retry 6"],
        cost=["Task-1 waits for it"],
        next="no timeout anywhere on this wait: add asyncio.timeout() around fetch()")],
        sockets=sockets)


def ok_idle():
    """Nothing is wrong: connections are kept alive, workers have no work."""
    read = [asyncio("_wait_for_data", "streams.py", 545, "StreamReader._wait_for_data"),
            asyncio("readline", "streams.py", 538, "StreamReader.readline"),
            frame("serve", APP + "server.py", 44, "Connection.serve")]
    get = [asyncio("get", "queues.py", 158, "Queue.get"), frame("worker", APP + "jobs.py", 12)]
    queue, first = 0x7d00000010, 0x7fe0000000
    tasks = [dict(task(first + 0x100 * i, "conn-%d" % i, "waiting", read, awaiting=waits(
        "stream_read", "the next request on a socket", 0x7e00000000 + i, fd=10 + i)), idle=True)
        for i in range(30)]
    tasks += [dict(task(first + 0x10000 + 0x100 * i, "worker-%d" % i, "waiting", get, awaiting=waits(
        "queue_get", "Queue#1 'jobs', empty", 0x7e00001000 + i, object=hex(queue))), idle=True)
        for i in range(4)]
    tasks.append(dict(task(first + 0x20000, "Task-1", "waiting", [
        asyncio("serve_forever", "base_events.py", 372, "Server.serve_forever"),
        frame("main", APP + "main.py", 55)], awaiting=waits(
            "future", "serve_forever()", 0x7e00002000)), idle=True))
    loops = [dict(loop(), idle_s=0.35, ready=0, timers=2, next_timer_s=4.65)]
    return looked_twice(
        snapshot(tasks, loops), [],
        {"code": "OK", "confidence": "certain",
         "text": "the loop is healthy: idle for 350 ms, 0 ready, 35 waiting, all of them by design"},
        objects=[obj(queue, "queue", "Queue#1", "jobs", {"size": 0, "max_size": 0, "getters": 4},
                     [first + 0x10000 + 0x100 * i for i in range(4)])])


def ok_busy():
    """Nothing is wrong: the loop works, a lock is held for a moment; something may be odd."""
    lock, first = 0x7d00000010, 0x7ff0000000
    render = [frame("render", APP + "page.py", 7), frame("get", APP + "page.py", 20, "Page.get")]
    locked = [asyncio("acquire", "locks.py", 120, "Lock.acquire"),
              frame("update", APP + "cache.py", 31, "Cache.update")]
    tasks = [task(first, "req-9", "running", render)]
    tasks += [task(first + 0x100 * i, "req-%d" % (10 + i), "ready", render[1:]) for i in range(1, 8)]
    tasks += [task(first + 0x1000 * i, "upd-%d" % i, "waiting", locked, awaiting=waits(
        "lock", "Lock#1 'cache.lock'", object=hex(lock))) for i in range(1, 4)]
    tasks.append(task(first + 0x10000, "Task-77", "done", [], coroutine="notify",
                      exception={"type": "ConnectionResetError", "text": "peer"}))
    loops = [dict(loop(state="running"), iteration_age_s=0.002, callback_index=1, callback_count=9,
                  ready=7, timers=3, next_timer_s=0.25, moved=True)]
    threads = [thread(frames=render, os_state="R", syscall=None, event_loop=LOOP, holds_gil=True,
                      current_task=hex(first))]
    return looked_twice(
        snapshot(tasks, loops, threads), [finding(
            "EXC_UNRETRIEVED", "possible", "1 task ended with an exception nobody looked at",
            [first + 0x10000], proof=["Task-77 (notify): ConnectionResetError: peer"],
            cost=["its error is told only when it is freed"], next="await it, or add a callback")],
        {"code": "OK", "confidence": "certain",
         "text": "the loop is healthy: it moves, 7 ready, 3 waiting for things that can happen"},
        objects=[obj(lock, "lock", "Lock#1", "cache.lock", {"locked": True},
                     [first + 0x1000 * i for i in range(1, 4)], [first], 0)])


EVIL = "\x1b[31m\u202ee\nvil\u4e2d\U0001f40d "


def weird_findings():
    """Names from the target in every text; more findings than have room."""
    lock, first = 0x7d00000010, 0x7fa0000000
    body = [frame("x" * 90, APP + EVIL * 10 + ".py", 3)]
    tasks = [dict(task(first + 0x100 * i, EVIL * (i + 1), "waiting", body, awaiting=waits(
        "lock", EVIL * 9, object=hex(lock), tasks=[first])),
        holds=[{"object": hex(lock), "frame": 0}], context={EVIL: EVIL * 30, "a": "1"})
        for i in range(5)]
    words = ["", EVIL * 40, "word " * 80, "w" * 500, EVIL]
    findings = [finding(code, confidence, words[i % 5] or "?",
                        [first + 0x100 * j for j in range(i)], threads=[4242] * i,
                        where=words[(i + 1) % 5], proof=[words[(i + j) % 5] for j in range(i)],
                        cost=[words[(i + 2 + j) % 5] for j in range(i)], next=words[(i + 3) % 5])
                for i, (code, confidence) in enumerate(
                    [("DEADLOCK", "certain"), ("LEAKED_LOCK", "certain"),
                     ("LOST_FUTURE", "likely"), ("FD_NOT_POLLED", "likely"),
                     ("LOCK_PILEUP", "likely")] + [("BACKLOG", "possible")] * 7)]
    sockets = [{"fd": 3, "family": "unix", "local": EVIL * 9, "peer": EVIL * 9, "state": EVIL,
                "receive_queue": 1, "send_queue": None, "retransmits": None, "backlog_max": None,
                "last_received_s": None, "last_sent_s": None, "registered": None,
                "protocol": None, "protocol_type": None, "accepted": None,
                "moved": None}]
    return looked_twice(snapshot(tasks), findings, sockets=sockets, objects=[
        obj(lock, "lock", EVIL * 5, EVIL * 5, {"locked": True}, [first], [first], 0)])


SNAPSHOTS = [blocked_loop, deadlock, pool_exhausted, executor_full, silent_peer, ok_idle, ok_busy,
             weird_findings]


def main():
    write(SNAPSHOTS)


if __name__ == "__main__":
    main()
