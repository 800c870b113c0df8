"""Finished tasks that somebody keeps: done, cancelled, failed.

They may be absent from 3.14 on, which keeps finished tasks in no list.
"""
import asyncio
import sys

import scenario


IN_NO_LIST = sys.version_info >= (3, 14)


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
        scenario.expect_task(task, "done", optional=IN_NO_LIST, exception=exception)
    scenario.expect_task(tasks[3], "cancelled", optional=IN_NO_LIST)
    await scenario.idle()

scenario.run(main())
