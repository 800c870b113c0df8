"""A pure-Python task that runs: the interpreter knows it by the dict of current tasks only."""
import asyncio
import threading

import scenario


tasks = []


async def work():
    task = tasks[0]
    scenario.expect_thread(threading.get_ident(), current_task=hex(id(task)))
    scenario.expect_task(task, "running", ["block", "work"], type="asyncio.tasks.Task")
    scenario.block()


async def main():
    loop = asyncio.get_event_loop()
    tasks.append(asyncio.tasks._PyTask(work(), loop=loop, **scenario.named("pure")))
    await tasks[0]

scenario.run(main())
