"""Waiters of locks, events, conditions, semaphores, barriers and queues."""
import asyncio

import scenario


async def lock_holder(lock):
    async with lock:
        await asyncio.sleep(scenario.HOUR)


async def lock_waiter(lock):
    async with lock:
        pass


async def condition_waiter(condition):
    async with condition:
        await condition.wait_for(lambda: False)


async def semaphore_waiter(semaphore):
    async with semaphore:
        pass


async def full_queue():
    queue = asyncio.Queue(1)
    await queue.put(1)
    await queue.put(2)


async def unfinished_queue():
    queue = asyncio.PriorityQueue()
    queue.put_nowait(1)
    await queue.join()


async def main():
    lock = asyncio.Lock()
    waits = [
        ("holder", lock_holder(lock), ["sleep", "lock_holder"]),
        ("lock", lock_waiter(lock), ["acquire", "__aenter__", "lock_waiter"]),
        ("event", asyncio.Event().wait(), ["wait"]),
        ("condition", condition_waiter(asyncio.Condition()),
         ["wait", "wait_for", "condition_waiter"]),
        ("semaphore", semaphore_waiter(asyncio.Semaphore(0)),
         ["acquire", "__aenter__", "semaphore_waiter"]),
        ("get", asyncio.LifoQueue().get(), ["get"]),
        ("put", full_queue(), ["put", "full_queue"]),
        ("join", unfinished_queue(), ["...", "join", "unfinished_queue"]),
    ]
    if hasattr(asyncio, "Barrier"):
        waits.append(("barrier", asyncio.Barrier(2).wait(), ["...", "_wait", "wait"]))
    for name, coroutine, stack in waits:
        task = asyncio.create_task(coroutine, name=name)
        scenario.expect_task(task, "waiting", stack, name=name)
    await scenario.idle()

scenario.run(main())
