"""A child that was forked inside a running task and stands still in it."""
import asyncio
import os

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


def fork_and_block(loop):
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    else:
        scenario.forked()
        scenario.expect_inherited(loop, tasks)
        scenario.block()


async def forks():
    fork_and_block(asyncio.get_event_loop())


tasks = []


async def main():
    scenario.options(threads=False)
    tasks.append(asyncio.create_task(sleeps(), name="sleeps"))
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(forks(), name="forks"))
    await tasks[-1]

scenario.run(main())
