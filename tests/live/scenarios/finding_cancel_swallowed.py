"""A task that was cancelled and goes on; twins that took it back, or were cancelled by a timeout."""
import asyncio

import scenario

MIN_VERSION = (3, 11)  # nobody counts the requests before
SECOND_LOOK = True


async def swallows():
    while True:
        try:
            await asyncio.sleep(scenario.HOUR)
        except asyncio.CancelledError:
            continue


async def takes_back():
    try:
        await asyncio.sleep(scenario.HOUR)
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()
        await asyncio.sleep(scenario.HOUR)


async def timed_out():
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(scenario.HOUR)
    except TimeoutError:
        await asyncio.sleep(scenario.HOUR)


async def main():
    tasks = [asyncio.create_task(function(), name=function.__name__)
             for function in (swallows, takes_back, timed_out)]
    await asyncio.sleep(0)
    for task in tasks[:2]:
        task.cancel()
    await asyncio.sleep(0.1)
    for task, requests in zip(tasks, (1, 0, 0)):
        scenario.expect_task(task, "waiting", cancel_requests=requests, must_cancel=False)
    scenario.expect_finding("CANCEL_SWALLOWED", "likely", tasks=tasks[:1], contains=["swallows"])
    scenario.expect_first_lines("CANCEL SWALLOWED", "swallows")
    await scenario.idle()

scenario.run(main())
