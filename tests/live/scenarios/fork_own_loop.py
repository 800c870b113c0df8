"""A child that was forked inside a running task and runs a loop of its own."""
import asyncio
import os

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def child_main():
    scenario.expect_task(asyncio.create_task(sleeps(), name="of the child"), "waiting",
                         ["sleep", "sleeps"])
    scenario.expect_task(asyncio.current_task(), "waiting", ["...", "child_main"])
    await scenario.idle()


def fork_and_run(parents):
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    scenario.forked()
    scenario.expect_inherited(parents, tasks)
    asyncio.events._set_running_loop(None)
    loop = asyncio.new_event_loop()
    scenario.expect_loop(loop, state="idle")
    loop.run_until_complete(child_main())


async def forks():
    fork_and_run(asyncio.get_event_loop())


tasks = []


async def main():
    scenario.options(threads=False)
    tasks.append(asyncio.create_task(sleeps(), name="of the parent"))
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(forks(), name="forks"))
    await tasks[-1]

scenario.run(main())
