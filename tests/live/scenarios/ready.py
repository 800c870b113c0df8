"""Tasks that would run if the loop were free."""
import asyncio

import scenario

SMOKE = True


async def yields():
    while True:
        await asyncio.sleep(0)


async def waits(future):
    await future


async def returns():
    return 1


async def main():
    future = asyncio.get_event_loop().create_future()
    yielding = asyncio.create_task(yields(), name="yields")
    waiting = asyncio.create_task(waits(future), name="future is done")
    finished = asyncio.create_task(returns(), name="finished")
    on_task = asyncio.create_task(waits(finished), name="waits for one that is done")
    await asyncio.sleep(0)
    future.set_result(None)
    scenario.expect_task(yielding, "ready", ["...", "yields"])
    scenario.expect_task(waiting, "ready", ["waits"])
    scenario.expect_task(on_task, optional=True)
    scenario.expect_task(finished, optional=True)
    scenario.expect_task(asyncio.current_task(), "running", ["block", "main"])
    scenario.block()

scenario.run(main())
