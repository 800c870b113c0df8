"""Locks that nobody has though a frame stands in `async with`, and waits that a plain future ends: no deadlock."""
import asyncio

import scenario

SECOND_LOOK = True


async def lets_go(lock):
    """As the wait() of a condition: others have the lock meanwhile."""
    async with lock:
        lock.release()
        try:
            await asyncio.sleep(scenario.HOUR)
        finally:
            await lock.acquire()


async def waits_in_task(condition, tasks):
    """The task that runs wait() has released the lock; wait_for() makes one, too, up to 3.11."""
    async with condition:
        tasks.append(asyncio.create_task(condition.wait(), name="wait"))
        await tasks[0]


async def works(condition):
    async with condition:
        await asyncio.sleep(scenario.HOUR)


async def takes(lock):
    async with lock:
        pass


async def waits_for_any(lock, future, tasks):
    async with lock:
        tasks.append(asyncio.create_task(takes(lock), name="takes"))
        await asyncio.wait({tasks[0], future}, return_when=asyncio.FIRST_COMPLETED)


async def waits_one_by_one(lock, future, tasks):
    async with lock:
        tasks.append(asyncio.create_task(takes(lock), name="takes"))
        for result in asyncio.as_completed({tasks[0], future}):
            await result


async def unlocked(lock):
    lender = asyncio.create_task(lets_go(lock), name="lets go")
    await asyncio.sleep(0)
    scenario.expect_task(lender, "waiting", ["sleep", "lets_go"], holds=[])


async def lent(condition):
    tasks = []
    lender = asyncio.create_task(waits_in_task(condition, tasks), name="lender")
    await asyncio.sleep(0.01)
    owner = asyncio.create_task(works(condition), name="owner")
    await asyncio.sleep(0)
    # As notify() does: the task takes the lock again, which another has now.
    condition._waiters[0].set_result(False)
    await asyncio.sleep(0.01)
    lock = condition._lock
    scenario.expect_task(lender, "waiting", ["waits_in_task"], awaiting={
        "kind": "task", "tasks": tasks}, holds=[])
    scenario.expect_task(tasks[0], "waiting", awaiting={"kind": "lock", "object": lock}, holds=[])
    scenario.expect_task(owner, "waiting", ["sleep", "works"], holds=[lock])
    scenario.expect_object(lock, kind="lock", waiters=tasks, holders=[owner])


async def any_of_several(function):
    lock, tasks = asyncio.Lock(), []
    future = asyncio.get_event_loop().create_future()
    asyncio.get_event_loop().call_later(scenario.HOUR, future.set_result, None)
    waiter = asyncio.create_task(function(lock, future, tasks), name=function.__name__)
    await asyncio.sleep(0.01)
    scenario.expect_task(waiter, "waiting", awaiting={
        "kind": "wait", "any_task": True, "tasks": tasks, "total": 2}, holds=[lock])
    scenario.expect_task(tasks[0], "waiting", awaiting={"kind": "lock", "object": lock})


async def main():
    await unlocked(asyncio.Lock())
    await lent(asyncio.Condition())
    for function in (waits_for_any, waits_one_by_one):
        await any_of_several(function)
    scenario.expect_ok()
    await scenario.idle()

scenario.run(main())
