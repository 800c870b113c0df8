"""Locks as they were taken before async with: yield from and await, held and waited for."""
import asyncio
import warnings

import scenario

MAX_VERSION = (3, 8)
warnings.simplefilter("ignore", DeprecationWarning)


@asyncio.coroutine
def holds(lock):
    with (yield from lock):
        yield from asyncio.sleep(scenario.HOUR)


@asyncio.coroutine
def waits(lock):
    with (yield from lock):
        pass


async def awaits(lock):
    with await lock:
        pass


async def main():
    lock, semaphore, condition = asyncio.Lock(), asyncio.Semaphore(0), asyncio.Condition()
    await condition.acquire()
    holder = asyncio.ensure_future(holds(lock))
    scenario.expect_task(holder, "waiting", ["sleep", "holds"])
    await asyncio.sleep(0)
    for primitive in (lock, semaphore, condition):
        scenario.expect_task(asyncio.ensure_future(waits(primitive)), "waiting",
                             ["acquire", "...", "waits"])
        scenario.expect_task(asyncio.ensure_future(awaits(primitive)), "waiting",
                             ["acquire", "...", "awaits"])
    await scenario.idle()

scenario.run(main())
