"""uvloop: its loop is blocked by a task: since when, what is ready, which timers are late."""
import asyncio
import time

import scenario

try:
    import uvloop
except ImportError:
    scenario.skip("no uvloop")


async def sleeps(delay):
    await asyncio.sleep(delay)


async def blocks():
    scenario.block()


async def main(loop):
    scenario.options(extra_finished=True)
    late = [loop.create_task(sleeps(delay), name="sleeps") for delay in (0.2, 0.3, scenario.HOUR)]
    await asyncio.sleep(0.1)
    began = time.monotonic()
    blocking = loop.create_task(blocks(), name="blocks")
    new = loop.create_task(sleeps(1), name="new")
    for task in late:
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"], awaiting={"kind": "sleep"})
    # Its thread runs nothing else from here on: what is late is so by the time of the dump.
    overdue = scenario.since(began, began + 1)
    scenario.expect_task(blocking, "running", ["...", "blocks"])
    scenario.expect_task(new, "not_started")
    scenario.expect_loop(loop, state=scenario.any_of("running", "blocked"), ready=1, timers=3,
                         overdue_s=overdue, overdue_timers=scenario.at_least(0),
                         next_timer_s={"any": True}, iteration_age_s=scenario.since(
                             began - 0.1, began + 1))
    scenario.expect_finding("LOOP_BLOCKED")
    await asyncio.get_running_loop().create_future()

event_loop = uvloop.new_event_loop()
asyncio.set_event_loop(event_loop)
event_loop.run_until_complete(main(event_loop))
