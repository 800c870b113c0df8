"""A child that was forked inside a running task and stands still in it."""
import asyncio
import os

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


def fork_and_block():
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    else:
        scenario.forked()
        scenario.block()


async def forks():
    scenario.expect_task(asyncio.current_task(), "running", ["...", "fork_and_block", "forks"])
    # The child inherits a loop that calls itself running and never will be again.
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True}, tid={"any": True})
    fork_and_block()


async def main():
    scenario.options(threads=False)
    scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps"), "waiting",
                         ["sleep", "sleeps"])
    await asyncio.sleep(0)
    await asyncio.create_task(forks(), name="forks")

scenario.run(main())
