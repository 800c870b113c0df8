"""Generators as coroutines: types.coroutine, and __await__ written as a generator."""
import asyncio
import types

import scenario

SMOKE = True


class Ticket:
    def __await__(self):
        result = yield from old_style(asyncio.sleep(scenario.HOUR))
        return result


@types.coroutine
def old_style(awaitable):
    result = yield from awaitable
    return result


class Nested:
    async def inner(self):
        await Ticket()

    def __await__(self):
        return (yield from old_style(self.inner()))


async def through_types():
    await old_style(asyncio.sleep(scenario.HOUR))


async def through_await():
    await Ticket()


async def through_both():
    await Nested()


async def main():
    first = asyncio.create_task(through_types(), name="types.coroutine")
    second = asyncio.create_task(through_await(), name="__await__")
    third = asyncio.create_task(through_both(), name="both")
    scenario.expect_task(first, "waiting", ["sleep", "old_style", "through_types"])
    scenario.expect_task(second, "waiting", ["sleep", "old_style", "__await__", "through_await"])
    scenario.expect_task(third, "waiting", ["sleep", "old_style", "__await__", "inner", "old_style",
                                            "__await__", "through_both"])
    await scenario.idle()

scenario.run(main())
