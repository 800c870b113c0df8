"""A loop that a running task starts: what it awaits is inside its own step."""
import asyncio

import scenario

MAX_VERSION = (3, 13)  # later ones have one running task for each thread

async def inner_sleeps():
    await asyncio.sleep(scenario.HOUR)


async def inner_main():
    scenario.expect_task(asyncio.create_task(inner_sleeps(), name="inner sleeps"), "waiting",
                         ["sleep", "inner_sleeps"])
    scenario.expect_task(asyncio.current_task(), "waiting", ["...", "inner_main"])
    await scenario.idle()


def nest():
    asyncio.events._set_running_loop(None)
    inner = asyncio.new_event_loop()
    scenario.expect_loop(inner, state="idle")
    inner.run_until_complete(inner_main())


async def outer():
    # All of the inner loop's frames are below this task's own.
    scenario.expect_task(asyncio.current_task(), "running", ["...", "nest", "outer"])
    nest()


async def main():
    scenario.options(threads=False)
    loop = asyncio.get_event_loop()
    scenario.expect_loop(loop, state={"any_of": ["running", "blocked"]})
    await asyncio.create_task(outer(), name="outer")

scenario.run(main())
