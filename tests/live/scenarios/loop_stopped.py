"""Loops that were stopped and closed with pending tasks."""
import asyncio

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


def make(name):
    loop = asyncio.new_event_loop()
    task = loop.create_task(sleeps())
    scenario.set_name(task, name)
    scenario.expect_task(task)
    return loop


never_ran = make("never ran")
stopped = make("stopped")
stopped.run_until_complete(asyncio.sleep(0))
closed = make("closed")
closed.run_until_complete(asyncio.sleep(0))
closed.close()
scenario.expect_loop(never_ran, state="stopped")
scenario.expect_loop(stopped, state="stopped")
scenario.expect_loop(closed, state="closed")
scenario.block()
