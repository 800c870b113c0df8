"""--nonblocking on a server at full speed: it may miss something, and never fails or lies."""
import asyncio

import scenario

MODE = "nonblocking"
DUMP = ["--nonblocking", "--quiet"]
REPEAT = 5
HEARTBEAT = True


async def request():
    await asyncio.sleep(0)


async def server(beat):
    while True:
        beat()
        await asyncio.gather(*[request() for _ in range(20)])


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.options(busy=True, exact=False, extra_tasks=True, threads=False, incomplete=True)
    for i in range(20):
        scenario.expect_task(asyncio.create_task(sleeps(), name="long-lived-%d" % i), "waiting",
                             ["sleep", "sleeps"], optional=True)
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True})
    scenario.ready()
    await server(scenario.heartbeat())

scenario.run(main())
