"""asyncio.timeout: what is left, of the nearest one where they are nested; none where it is None or over."""
import asyncio

import scenario

MIN_VERSION = (3, 11)
NEAR = scenario.HOUR / 2
event = asyncio.Event()


async def limited():
    async with asyncio.timeout(scenario.HOUR):
        await event.wait()


async def limited_outside():
    async with asyncio.timeout(NEAR):
        async with asyncio.timeout(scenario.HOUR):
            await event.wait()


async def limited_inside():
    async with asyncio.timeout(scenario.HOUR):
        async with asyncio.timeout(None):
            async with asyncio.timeout(NEAR):
                await event.wait()


async def rescheduled():
    async with asyncio.timeout(scenario.HOUR) as limit:
        limit.reschedule(asyncio.get_running_loop().time() + NEAR)
        await event.wait()


async def called():
    async with asyncio.timeout(NEAR):
        await unlimited()


async def unlimited():
    async with asyncio.timeout(None):
        await event.wait()


async def expired():
    async with asyncio.timeout(0):
        await in_spite_of_it()


async def in_spite_of_it():
    try:
        await event.wait()
    finally:
        await event.wait()


async def main():
    start = asyncio.get_running_loop().time()
    limits = {limited: scenario.HOUR, limited_outside: NEAR, limited_inside: NEAR,
              rescheduled: NEAR, called: NEAR, unlimited: None, expired: None}
    for function, seconds in limits.items():
        left = None if seconds is None else scenario.until(start + seconds, slack=20)
        task = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(task, "waiting", ["wait", "...", function.__name__], awaiting={
            "kind": "event", "object": event, "has_timeout": seconds is not None,
            "deadline_s": left})
    await asyncio.sleep(0.01)
    await scenario.idle()
    event.set()

scenario.run(main())
