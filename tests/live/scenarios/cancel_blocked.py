"""A cancelled task that blocks while it handles that, below coroutines that only pass it on."""
import asyncio
import threading

import scenario


async def cleans_up():
    try:
        await asyncio.sleep(scenario.HOUR)
    except asyncio.CancelledError:
        scenario.block()


async def works(lock):
    async with lock:
        await cleans_up()


async def handles(lock):
    await works(lock)


async def main():
    lock = asyncio.Lock()
    task = asyncio.create_task(handles(lock), name="handles")
    await asyncio.sleep(0)
    task.cancel()
    scenario.expect_task(task, "running", ["block", "cleans_up", "works", "handles"], holds=[lock])
    scenario.expect_thread(threading.get_ident(), current_task=hex(id(task)))
    await asyncio.sleep(scenario.HOUR)

scenario.run(main())
