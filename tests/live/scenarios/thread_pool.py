"""asyncio.run inside a thread pool, and executor work that a task waits for."""
import asyncio
import concurrent.futures
import threading
import time

import scenario


async def sleeps(arrived):
    scenario.expect_task(asyncio.current_task(), "waiting", ["sleep", "sleeps"])
    arrived.set()
    await asyncio.sleep(scenario.HOUR)


def run_loop(arrived):
    asyncio.run(sleeps(arrived))


def blocking():
    time.sleep(scenario.HOUR)


async def to_thread():
    await asyncio.to_thread(blocking)


async def executor(pool):
    await asyncio.get_event_loop().run_in_executor(pool, blocking)


async def main():
    pool = concurrent.futures.ThreadPoolExecutor(3, thread_name_prefix="pool")
    for _ in range(2):
        arrived = threading.Event()
        pool.submit(run_loop, arrived)
        arrived.wait()
    if hasattr(asyncio, "to_thread"):
        scenario.expect_task(asyncio.create_task(to_thread(), name="to_thread"), "waiting",
                             ["to_thread", "to_thread"])
    scenario.expect_task(asyncio.create_task(executor(pool), name="executor"), "waiting",
                         ["executor"])
    await scenario.idle()

scenario.run(main())
