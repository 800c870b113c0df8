"""Between threads and loops: run_coroutine_threadsafe().result(), wrap_future, processes of a pool,
threads that wait for locks."""
import asyncio
import concurrent.futures
import sys
import threading
import time
import warnings

import scenario

warnings.simplefilter("ignore", DeprecationWarning)  # fork() beside threads
started = []


async def sleeps():
    started.append(asyncio.current_task())
    await asyncio.sleep(scenario.HOUR)


def submits(loop):
    asyncio.run_coroutine_threadsafe(sleeps(), loop).result()


def submits_limited(loop):
    asyncio.run_coroutine_threadsafe(sleeps(), loop).result(scenario.HOUR)


async def wraps(future):
    await asyncio.wrap_future(future)


async def holds(lock):
    with lock:
        await asyncio.sleep(scenario.HOUR)


async def in_process(pool):
    await asyncio.get_event_loop().run_in_executor(pool, time.sleep, scenario.HOUR)


def thread(function, *arguments):
    made = threading.Thread(target=function, args=arguments, name=function.__name__, daemon=True)
    made.start()
    return made


async def main():
    loop = asyncio.get_event_loop()
    processes = concurrent.futures.ProcessPoolExecutor(1)
    task = asyncio.create_task(in_process(processes), name="in_process")
    scenario.expect_task(task, "waiting", ["in_process"], awaiting={
        "kind": scenario.any_of("executor", "thread"), "tid": None})
    for function in (submits, submits_limited):
        waiter = thread(function, loop)
        while not started:
            await asyncio.sleep(0.01)
        child = started.pop()
        scenario.expect_task(child, "waiting", ["sleep", "sleeps"], awaited_by=[])
        scenario.expect_thread(waiter.ident, awaiting={"tasks": {"set": [child]}})
    nobody = concurrent.futures.Future()
    task = asyncio.create_task(wraps(nobody), name="wraps")
    scenario.expect_task(task, "waiting", ["wraps"], awaiting={"kind": "thread", "tid": None})
    await locks()
    await asyncio.sleep(0.1)
    scenario.expect_ok()
    await scenario.idle()
    del nobody


async def locks():
    """A task holds a threading.Lock across an await, and a thread that is no loop's wants it."""
    lock = threading.Lock()
    holder = asyncio.create_task(holds(lock), name="holds")
    await asyncio.sleep(0)
    waiter = thread(lock.acquire)
    scenario.expect_task(holder, "waiting", ["sleep", "holds"], awaiting={"kind": "sleep"},
                         holds=[lock])
    scenario.expect_object(lock, kind="thread_lock", state={"locked": True}, holders=[holder])
    scenario.expect_thread(waiter.ident, event_loop=None)


if __name__ == "__main__":  # a child of a pool that imports this file does not run it
    if sys.version_info >= (3, 14):
        import multiprocessing
        multiprocessing.set_start_method("fork")
    scenario.run(main())
