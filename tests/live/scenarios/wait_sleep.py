"""Sleeps: how long each has left; one that is overdue, and sleep(0), behind a blocked loop."""
import asyncio

import scenario


async def sleeps(seconds):
    await asyncio.sleep(seconds)


async def naps():
    while True:
        await asyncio.sleep(0)


async def blocks():
    await asyncio.sleep(0.2)
    scenario.block()


async def main():
    loop = asyncio.get_event_loop()
    start = loop.time()
    for seconds in (1.5, 60, scenario.HOUR, 1000 * scenario.HOUR):
        task = asyncio.create_task(sleeps(seconds), name="sleeps %s" % seconds)
        scenario.expect_task(task, scenario.any_of("waiting", "ready") if seconds < 60
                             else "waiting", ["sleep", "sleeps"], awaiting={
            "kind": "sleep", "deadline_s": scenario.until(start + seconds, slack=20),
            "has_timeout": scenario.any_of(False, None)})
    scenario.expect_task(asyncio.create_task(naps(), name="naps"), "ready",
                         ["...", "sleep", "naps"])
    await asyncio.sleep(0.01)
    blocker = asyncio.create_task(blocks(), name="blocks")
    scenario.expect_task(blocker, "running", ["block", "blocks"])
    scenario.expect_loop(loop, timers=4, ready=1)
    await blocker

scenario.run(main())
