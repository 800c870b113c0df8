"""A task that many awaited and some gave up: only those that still wait are named."""
import asyncio

import scenario


async def leaf():
    await asyncio.sleep(scenario.HOUR)


async def awaiter(task):
    await asyncio.wait([task])


async def direct(task):
    await task


async def main():
    task = asyncio.create_task(leaf(), name="leaf")
    awaiters = [asyncio.create_task(awaiter(task), name="awaiter-%d" % i) for i in range(12)]
    last = asyncio.create_task(direct(task), name="direct")
    await asyncio.sleep(0.01)
    for i in range(0, 12, 2):
        awaiters[i].cancel()
    await asyncio.sleep(0.01)
    left = [hex(id(other)) for other in awaiters[1::2]] + [hex(id(last))]
    scenario.expect_task(task, "waiting", ["sleep", "leaf"],
                         awaited_by={"includes": [hex(id(last))], "within": left})
    del awaiters[::2]
    await scenario.idle()

scenario.run(main())
