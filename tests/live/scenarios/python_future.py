"""Futures of the pure-Python implementation, awaited by C and by Python tasks."""
import asyncio

import scenario


class Reply(asyncio.futures._PyFuture):
    __slots__ = ("request",)


async def wait(future):
    await future


async def main():
    loop = asyncio.get_event_loop()
    python_future = asyncio.futures._PyFuture(loop=loop)
    reply = Reply(loop=loop)
    waits = [asyncio.Task(wait(python_future), **scenario.named("C task")),
             asyncio.tasks._PyTask(wait(python_future), loop=loop, **scenario.named("Python task")),
             asyncio.Task(wait(reply), **scenario.named("subclass")),
             asyncio.tasks._PyTask(wait(loop.create_future()), loop=loop, **scenario.named("C future"))]
    for task in waits[:3]:
        scenario.expect_task(task, "waiting", [python_future.__await__.__name__, "wait"])
    scenario.expect_task(waits[3], "waiting", ["wait"])
    await scenario.idle()

scenario.run(main())
