"""The hang of two tasks that take two locks in opposite order; others queue behind them."""
import asyncio
import sys

import scenario

SMOKE = True
SECOND_LOOK = True


async def transfer(first, second):
    async with first:
        await asyncio.sleep(0)
        async with second:
            pass


async def takes(lock):
    async with lock:
        pass


async def main():
    lock_a, lock_b = asyncio.Lock(), asyncio.Lock()
    one = asyncio.create_task(transfer(lock_a, lock_b), name="t-ab")
    other = asyncio.create_task(transfer(lock_b, lock_a), name="t-ba")
    await asyncio.sleep(0.01)
    queued = [asyncio.create_task(takes(lock_a), name="queued-%d" % i) for i in range(4)]
    stack = ["acquire", "__aenter__", "transfer"]
    for task, held, wanted in ((one, lock_a, lock_b), (other, lock_b, lock_a)):
        scenario.expect_task(task, "waiting", stack, holds=[held], moved=False, idle=False,
                             awaiting={"kind": "lock", "object": wanted})
    scenario.expect_object(lock_a, kind="lock", state={"locked": True}, holders=[one],
                           waiters=[other] + queued)
    scenario.expect_object(lock_b, kind="lock", state={"locked": True}, holders=[other],
                           waiters=[one])
    scenario.expect_finding("DEADLOCK", "certain", tasks=[one, other], objects=[lock_a, lock_b],
                            contains=["transfer", "Lock#"])
    names = ("t-ab", "t-ba") if sys.version_info >= (3, 8) else ("transfer",)
    scenario.expect_first_lines("DEADLOCK", "certain", "Lock#1", "Lock#2", *names, at_most=60)
    scenario.ready()
    await asyncio.gather(one, other, *queued)

scenario.run(main())
