"""Lock and Event: holder and waiters in their order, subclasses, a lock taken without `with`."""
import asyncio
import threading

import scenario


class FairLock(asyncio.Lock):
    pass


class Latch(asyncio.Event):
    async def wait(self):
        return await super().wait()


class Shared:
    lock = None  # an attribute of the class

    async def uses(self):
        async with self.lock:
            await asyncio.sleep(scenario.HOUR)


async def holds_thread_condition(condition):
    with condition:
        await asyncio.sleep(scenario.HOUR)


async def holds(lock):
    async with lock:
        await asyncio.sleep(scenario.HOUR)


async def holds_both(first, second):
    async with first:
        async with second:
            await asyncio.sleep(scenario.HOUR)


async def holds_below(lock):
    async with lock:
        await holds_nothing()


async def holds_nothing():
    await asyncio.sleep(scenario.HOUR)


async def takes(lock):
    async with lock:
        pass


async def takes_below(lock):
    await takes(lock)


async def acquires(lock):
    await lock.acquire()
    await asyncio.sleep(scenario.HOUR)


def spawn(function, *arguments, name=None):
    return asyncio.create_task(function(*arguments), name=name or function.__name__)


async def queue_up(lock, holder, holds, *functions, **keys):
    """`holder` holds it, and behind it there is a task for each function."""
    waiters = [spawn(function, lock) for function in functions]
    await asyncio.sleep(0)
    for waiter in waiters:
        scenario.expect_task(waiter, "waiting", awaiting={
            "kind": "lock", "object": lock, "has_timeout": False}, holds=[])
    scenario.expect_task(holder, "waiting", awaiting={"kind": "sleep"}, holds=holds)
    scenario.expect_object(lock, kind="lock", waiters=waiters, state={"locked": True}, **keys)


async def main():
    lock, outer, inner, below = (asyncio.Lock() for _ in range(4))
    fair, bare = FairLock(), asyncio.Lock()
    holders = {lock: spawn(holds, lock), below: spawn(holds_below, below),
               fair: spawn(holds, fair), bare: spawn(acquires, bare)}
    both = spawn(holds_both, outer, inner)
    await asyncio.sleep(0)
    await queue_up(lock, holders[lock], [lock], takes, takes_below, takes, holders=[holders[lock]],
                   type="asyncio.locks.Lock", name=scenario.any_of("lock", None))
    await queue_up(below, holders[below], [below], takes, holders=[holders[below]])
    await queue_up(fair, holders[fair], [fair], takes, takes, holders=[holders[fair]],
                   type="__main__.FairLock")
    await queue_up(outer, both, [outer, inner], takes, holders=[both])
    await queue_up(inner, both, [outer, inner], takes, takes, holders=[both])
    await queue_up(bare, holders[bare], [], takes, holders={"any_of": [
        [], [{"task": holders[bare], "confidence": "possible"}]]})
    Shared.lock = asyncio.Lock()
    user = spawn(Shared().uses)
    condition = threading.Condition()
    holder = spawn(holds_thread_condition, condition)
    await asyncio.sleep(0)
    scenario.expect_task(user, "waiting", holds=[Shared.lock])
    scenario.expect_object(Shared.lock, kind="lock", name="Shared.lock", holders=[user])
    scenario.expect_task(holder, "waiting", holds=[condition._lock])
    scenario.expect_object(condition._lock, kind="thread_lock", name="condition._lock")
    for event in (asyncio.Event(), Latch()):
        waiters = [spawn(event.wait, name="waits") for _ in range(2)]
        for waiter in waiters:
            scenario.expect_task(waiter, "waiting", ["wait", "..."], awaiting={
                "kind": "event", "object": event}, holds=[])
        scenario.expect_object(event, kind="event", waiters=set(waiters), holders=[],
                               state={"set": False})
    scenario.expect_ok()
    await scenario.idle()

scenario.run(main())
