"""As blocked_sync, in a process that never had a second thread."""
import asyncio
import time

import scenario


def helper():
    scenario.hold(time.sleep, scenario.HOUR)


async def inner():
    helper()


async def outer():
    await inner()


async def bystander():
    await asyncio.sleep(scenario.HOUR)


async def main():
    other = asyncio.create_task(bystander(), name="bystander")
    await asyncio.sleep(0)
    task = asyncio.create_task(outer(), name="outer")
    scenario.expect_task(other, "waiting", ["sleep", "bystander"])
    scenario.expect_task(task, "running", ["hold", "helper", "inner", "outer"])
    await task

scenario.run(main())
