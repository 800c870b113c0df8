"""Ten thousand sleepers, each listed once."""
import asyncio

import scenario


async def inner(seconds):
    await asyncio.sleep(seconds)


async def handler(seconds):
    await inner(seconds)


async def main():
    for i in range(10000):
        task = asyncio.create_task(handler(scenario.HOUR + i), name="handler-%d" % i)
        scenario.expect_task(task, "waiting", ["sleep", "inner", "handler"])
    await scenario.idle()

scenario.run(main())
