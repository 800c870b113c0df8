"""Default names: integers until somebody asks (3.12+); nobody does here."""
import asyncio

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.expect_task(asyncio.current_task(), "waiting", ["main"], name="Task-1")
    for number in range(2, 7):
        task = asyncio.create_task(sleeps())
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"], name="Task-%d" % number)
    scenario.ready()
    await task

scenario.run(main())
