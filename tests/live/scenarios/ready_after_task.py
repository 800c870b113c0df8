"""A task whose awaited task has just returned: its wake-up is due, the loop is blocked."""
import asyncio

import scenario


async def returns():
    await asyncio.sleep(0)
    return 1


async def waits(task):
    await task


async def main():
    finished = asyncio.create_task(returns(), name="finished")
    waiting = asyncio.create_task(waits(finished), name="waits for one that is done")
    # In the second round `finished` returns before this task goes on; `waiting` is due in the third.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert finished.done() and not waiting.done()
    scenario.expect_task(waiting, "ready", ["waits"])
    scenario.expect_task(finished, "done", optional=True)
    scenario.expect_task(asyncio.current_task(), "running", ["block", "main"])
    scenario.block()

scenario.run(main())
