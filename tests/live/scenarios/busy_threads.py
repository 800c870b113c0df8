"""Threads that never stop running Python code, beside a loop whose tasks come and go."""
import asyncio
import threading

import scenario

MODE = "paused"
HEARTBEAT = True


def spin():
    while True:
        for _ in range(1000):
            pass


async def short():
    await asyncio.sleep(0)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.options(busy=True, extra_tasks=True, threads=False, exact=False)
    for number in range(4):
        threading.Thread(target=spin, name="spin-%d" % number, daemon=True).start()
    task = asyncio.get_event_loop().create_task(sleeps())
    await asyncio.sleep(0)
    scenario.expect_task(task, "waiting", ["sleep", "sleeps"])
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True})
    scenario.ready()
    beat = scenario.heartbeat()
    while True:
        beat()
        await asyncio.gather(*[short() for _ in range(10)])

scenario.run(main())
