"""A task that blocks its loop holds what its frames have open: locks of asyncio and of threads.

Its twin has left a lock, and is called where no lock is open any more.
"""
import asyncio
import contextlib
import threading

import scenario

SECOND_LOOK = True


class Gate:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


@contextlib.contextmanager
def opened(gate):
    with gate:
        yield gate


def blocks(lock, left):
    with left:
        pass
    with lock:
        scenario.block()


async def passes(manager, other, behind, lock, left):
    with manager, other:
        async with behind:
            pass
        blocks(lock, left)


async def holds(outer, *others):
    async with outer:
        await asyncio.sleep(0)
        await passes(*others)


async def wants(lock):
    async with lock:
        pass


async def main():
    outer, behind, gate, other = asyncio.Lock(), asyncio.Lock(), Gate(), Gate()
    lock, left = threading.Lock(), threading.Lock()
    manager = opened(gate)
    holder = asyncio.create_task(holds(outer, manager, other, behind, lock, left), name="holds")
    waiters = [asyncio.create_task(wants(outer), name="wants") for _ in range(2)]
    scenario.expect_task(holder, "running", ["block", "...", "blocks", "passes", "holds"],
                         holds=[outer, manager, gate, other, lock])
    for waiter in waiters:
        scenario.expect_task(waiter, "waiting", awaiting={"kind": "lock", "object": outer})
    scenario.expect_object(outer, waiters=waiters, holders=[holder])
    scenario.expect_object(lock, kind="thread_lock", state={"locked": True},
                           holders=[{"task": holder, "confidence": "certain"}])
    scenario.expect_finding("LOOP_BLOCKED", "likely")
    scenario.allow_findings("LOCK_PILEUP")
    await holder

scenario.run(main())
