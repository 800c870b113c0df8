"""Tasks of a thread that has ended; its loop was neither closed nor forgotten."""
import asyncio
import threading

import scenario

SMOKE = True


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


def thread():
    loop = asyncio.new_event_loop()
    for i in range(3):
        task = loop.create_task(sleeps())
        scenario.set_name(task, "orphan-%d" % i)
        scenario.expect_task(task, "waiting", ["sleep", "sleeps"])
    loop.run_until_complete(asyncio.sleep(0))
    scenario.expect_loop(loop, state="stopped")


async def main():
    ended = threading.Thread(target=thread)
    ended.start()
    ended.join()
    scenario.expect_task(asyncio.create_task(sleeps(), name="alive"), "waiting")
    await scenario.idle()

scenario.run(main())
