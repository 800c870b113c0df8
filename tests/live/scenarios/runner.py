"""asyncio.Runner: the second run of the same loop."""
import asyncio

import scenario

MIN_VERSION = (3, 11)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def first():
    scenario.expect_task(asyncio.create_task(sleeps(), name="from the first run"), "waiting",
                         ["sleep", "sleeps"])
    await asyncio.sleep(0)


async def second():
    await scenario.idle()


with asyncio.Runner() as runner:
    runner.run(first())
    runner.run(second())
