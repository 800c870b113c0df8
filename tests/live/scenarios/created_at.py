"""created_at through every way a task is made, and a task made without debug mode."""
import asyncio

import scenario


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def grouped():
    async with asyncio.TaskGroup() as group:
        group.create_task(sleeps(), name="TaskGroup")


async def main():
    loop = asyncio.get_event_loop()
    before = asyncio.create_task(sleeps(), name="before debug")
    loop.set_debug(True)
    tasks = [loop.create_task(sleeps(), **scenario.named("loop.create_task")),
             asyncio.create_task(sleeps(), name="asyncio.create_task"),
             asyncio.ensure_future(sleeps()),
             asyncio.Task(sleeps(), **scenario.named("Task()")),
             asyncio.tasks._PyTask(sleeps(), loop=loop, **scenario.named("Python task"))]
    if hasattr(asyncio, "TaskGroup"):
        tasks.insert(0, asyncio.create_task(grouped(), name="grouped"))
    assert before._source_traceback is None
    assert all(task._source_traceback for task in tasks)
    for task in tasks:
        scenario.expect_task(task, "waiting")
    scenario.expect_task(before, "waiting", created_at=None)
    scenario.expect_task(tasks[-1], "waiting")  # all_tasks() of 3.15 does not know it
    scenario.expect_loop(loop, debug=True)
    await asyncio.gather(scenario.idle(), sleeps())

scenario.run(main())
