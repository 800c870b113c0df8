"""staggered_race: runs its coroutines in tasks of its own, with nested functions."""
import asyncio
import asyncio.staggered

import scenario

MIN_VERSION = (3, 8)


async def attempt():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.options(extra_finished=True)
    scenario.expect_task(asyncio.current_task(), "waiting", ["...", "staggered_race", "main"], awaiting={
        "kind": "wait"})
    asyncio.get_event_loop().call_later(0.05, scenario.ready)
    await asyncio.staggered.staggered_race([attempt, attempt], delay=0.01)

scenario.run(main())
