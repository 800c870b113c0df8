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


def fork_and_run():
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    scenario.forked()
    asyncio.events._set_running_loop(None)
    loop = asyncio.new_event_loop()
    scenario.expect_loop(loop, state="idle")
    loop.run_until_complete(child_main())


async def forks():
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True}, tid={"any": True})
    fork_and_run()


async def main():
    scenario.options(threads=False)
    scenario.expect_task(asyncio.create_task(sleeps(), name="of the parent"), "waiting",
                         ["sleep", "sleeps"])
    await asyncio.sleep(0)
    await asyncio.create_task(forks(), name="forks")

scenario.run(main())
