"""A task holds a threading.Lock across an await; the thread of the loop then waits for that lock."""
import asyncio
import threading

import scenario

SECOND_LOOK = True


async def holds(lock):
    with lock:
        await asyncio.sleep(0.3)


def increments(lock):
    scenario.ready()
    with lock:
        pass


async def wants(lock):
    await asyncio.sleep(0)
    increments(lock)


async def main():
    lock = threading.Lock()
    holder = asyncio.create_task(holds(lock), name="holds")
    waiter = asyncio.create_task(wants(lock), name="wants")
    scenario.expect_task(holder, scenario.any_of("waiting", "ready"), ["sleep", "holds"],
                         holds=[lock])
    scenario.expect_task(waiter, "running", ["increments", "wants"])
    scenario.expect_object(lock, kind="thread_lock", state={"locked": True},
                           holders={"items": [{"task": holder}]})
    scenario.expect_finding("THREAD_LOCK_ACROSS_AWAIT", "likely", tasks={"includes": [holder]},
                            objects=[lock], contains=["holds", "increments"])
    scenario.allow_findings("LOOP_BLOCKED")
    scenario.expect_first_lines("BLOCKED", "which suspended", "holds")
    await waiter

scenario.run(main())
