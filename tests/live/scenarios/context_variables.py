"""Tasks with context variables of their own."""
import asyncio
import contextvars

import scenario

MIN_VERSION = (3, 7)

request = contextvars.ContextVar("request", default="none")
many = [contextvars.ContextVar("variable-%d" % i) for i in range(60)]


async def sleeps(number):
    request.set("request-%d" % number)
    for variable in many[:number * 20]:
        variable.set(number)
    await asyncio.sleep(scenario.HOUR)


async def main():
    for number in range(4):
        scenario.expect_task(asyncio.create_task(sleeps(number), name="sleeps-%d" % number),
                             "waiting", ["sleep", "sleeps"])
    await scenario.idle()

scenario.run(main())
