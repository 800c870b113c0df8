"""asyncio.timeout: around a sleep, nested, without a limit."""
import asyncio

import scenario

MIN_VERSION = (3, 11)


async def limited():
    async with asyncio.timeout(scenario.HOUR):
        await asyncio.sleep(2 * scenario.HOUR)


async def unlimited():
    async with asyncio.timeout(None):
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + scenario.HOUR):
            await asyncio.get_running_loop().create_future()


async def main():
    left = scenario.until(asyncio.get_running_loop().time() + scenario.HOUR, slack=20)
    scenario.expect_task(asyncio.create_task(limited(), name="limited"), "waiting",
                         ["sleep", "limited"], awaiting={"kind": "sleep", "has_timeout": True,
                                                         "deadline_s": left})
    scenario.expect_task(asyncio.create_task(unlimited(), name="unlimited"), "waiting",
                         ["unlimited"])
    await scenario.idle()

scenario.run(main())
