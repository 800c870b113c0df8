"""Chains of every link there is: coroutine, generator, wrapper, async generator, again and again."""
import asyncio
import types

import scenario

ROUNDS = 30


class Wrapped:
    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        return self.coroutine.__await__()


@types.coroutine
def generator(depth):
    yield from link(depth - 1)


async def numbers(depth):
    await link(depth - 1)
    yield 1


async def through_async_for(depth):
    async for _ in numbers(depth):
        pass


async def through_anext(depth):
    await numbers(depth).__anext__()


async def through_wrapper(depth):
    await Wrapped(link(depth - 1))


KINDS = (generator, through_async_for, through_anext, through_wrapper)


async def link(depth):
    if depth == 0:
        await asyncio.sleep(scenario.HOUR)
    else:
        await KINDS[depth % len(KINDS)](depth)


async def main():
    task = asyncio.create_task(link(ROUNDS * len(KINDS)), name="crossing")
    scenario.expect_task(task, "waiting", ["sleep", "link", "...", "link"])
    await scenario.idle()

scenario.run(main())
