"""anyio's threads: to_thread.run_sync running and waiting for a token; threads that wait for tasks,
by from_thread and by a BlockingPortal."""
import asyncio
import functools
import threading
import time

import scenario

try:
    import anyio
    import anyio.from_thread
    import anyio.to_thread
except ImportError:
    scenario.skip("no anyio")

tasks, tids, idents = {}, {}, {}


def me(name):
    tasks[name] = asyncio.current_task()


def here(name):
    tids[name], idents[name] = scenario.own_native_id(), threading.get_ident()


async def sleeps(name):
    me(name)
    await anyio.sleep(scenario.HOUR)


def works(name):
    here(name)
    time.sleep(scenario.HOUR)


def calls_back(name):
    here(name)
    anyio.from_thread.run(sleeps, name + ", task")


def calls_portal(name, portal):
    here(name)
    portal.call(sleeps, name + ", task")


async def runs(name, function, *arguments, **keys):
    me(name)
    await anyio.to_thread.run_sync(functools.partial(function, name), *arguments, **keys)


async def runs_plain(name, limiter):
    me(name)
    await anyio.to_thread.run_sync(works, name, limiter=limiter)


async def runs_limited(name):
    with anyio.move_on_after(500):
        await runs(name, works)


async def until_there(names):
    while not set(names) <= set(tids) or not {"thread, task", "portal, task"} <= set(tasks):
        await anyio.sleep(0.01)
    await anyio.wait_all_tasks_blocked()


def expect(name, kind, **awaiting):
    scenario.expect_task(tasks[name], "waiting", holds={"any": True}, awaiting=dict(
        {"has_timeout": False}, kind=kind, **awaiting))


async def main():
    scenario.options(extra_finished=True)
    limiter = anyio.CapacityLimiter(1)
    async with anyio.create_task_group() as group, anyio.from_thread.BlockingPortal() as portal:
        group.start_soon(runs_plain, "plain", limiter)
        await anyio.sleep(0.1)
        group.start_soon(runs_plain, "queued", limiter)
        for name, function in (("partial", works), ("thread", calls_back)):
            group.start_soon(runs, name, function)
        group.start_soon(runs_limited, "limited")
        outside = threading.Thread(target=calls_portal, args=("portal", portal), daemon=True)
        outside.start()
        await until_there(["plain", "partial", "thread", "limited", "portal"])
        for name, callee in (("plain", "works"), ("partial", "works"), ("thread", "calls_back"),
                             ("limited", "works")):
            expect(name, "executor", tid=tids[name], callee=callee, position=None)
        expect("queued", "semaphore", object=limiter, callee="works", tid=None)
        scenario.expect_object(limiter, kind="semaphore", state={"value": 0, "bound": 1},
                               waiters=[tasks["queued"]], holders=[tasks["plain"]])
        for name in ("thread", "portal"):
            task = tasks[name + ", task"]
            scenario.expect_task(task, "waiting", awaiting={"kind": "sleep"}, coroutine="sleeps")
            scenario.expect_thread(idents[name], awaiting={
                "kind": "thread", "tasks": {"set": [task]}, "has_timeout": False})
        scenario.expect_finding("EXECUTOR_FULL", "likely", objects=[limiter], contains=["works"],
                                tasks=[tasks["plain"], tasks["queued"]])
        await scenario.idle()

anyio.run(main)
