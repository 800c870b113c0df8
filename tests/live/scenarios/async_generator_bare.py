"""An async generator's anext as the task's own await, and cleanup while a loop is left."""
import asyncio

import scenario


class Closing:
    """contextlib.aclosing, which is there from 3.10 on."""
    def __init__(self, generator):
        self.generator = generator

    async def __aenter__(self):
        return self.generator

    async def __aexit__(self, *exception):
        await self.generator.aclose()


async def with_cleanup():
    try:
        while True:
            yield 1
    finally:
        await asyncio.sleep(scenario.HOUR)


async def left_early():
    async with Closing(with_cleanup()) as numbers:
        async for _ in numbers:
            break


async def waits_for(task):
    yield await task


async def consumer(task):
    await waits_for(task).__anext__()


async def main():
    closing = asyncio.create_task(left_early(), name="closing")
    waiting = asyncio.create_task(consumer(asyncio.current_task()), name="waiting")
    scenario.expect_task(closing, "waiting", ["sleep", "with_cleanup", "__aexit__", "left_early"])
    scenario.expect_task(waiting, "waiting", ["waits_for", "consumer"])
    await scenario.idle()

scenario.run(main())
