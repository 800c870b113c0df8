"""Task groups: leaving one, still in the body of one, nested."""
import asyncio

import scenario

MIN_VERSION = (3, 11)


async def child():
    await asyncio.sleep(scenario.HOUR)


async def leaving():
    async with asyncio.TaskGroup() as group:
        for i in range(2):
            scenario.expect_task(group.create_task(child(), name="left-%d" % i), "waiting",
                                 ["sleep", "child"])


async def in_body():
    async with asyncio.TaskGroup() as group:
        group.create_task(child(), name="beside the body")
        await asyncio.sleep(scenario.HOUR)


async def nested():
    async with asyncio.TaskGroup() as outer:
        outer.create_task(child(), name="outer child")
        async with asyncio.TaskGroup() as inner:
            inner.create_task(child(), name="inner child")


async def main():
    async with asyncio.TaskGroup() as group:
        scenario.expect_task(group.create_task(leaving(), name="leaving"), "waiting",
                             ["...", "__aexit__", "leaving"])
        scenario.expect_task(group.create_task(in_body(), name="in body"), "waiting",
                             ["sleep", "in_body"])
        scenario.expect_task(group.create_task(nested(), name="nested"), "waiting",
                             ["...", "__aexit__", "nested"])
        scenario.expect_task(asyncio.current_task(), "waiting", ["...", "__aexit__", "main"])
        scenario.ready()

scenario.run(main())
