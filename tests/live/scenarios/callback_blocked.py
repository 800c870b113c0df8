"""A plain callback blocks the loop: no task runs, none can."""
import asyncio

import scenario


def slow_callback():
    scenario.block()


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    task = asyncio.create_task(sleeps(), name="sleeps")
    await asyncio.sleep(0)
    scenario.expect_task(task, "waiting", ["sleep", "sleeps"])
    scenario.expect_task(asyncio.current_task(), "waiting", ["main"])
    loop = asyncio.get_event_loop()
    scenario.expect_loop(loop, state={"any_of": ["running", "blocked"]})
    loop.call_soon(slow_callback)
    await task

scenario.run(main())
