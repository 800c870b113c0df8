"""The same coroutine twenty deep: suspended in one task, running in another."""
import asyncio

import scenario

DEPTH = 20


async def descend(depth, last):
    if depth == 0:
        await last()
        return
    await descend(depth - 1, last)


async def forever():
    await asyncio.sleep(scenario.HOUR)


async def blocked():
    scenario.block()


async def main():
    suspended = asyncio.create_task(descend(DEPTH, forever), name="suspended")
    await asyncio.sleep(0)
    running = asyncio.create_task(descend(DEPTH, blocked), name="running")
    own = ["descend"] * (DEPTH + 1)
    scenario.expect_task(suspended, "waiting", ["sleep", "forever"] + own)
    scenario.expect_task(running, "running", ["block", "blocked"] + own)
    await running

scenario.run(main())
