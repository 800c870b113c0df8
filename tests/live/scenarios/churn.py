"""Tasks are born and die at full speed; those that live long are right in every dump."""
import asyncio

import scenario

SMOKE = True
MODE = "paused"
REPEAT = 20
REPEAT_ALL = 300
HEARTBEAT = True


async def request(depth):
    if depth:
        return await request(depth - 1)
    await asyncio.sleep(0)


async def server(beat):
    while True:
        beat()
        await asyncio.gather(*[asyncio.create_task(request(depth % 5), name="request-%d" % depth)
                               for depth in range(20)])


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.options(busy=True, extra_tasks=True, threads=False, exact=False)
    for i in range(200):
        task = asyncio.create_task(sleeps(), name="long-lived-%d" % i)
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"], name="long-lived-%d" % i)
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True})
    scenario.ready()
    await server(scenario.heartbeat())

scenario.run(main())
