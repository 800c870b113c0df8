"""Generators made coroutines by asyncio.coroutine, alone and in a chain with async def."""
import asyncio
import warnings

import scenario

MAX_VERSION = (3, 10)
warnings.simplefilter("ignore", DeprecationWarning)


@asyncio.coroutine
def sleeps():
    yield from asyncio.sleep(scenario.HOUR)


@asyncio.coroutine
def delegates(awaitable):
    return (yield from awaitable)


@asyncio.coroutine
def no_generator(future):
    return future


async def modern():
    await delegates(native())


async def native():
    await sleeps()


async def main():
    stacks = [(sleeps(), ["sleep", "sleeps"]),
              (delegates(native()), ["sleep", "sleeps", "native", "delegates"]),
              (modern(), ["sleep", "sleeps", "native", "delegates", "modern"]),
              (no_generator(asyncio.get_event_loop().create_future()), ["coro"])]
    for coroutine, stack in stacks:
        scenario.expect_task(asyncio.ensure_future(coroutine), "waiting", stack)
    await scenario.idle()

scenario.run(main())
