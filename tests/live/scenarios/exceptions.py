"""Suspended in except, finally, else, while an exception travels."""
import asyncio

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def in_except():
    try:
        raise ValueError
    except ValueError:
        await sleeps()


async def in_finally():
    try:
        raise KeyError("x")
    finally:
        await sleeps()


async def in_else():
    try:
        pass
    except OSError:
        pass
    else:
        await sleeps()


async def thrown_into():
    try:
        await sleeps()
    except asyncio.CancelledError:
        try:
            raise
        finally:
            await sleeps()


async def main():
    tasks = {}
    for function in (in_except, in_finally, in_else, thrown_into):
        tasks[function] = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(tasks[function], "waiting", ["sleep", "sleeps", function.__name__])
    await asyncio.sleep(0)
    tasks[thrown_into].cancel()
    await scenario.idle()

scenario.run(main())
