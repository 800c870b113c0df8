"""Tasks that nobody knows but the garbage collector, and a loop that neither runs nor has tasks."""
import asyncio

import scenario

SMOKE = True
MIN_VERSION = (3, 7)
DUMP = ["--gc"]

NOTE = ["no registry has it: all_tasks() does not show it"]
kept = []


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def ticks():
    await asyncio.sleep(scenario.HOUR)
    yield


async def iterates():
    async for _ in ticks():
        pass


def unregister(task):
    by_python = getattr(asyncio.tasks, "_py_unregister_task", asyncio.tasks._unregister_task)
    if isinstance(task, asyncio.tasks._PyTask):
        by_python(task)
    else:
        asyncio.tasks._unregister_task(task)


async def main():
    loop = asyncio.get_event_loop()
    idle, closed = asyncio.new_event_loop(), asyncio.new_event_loop()
    closed.close()
    kept.extend([idle, closed])
    scenario.options(extra_finished=True)
    scenario.expect_loop(idle, state="stopped")
    scenario.expect_loop(closed, state="closed")
    waiting = loop.create_task(sleeps())
    python = asyncio.tasks._PyTask(sleeps(), loop=loop)
    late = loop.create_task(sleeps())
    known = loop.create_task(sleeps())
    iterating = loop.create_task(iterates())
    await asyncio.sleep(0)
    for task in (waiting, python, late):
        unregister(task)
    scenario.expect_task(waiting, "waiting", ["sleep", "sleeps"], notes=NOTE)
    scenario.expect_task(python, "waiting", ["sleep", "sleeps"], notes=NOTE)
    scenario.expect_task(late, "waiting", ["sleep", "sleeps"], notes=NOTE)
    scenario.expect_task(known, "waiting", ["sleep", "sleeps"])
    scenario.expect_task(iterating, "waiting", ["sleep", "ticks", "iterates"])
    await scenario.idle()

scenario.run(main())
