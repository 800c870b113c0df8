"""A search among the objects of a server whose tasks and objects are born and die at full speed."""
import asyncio

import scenario

MIN_VERSION = (3, 7)
MODE = "paused"
REPEAT = 10
HEARTBEAT = True
DUMP = ["--gc"]


async def request(depth):
    if depth:
        return await request(depth - 1)
    await asyncio.sleep(0)


async def server(beat):
    while True:
        beat()
        garbage = [[[]] for _ in range(300)]
        await asyncio.gather(*[request(depth % 5) for depth in range(20)])
        garbage.append(garbage)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    loop = asyncio.get_event_loop()
    scenario.options(busy=True, extra_tasks=True, threads=False, exact=False)
    idle = asyncio.new_event_loop()
    tasks = [loop.create_task(sleeps()) for _ in range(50)]
    await asyncio.sleep(0)
    for task in tasks:
        asyncio.tasks._unregister_task(task)
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"], notes=[
            "no registry has it: all_tasks() does not show it"])
    scenario.expect_loop(loop, state={"any": True})
    scenario.expect_loop(idle, state="stopped")
    scenario.ready()
    await server(scenario.heartbeat())

scenario.run(main())
