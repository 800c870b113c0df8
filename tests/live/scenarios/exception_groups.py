"""Suspended in except*, with groups of exceptions under way."""
import asyncio

import scenario

MIN_VERSION = (3, 11)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def in_group():
    try:
        raise ExceptionGroup("two", [ValueError(), TypeError()])
    except* ValueError:
        await sleeps()


async def nested():
    try:
        try:
            raise ExceptionGroup("one", [ExceptionGroup("two", [KeyError("x")])])
        except* KeyError as group:
            raise group from None
    except* KeyError:
        await in_group()


async def main():
    scenario.expect_task(asyncio.create_task(in_group(), name="in group"), "waiting",
                         ["sleep", "sleeps", "in_group"])
    scenario.expect_task(asyncio.create_task(nested(), name="nested"), "waiting",
                         ["sleep", "sleeps", "in_group", "nested"])
    await scenario.idle()

scenario.run(main())
