"""Finished tasks that somebody keeps: done, cancelled, failed.

They may be absent: 3.14 keeps finished tasks in no list, and 3.12 forgets eager ones.
"""
import asyncio

import scenario


class Odd(Exception):
    def __str__(self):
        return "text that needs code to be run"


async def fine():
    return 42


async def fails(error):
    raise error


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in (
        ("done", fine()), ("failed", fails(ValueError("boom"))), ("odd", fails(Odd(1))),
        ("cancelled", sleeps()))]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.wait(tasks)
    types = [None, "ValueError", "Odd"]
    for task, error in zip(tasks, types):
        exception = error and {"type": {"ends_with": error}}
        scenario.expect_task(task, "done", optional=True, exception=exception)
    scenario.expect_task(tasks[3], "cancelled", optional=True)
    await scenario.idle()

scenario.run(main())
