"""A lock that a task took without `with`, and ended: nobody is left to release it."""
import asyncio

import scenario

SECOND_LOOK = True


async def takes_for_good(lock):
    await lock.acquire()


async def wants(lock):
    async with lock:
        pass


async def leak():
    """No frame has the lock afterwards but those that want it."""
    lock = asyncio.Lock()
    await asyncio.create_task(takes_for_good(lock))
    waiters = [asyncio.create_task(wants(lock), name="wants-%d" % i) for i in range(3)]
    scenario.expect_object(lock, kind="lock", state={"locked": True}, waiters=waiters, holders=[])
    scenario.expect_finding("LEAKED_LOCK", "likely", tasks={"includes": waiters}, objects=[lock],
                            contains=["Lock#1"])
    for task in waiters:
        scenario.expect_task(task, "waiting", ["acquire", "__aenter__", "wants"],
                             awaiting={"kind": "lock", "object": lock}, holds=[])
    return waiters


async def main():
    waiters = await leak()
    scenario.options(extra_finished=True)
    scenario.expect_first_lines("LEAKED LOCK", "Lock#1")
    scenario.ready()
    await asyncio.gather(*waiters)

scenario.run(main())
