"""A chain of 2,000 coroutines; outside tools give up at 1,024."""
import asyncio
import sys

import scenario

DEPTH = 2000
sys.setrecursionlimit(20000)


async def descend(depth):
    if depth == 0:
        await asyncio.sleep(scenario.HOUR)
    else:
        await descend(depth - 1)


async def main():
    task = asyncio.create_task(descend(DEPTH), name="very deep")
    scenario.expect_task(task, "waiting", ["sleep"] + ["descend"] * (DEPTH + 1))
    await scenario.idle()

scenario.run(main())
