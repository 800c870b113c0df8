"""Await expressions inside f-strings, whose positions were wrong in many versions."""
import asyncio

import scenario

MIN_VERSION = (3, 7)


async def short():
    print(f"{await asyncio.sleep(0)} {await asyncio.sleep(scenario.HOUR)}")


async def spread():
    return f"""
        {1} {{
        {await asyncio.sleep(scenario.HOUR,
                             2)!r:>10}
    """


async def nested():
    return f"{1:{await asyncio.sleep(scenario.HOUR, 2)}}"


async def main():
    for function in (short, spread, nested):
        task = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(task, "waiting", ["sleep", function.__name__])
    await scenario.idle()

scenario.run(main())
