"""Debug mode: 3.6 puts an object of Python around every coroutine; a task runs inside several."""
import asyncio
import types

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


@types.coroutine
def delegates(awaitable):
    yield from awaitable


async def outer():
    await delegates(sleeps())


async def blocks():
    scenario.block()


async def around(coroutine):
    await coroutine


async def main():
    scenario.expect_task(asyncio.create_task(outer(), name="outer"), "waiting",
                         ["sleep", "sleeps", "delegates", "outer"])
    scenario.expect_task(asyncio.create_task(around(outer()), name="around"), "waiting",
                         ["sleep", "sleeps", "delegates", "outer", "around"])
    await asyncio.sleep(0)
    unstarted = asyncio.create_task(around(outer()), name="not started")
    running = asyncio.create_task(around(blocks()), name="running")
    scenario.expect_task(running, "running", ["block", "...", "blocks", "...", "around"])
    await running
    await unstarted

scenario.run(main(), debug=True)
