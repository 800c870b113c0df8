"""Semaphores with several holders, conditions that are waited for, notified and taken, barriers."""
import asyncio

import scenario


async def holds(semaphore):
    async with semaphore:
        await asyncio.sleep(scenario.HOUR)


async def takes(semaphore):
    async with semaphore:
        pass


async def waits(condition):
    async with condition:
        await condition.wait()


async def waits_for(condition):
    async with condition:
        await condition.wait_for(lambda: False)


def spawn(function, *arguments):
    return asyncio.create_task(function(*arguments), name=function.__name__)


async def semaphores():
    for semaphore, bound in ((asyncio.Semaphore(2), None), (asyncio.BoundedSemaphore(3), 3)):
        holders = [spawn(holds, semaphore) for _ in range(bound or 2)]
        waiters = [spawn(takes, semaphore) for _ in range(3)]
        await asyncio.sleep(0)
        state = {"value": 0} if bound is None else {"value": 0, "bound": bound}
        scenario.expect_object(semaphore, kind="semaphore", state=state, waiters=waiters,
                               holders=holders)
        for holder in holders:
            scenario.expect_task(holder, "waiting", awaiting={"kind": "sleep"}, holds=[semaphore])
        for waiter in waiters:
            scenario.expect_task(waiter, "waiting", awaiting={
                "kind": "semaphore", "object": semaphore}, holds=[])
    free = asyncio.Semaphore(2)
    holder = spawn(holds, free)
    await asyncio.sleep(0)
    scenario.expect_task(holder, "waiting", holds=[free])


async def conditions():
    """Some wait, one has it, others want it: those wait for the lock inside."""
    condition = asyncio.Condition()
    waiters = [spawn(function, condition) for function in (waits, waits_for, waits)]
    await asyncio.sleep(0)
    holder = spawn(holds, condition)
    await asyncio.sleep(0)
    takers = [spawn(takes, condition) for _ in range(2)]
    await asyncio.sleep(0)
    for waiter in waiters:
        scenario.expect_task(waiter, "waiting", awaiting={"kind": "condition",
                                                          "object": condition})
    for taker in takers:
        scenario.expect_task(taker, "waiting", awaiting={"kind": "lock",
                                                         "object": condition._lock}, holds=[])
    held = [{"pluck": ["object", {"set": option}]} for option in (
        [condition], [condition._lock], [condition, condition._lock])]
    scenario.expect_task(holder, "waiting", holds=scenario.any_of(*held))
    scenario.expect_object(condition, kind="condition", waiters=waiters, state={"locked": True})
    scenario.expect_object(condition._lock, kind="lock", waiters=takers, state={"locked": True},
                           holders=[holder])


async def notified():
    """A task that was woken and waits for the lock again, which the one that woke it keeps."""
    condition = asyncio.Condition()
    waiter = spawn(waits, condition)
    await asyncio.sleep(0)

    async def notifies():
        async with condition:
            condition.notify()
            await asyncio.sleep(scenario.HOUR)
    notifier = spawn(notifies)
    await asyncio.sleep(0.01)
    scenario.expect_task(waiter, "waiting", ["acquire", "wait", "waits"], awaiting={
        "kind": "lock", "object": condition._lock})
    scenario.expect_object(condition._lock, kind="lock", waiters=[waiter],
                           state={"locked": True}, holders=[notifier])


async def barriers():
    barrier = asyncio.Barrier(3)
    waiters = [asyncio.create_task(barrier.wait(), name="barrier") for _ in range(2)]
    await asyncio.sleep(0)
    for waiter in waiters:
        scenario.expect_task(waiter, "waiting", ["...", "wait"], awaiting={"kind": "barrier",
                                                                           "object": barrier})
    scenario.expect_object(barrier, kind="barrier", waiters=set(waiters),
                           state={"parties": 3, "count": 2})


async def main():
    await semaphores()
    await conditions()
    await notified()
    if hasattr(asyncio, "Barrier"):
        await barriers()
    await scenario.idle()

scenario.run(main())
