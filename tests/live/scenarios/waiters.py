"""wait, wait_for, shield and as_completed around a sleeping task."""
import asyncio

import scenario


async def child():
    await asyncio.sleep(scenario.HOUR)


def spawn(name):
    return asyncio.create_task(child(), name=name)


async def use_wait():
    await asyncio.wait([spawn("waited-0"), spawn("waited-1")])


async def use_wait_timeout():
    await asyncio.wait([spawn("waited-2")], timeout=scenario.HOUR)


async def use_wait_for():
    await asyncio.wait_for(child(), scenario.HOUR)


async def use_wait_for_task():
    await asyncio.wait_for(spawn("waited for"), None)


async def use_shield():
    await asyncio.shield(spawn("shielded"))


async def use_as_completed():
    for completed in asyncio.as_completed([spawn("first"), spawn("second")]):
        await completed


async def main():
    for function in (use_wait, use_wait_timeout, use_wait_for, use_wait_for_task, use_shield,
                     use_as_completed):
        task = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(task, "waiting", ["...", function.__name__])
    await scenario.idle()

scenario.run(main())
