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
    scenario.expect_task(holder, "waiting", ["sleep", "holds"], holds=[lock])
    await asyncio.sleep(0)
    for primitive, kind in ((lock, "lock"), (semaphore, "semaphore"), (condition, "lock")):
        waiters = []
        for function in (waits, awaits):
            waiters.append(asyncio.ensure_future(function(primitive)))
            scenario.expect_task(waiters[-1], "waiting", ["acquire", "...", function.__name__],
                                 awaiting={"kind": kind,
                                           "object": getattr(primitive, "_lock", primitive)})
        scenario.expect_object(getattr(primitive, "_lock", primitive), kind=kind, waiters=waiters)
    scenario.expect_object(lock, holders=[holder], state={"locked": True})
    await scenario.idle()

scenario.run(main())
