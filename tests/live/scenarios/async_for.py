"""async for over async generators, nested, and in an async comprehension."""
import asyncio

import scenario


async def numbers():
    yield 1
    await asyncio.sleep(scenario.HOUR)
    yield 2


async def doubled():
    async for number in numbers():
        yield number * 2


async def plain():
    async for number in numbers():
        del number


async def nested():
    async for number in doubled():
        del number


async def comprehension():
    return [number async for number in doubled()]


async def main():
    tasks = {function: asyncio.create_task(function(), name=function.__name__)
             for function in (plain, nested, comprehension)}
    scenario.expect_task(tasks[plain], "waiting", ["sleep", "numbers", "plain"])
    scenario.expect_task(tasks[nested], "waiting", ["sleep", "numbers", "doubled", "nested"])
    scenario.expect_task(tasks[comprehension], "waiting",
                         ["sleep", "numbers", "doubled", "...", "comprehension"])
    await scenario.idle()

scenario.run(main())
