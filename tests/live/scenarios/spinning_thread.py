"""A thread that never stops running Python code; the loop beside it sleeps."""
import asyncio
import threading

import scenario

MODE = "paused"
HEARTBEAT = True


def spin(beat):
    while True:
        for _ in range(1000):
            pass
        beat()


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.options(busy=True)
    thread = threading.Thread(target=spin, args=(scenario.heartbeat(),), name="spin", daemon=True)
    thread.start()
    frames = {"ends_with": [{"function": "spin"}, {"function": "run"},
                            {"function": "_bootstrap_inner"}, {"function": "_bootstrap"}]}
    scenario.expect_thread(thread.ident, frames=frames)
    scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps"), "waiting",
                         ["sleep", "sleeps"])
    await scenario.idle()

scenario.run(main())
