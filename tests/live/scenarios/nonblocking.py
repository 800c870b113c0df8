"""--nonblocking on a target that stands still: complete, never stopped, and proven quiet."""
import asyncio

import scenario

DUMP = ["--nonblocking"]


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    for i in range(3):
        scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps-%d" % i), "waiting",
                             ["sleep", "sleeps"])
    await scenario.idle()

scenario.run(main())
