"""Two hundred threads, one loop."""
import asyncio
import threading
import time

import scenario

threading.stack_size(256 * 1024)


def wait(number):
    if number % 7:
        return wait(number - 1)
    return time.sleep(scenario.HOUR)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    for number in range(200):
        threading.Thread(target=wait, args=(number,), name="t%d" % number, daemon=True).start()
    scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps"), "waiting",
                         ["sleep", "sleeps"])
    await scenario.idle()

scenario.run(main())
