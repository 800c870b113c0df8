"""Tasks that were created just before the loop was blocked."""
import asyncio

import scenario

SMOKE = True


async def never(argument):
    await asyncio.sleep(argument)


def decorate(function):
    return function


@decorate
@decorate
async def decorated():
    await asyncio.sleep(0)


async def main():
    tasks = [asyncio.create_task(never(i), name="never-%d" % i) for i in range(3)]
    tasks.append(asyncio.create_task(decorated(), name="decorated"))
    for task in tasks:
        scenario.expect_task(task, "not_started")
    tasks[1].cancel()
    scenario.expect_task(tasks[1], "not_started", must_cancel=True, cancel_requests=1)
    scenario.expect_task(asyncio.current_task(), "running", ["block", "main"])
    scenario.block()

scenario.run(main())
