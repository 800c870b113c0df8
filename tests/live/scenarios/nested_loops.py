"""A loop that runs inside a callback of another loop of the same thread."""
import asyncio

import scenario


async def inner_sleeps():
    await asyncio.sleep(scenario.HOUR)


async def inner_main():
    scenario.expect_task(asyncio.create_task(inner_sleeps(), name="inner sleeps"), "waiting",
                         ["sleep", "inner_sleeps"])
    await scenario.idle()


def nest(loop):
    asyncio.events._set_running_loop(None)
    inner = asyncio.new_event_loop()
    scenario.expect_loop(inner)
    scenario.expect_loop(loop, state={"any": True}, tid={"any": True})
    inner.run_until_complete(inner_main())


async def main():
    loop = asyncio.get_event_loop()
    scenario.options(threads=False)
    loop.call_soon(nest, loop)
    await asyncio.sleep(scenario.HOUR)

scenario.run(main())
