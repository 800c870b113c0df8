"""A chain of fifty different coroutines."""
import asyncio

import scenario

DEPTH = 50

SOURCE = ["async def level_%d():\n    return await level_%d()\n" % (i, i + 1)
          for i in range(DEPTH)]
exec("\n".join(SOURCE) + "\n", globals())


async def level_50():
    await asyncio.sleep(scenario.HOUR)


async def main():
    task = asyncio.create_task(level_0(), name="deep")
    stack = ["sleep"] + ["level_%d" % i for i in range(DEPTH, -1, -1)]
    scenario.expect_task(task, "waiting", stack, coroutine="level_0")
    await scenario.idle()

scenario.run(main())
