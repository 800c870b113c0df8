"""A child of a program that had run a loop before: only the child's own tasks live."""
import asyncio
import os

import scenario


async def short():
    await asyncio.sleep(0)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def child_main():
    scenario.expect_task(asyncio.create_task(sleeps(), name="of the child"), "waiting",
                         ["sleep", "sleeps"])
    await scenario.idle()


scenario.run(short())
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
else:
    scenario.forked()
    scenario.run(child_main())
