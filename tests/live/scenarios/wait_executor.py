"""Work in executors of threads: running, queued at which place, in the loop's own, to_thread."""
import asyncio
import concurrent.futures
import functools
import sys
import threading
import time

import scenario

tids = {}


def works(name):
    tids[name] = scenario.own_native_id()
    time.sleep(scenario.HOUR)


def queued(name):
    works(name)


class Worker:
    def run(self, name):
        works(name)


async def runs(pool, function, *arguments):
    await asyncio.get_event_loop().run_in_executor(pool, function, *arguments)


async def runs_shielded(pool, function, *arguments):
    future = asyncio.get_event_loop().run_in_executor(pool, function, *arguments)
    await asyncio.wait_for(future, scenario.HOUR)


async def runs_behind_shield(pool, function, *arguments):
    future = asyncio.get_event_loop().run_in_executor(pool, function, *arguments)
    await asyncio.shield(future)


async def runs_to_thread(name):
    await asyncio.to_thread(works, name)


def spawn(function, *arguments):
    return asyncio.create_task(function(*arguments), name=str(arguments[-1]))


async def until_running(*names):
    while not set(names) <= set(tids):
        await asyncio.sleep(0.01)


async def main():
    loop = asyncio.get_event_loop()
    pool = concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="small")
    running = {"first": spawn(runs, pool, works, "first"),
               "second": spawn(runs, pool, Worker().run, "second")}
    await until_running("first", "second")
    waiting = [spawn(runs, pool, queued, "third"),
               spawn(runs, pool, functools.partial(queued, "fourth")),
               spawn(runs_shielded, pool, queued, "fifth")]
    if sys.version_info >= (3, 7):  # in 3.6 nothing leads from the shield to what it is for
        waiting.append(spawn(runs_behind_shield, pool, queued, "sixth"))
    names = ["works", "Worker.run", "queued"]
    await asyncio.sleep(0)
    for name, task in running.items():
        scenario.expect_task(task, "waiting", awaiting={
            "kind": "executor", "object": pool, "tid": tids[name], "position": None,
            "has_timeout": False, "callee": scenario.contains(names.pop(0))})
    parked = sys.version_info < (3, 12)  # wait_for() has a future of its own there
    for place, task in enumerate(waiting, 1):
        limited = place == 3
        claim = {"kind": "executor", "has_timeout": limited}
        if limited and parked:
            claim["kind"] = scenario.any_of("timeout", "executor")
        else:
            claim.update(object=pool, tid=None, position=place, callee=scenario.contains("queued"))
        scenario.expect_task(task, "waiting", awaiting=claim)
    scenario.expect_object(pool, kind="executor", state={
        "max_workers": 2, "busy": 2, "idle": 0, "queued": len(waiting)})
    own = [spawn(runs, None, works, "default")]
    if hasattr(asyncio, "to_thread"):
        own.append(spawn(runs_to_thread, "to_thread"))
    await until_running(*[task_name for task_name in ("default", "to_thread")[:len(own)]])
    for name, task in zip(("default", "to_thread"), own):
        scenario.expect_task(task, "waiting", awaiting={
            "kind": "executor", "object": loop._default_executor, "tid": tids[name],
            "callee": scenario.contains("works")})
    workers = loop._default_executor._max_workers
    state = {"max_workers": workers, "busy": len(own), "idle": {"any": True}, "queued": 0}
    scenario.expect_object(loop._default_executor, kind="executor", state=state)
    scenario.expect_loop(loop, executor=dict(state, id=loop._default_executor))
    assert threading.active_count() >= 2 + len(own)
    await scenario.idle()

scenario.run(main())
