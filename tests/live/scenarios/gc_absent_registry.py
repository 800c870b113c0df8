"""asyncio.tasks has lost the names of its registries: the garbage collector knows the tasks."""
import asyncio

import scenario

MIN_VERSION = (3, 7)
DUMP = ["--quiet"]


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    loop = asyncio.get_event_loop()
    scenario.options(exact=False, incomplete=True)
    tasks = [loop.create_task(sleeps()), asyncio.tasks._PyTask(sleeps(), loop=loop)]
    await asyncio.sleep(0)
    for task in tasks:
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"])
    scenario.expect_task(asyncio.current_task(), "waiting")
    for name in ("_all_tasks", "_scheduled_tasks"):
        vars(asyncio.tasks).pop(name, None)
    await scenario.idle()

scenario.run(main())
