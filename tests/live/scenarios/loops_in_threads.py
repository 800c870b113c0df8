"""A loop in each of four threads; one of them is blocked."""
import asyncio
import threading

import scenario

SMOKE = True


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def thread_main(number, arrived):
    task = asyncio.create_task(sleeps(), name="sleeps-%d" % number)
    scenario.expect_task(task, "waiting", ["sleep", "sleeps"])
    await asyncio.sleep(0)
    arrived.set()
    if number == 2:
        scenario.expect_task(asyncio.current_task(), "running", ["...", "hang", "thread_main"])
        hang()
    await task


def hang():
    threading.Event().wait()


def start(number):
    arrived = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(thread_main(number, arrived)),
                              name="loop-%d" % number)
    thread.start()
    arrived.wait()


for number in range(3):
    start(number)
asyncio.run(scenario.idle())
