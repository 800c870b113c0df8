"""uvloop: its loop is blocked by a task: since when, what is ready, which timers are late."""
import asyncio
import time

import scenario

SECOND_LOOK = True

try:
    import uvloop
except ImportError:
    scenario.skip("no uvloop")


async def sleeps(delay):
    await asyncio.sleep(delay)


async def blocks():
    scenario.block()


async def main(loop):
    scenario.options(extra_finished=True, threads=False)
    began = time.monotonic()
    waiting = [loop.create_task(sleeps(delay), name="sleeps")
               for delay in (0.05, 0.06, scenario.HOUR)]
    guilty = loop.create_task(blocks(), name="blocks")
    new = loop.create_task(sleeps(1), name="new")
    for task in waiting:
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"], awaiting={"kind": "sleep"})
    scenario.expect_task(guilty, "running", ["...", "blocks"])
    scenario.expect_task(new, "not_started")
    scenario.expect_loop(loop, state="blocked", timers=3, overdue_timers=2, moved=False,
                         ready=scenario.between(1, 2), callback_count=None,
                         overdue_s=scenario.since(began + 0.05, began + 0.15),
                         iteration_age_s=scenario.since(began - 0.1, began + 0.1))
    scenario.expect_finding("LOOP_BLOCKED", "certain", tasks=[guilty], contains=[">=", "block"])
    scenario.expect_first_lines("LOOP BLOCKED", "blocks")
    await loop.create_future()

event_loop = uvloop.new_event_loop()
asyncio.set_event_loop(event_loop)
event_loop.run_until_complete(main(event_loop))
