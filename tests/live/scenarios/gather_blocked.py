"""A gathered task blocks in a synchronous call; a task group's too where there are any."""
import asyncio

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def deep():
    scenario.block()


async def blocks():
    await deep()


async def gathers():
    await asyncio.gather(sleeps(), blocks())


async def groups():
    async with asyncio.TaskGroup() as group:
        scenario.expect_task(group.create_task(sleeps(), name="grouped"), "waiting",
                             ["sleep", "sleeps"])


async def main():
    if hasattr(asyncio, "TaskGroup"):
        scenario.expect_task(asyncio.create_task(groups(), name="groups"), "waiting",
                             ["...", "groups"])
        await asyncio.sleep(0)
    scenario.expect_task(asyncio.create_task(gathers(), name="gathers"), "waiting", ["gathers"])
    await asyncio.sleep(scenario.HOUR)

scenario.run(main())
