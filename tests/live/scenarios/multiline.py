"""Await expressions over several lines, long lines, wide characters before the column."""
import asyncio

import scenario

SMOKE = True


async def argument(value):
    await asyncio.sleep(
        scenario.HOUR
        + value,
    )


async def spread():
    await argument(
        1
    ) if scenario.HOUR else None


async def second_of_two():
    return (await asyncio.sleep(0),
            await asyncio.sleep(
                scenario.HOUR))


async def chained():
    return (
        asyncio
        .Event()
        .wait()
        , await asyncio
        .sleep(
            scenario.HOUR
        )
    )[1]


async def wide():
    prefix = "中文"; café = "🐍🐍"; await asyncio.sleep(scenario.HOUR, (prefix, café))


async def far_right():
    return [                                                                                                                                                                                                                                                                                         await asyncio.sleep(scenario.HOUR)]


async def in_operators():
    return 1 + 2 * (await asyncio.sleep(0, 3)) ** (await asyncio.sleep(scenario.HOUR, 2))


async def in_call():
    print("%s %s" % (await asyncio.sleep(0), await asyncio.sleep(scenario.HOUR)), end="", **{
        "file": None})


async def main():
    for function in (spread, second_of_two, chained, wide, far_right, in_operators, in_call):
        task = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(task, "waiting", ["sleep", "...", function.__name__])
    await scenario.idle()

scenario.run(main())
