"""Work of executors that has ended while the loop was blocked: who waits for it would run, if the loop were free."""
import asyncio
import concurrent.futures
import time

import scenario


def short():
    time.sleep(0.02)


def sleeps():
    time.sleep(scenario.HOUR)


async def works(executor, function):
    await asyncio.get_event_loop().run_in_executor(executor, function)


async def wraps(future):
    await asyncio.wrap_future(future)


async def limits(executor, function):
    await asyncio.wait_for(asyncio.get_event_loop().run_in_executor(executor, function), scenario.HOUR)


def spawn(function, *arguments):
    return asyncio.create_task(function(*arguments), name=function.__name__)


async def main():
    executor = concurrent.futures.ThreadPoolExecutor(1)
    running = concurrent.futures.ThreadPoolExecutor(1)
    futures = [concurrent.futures.Future() for _ in range(3)]
    over = [spawn(works, executor, short), spawn(limits, executor, short)]
    over += [spawn(wraps, future) for future in futures[:2]]
    waits = [spawn(works, running, sleeps), spawn(wraps, futures[2])]
    await asyncio.sleep(0)
    futures[0].set_result(None)
    futures[1].set_exception(OSError())
    executor.submit(int).result()
    for task in over:
        scenario.expect_task(task, "ready", ["..."])
    scenario.expect_task(waits[0], "waiting", awaiting={"kind": "executor"})
    scenario.expect_task(waits[1], "waiting", awaiting={"kind": "thread"})
    scenario.expect_task(asyncio.current_task(), "running", ["block", "main"])
    scenario.block()

scenario.run(main())
