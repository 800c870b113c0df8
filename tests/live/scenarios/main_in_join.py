"""The only loop runs in a thread; the main thread joins it."""
import asyncio
import threading

import scenario


async def worker():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.expect_task(asyncio.create_task(worker(), name="worker task"), "waiting",
                         ["sleep", "worker"])
    await scenario.idle()


thread = threading.Thread(target=asyncio.run, args=(main(),), name="the loop", daemon=True)
thread.start()
thread.join()
