"""Three tasks asleep under a main task that waits for the last."""
import asyncio

import scenario


async def sleeper(seconds):
    await asyncio.sleep(seconds)


async def main():
    tasks = [asyncio.create_task(sleeper(scenario.HOUR + i), name="sleeper-%d" % i)
             for i in range(3)]
    for task in tasks:
        scenario.expect_task(task, "waiting", ["sleep", "sleeper"])
    scenario.ready()
    await tasks[-1]

scenario.run(main())
