"""Coroutines that were called and never awaited; one that a task has is none."""
import asyncio
import warnings

import scenario

SECOND_LOOK = True

warnings.simplefilter("ignore", RuntimeWarning)
forgotten = []


async def saves():
    await asyncio.sleep(0)


async def waits():
    await asyncio.sleep(scenario.HOUR)


async def main():
    forgotten.extend(saves() for _ in range(3))
    task = asyncio.create_task(waits(), name="waits")
    scenario.expect_task(task, "waiting", ["sleep", "waits"])
    scenario.options(extra_finished=True)
    scenario.expect_finding("NEVER_AWAITED", "likely", contains=["3", "saves"])
    scenario.expect_first_lines("NEVER AWAITED", "saves")
    await scenario.idle()

scenario.run(main())
