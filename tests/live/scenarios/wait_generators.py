"""Waits and locks inside async generators and the context managers that are made of them."""
import asyncio
import threading

import scenario

try:
    from contextlib import asynccontextmanager
except ImportError:  # 3.6
    asynccontextmanager = None


async def locked_items(lock):
    async with lock:
        for item in range(2):
            yield item


async def waiting_items(lock):
    async with lock:
        await asyncio.sleep(scenario.HOUR)
        yield 1


async def wanting_items(lock):
    async with lock:
        yield 1


async def iterates(items):
    """Suspended in the body: the lock is held by the generator's frame, which waits at yield."""
    async for _ in items:
        await asyncio.sleep(scenario.HOUR)


async def filtered(items):
    async for item in items:
        yield item


def plain_items(lock):
    with lock:
        yield 1


async def iterates_plain(items):
    for _ in items:
        await asyncio.sleep(scenario.HOUR)


async def steps(items):
    await items.__anext__()


async def takes(lock):
    async with lock:
        pass


def spawn(function, *arguments):
    return asyncio.create_task(function(*arguments), name=function.__name__)


def expect_lock(lock, waiter, **keys):
    scenario.expect_task(waiter, "waiting", awaiting={"kind": "lock", "object": lock})
    scenario.expect_object(lock, kind="lock", state={"locked": True}, waiters=[waiter], **keys)


def held_by(task):
    return [{"task": task, "confidence": scenario.any_of("certain", "likely")}]


async def generators():
    lock = asyncio.Lock()
    holder = spawn(steps, waiting_items(lock))
    await asyncio.sleep(0)
    waiter = spawn(steps, wanting_items(lock))
    await asyncio.sleep(0)
    scenario.expect_task(holder, "waiting", ["sleep", "waiting_items", "steps"],
                         awaiting={"kind": "sleep"}, holds=[lock])
    scenario.expect_task(waiter, "waiting", ["acquire", "__aenter__", "wanting_items", "steps"],
                         holds=[])
    expect_lock(lock, waiter, holders=[holder])
    # That the loop over the generator is still open only its iterator on the stack tells.
    lock = asyncio.Lock()
    holder = spawn(iterates, locked_items(lock))
    await asyncio.sleep(0)
    waiter = spawn(takes, lock)
    await asyncio.sleep(0)
    scenario.expect_task(holder, "waiting", ["sleep", "iterates"], awaiting={"kind": "sleep"},
                         holds=[lock])
    expect_lock(lock, waiter, holders=[holder])
    # Also behind another generator, and where that is one that is not async.
    lock, thread_lock = asyncio.Lock(), threading.Lock()
    holder = spawn(iterates, filtered(locked_items(lock)))
    iterates_all = spawn(iterates_plain, plain_items(thread_lock))
    await asyncio.sleep(0)
    waiter = spawn(takes, lock)
    await asyncio.sleep(0)
    scenario.expect_task(holder, "waiting", ["sleep", "iterates"], awaiting={"kind": "sleep"},
                         holds=[lock])
    expect_lock(lock, waiter, holders=[holder])
    scenario.expect_task(iterates_all, "waiting", ["sleep", "iterates_plain"], holds=[thread_lock])


async def managers():
    semaphore = asyncio.Semaphore(1)

    @asynccontextmanager
    async def connection():
        async with semaphore:
            yield "connection"

    async def queries():
        async with connection():
            await asyncio.sleep(scenario.HOUR)

    holder = spawn(queries)
    await asyncio.sleep(0)
    waiters = [spawn(queries) for _ in range(2)]
    await asyncio.sleep(0)
    scenario.expect_task(holder, "waiting", ["sleep", "queries"], awaiting={"kind": "sleep"})
    for waiter in waiters:
        scenario.expect_task(waiter, "waiting", ["...", "connection", "__aenter__", "queries"],
                             awaiting={"kind": "semaphore", "object": semaphore})
    scenario.expect_object(semaphore, kind="semaphore", state={"value": 0}, waiters=waiters,
                           holders=held_by(holder))


async def main():
    await generators()
    if asynccontextmanager:
        await managers()
    await scenario.idle()

scenario.run(main())
