"""Eager tasks after their first await, nested, and one that ended in its first step."""
import asyncio

import scenario

SMOKE = True
MIN_VERSION = (3, 12)


async def child():
    await asyncio.sleep(scenario.HOUR)


async def parent():
    task = asyncio.create_task(child(), name="child")
    scenario.expect_task(task, "waiting", ["sleep", "child"])
    await task


async def short():
    return 1


async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    scenario.expect_task(asyncio.create_task(parent(), name="parent"), "waiting", ["parent"])
    ended = asyncio.create_task(short(), name="short")
    scenario.expect_task(ended, "done", optional=True)
    await scenario.idle()

scenario.run(main())
