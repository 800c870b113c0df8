"""Nothing is wrong: threads that compute and give the GIL away when they are asked to."""
import asyncio
import threading

import scenario

SECOND_LOOK = True
MODE = None
HEARTBEAT = True
REPEAT = 5


def computes():
    while True:
        sum(range(100))


async def ticks(beat):
    while True:
        beat()
        await asyncio.sleep(0.01)


async def main():
    scenario.options(busy=True, threads=False)
    task = asyncio.create_task(ticks(scenario.heartbeat()), name="ticks")
    for _ in range(2):
        threading.Thread(target=computes, daemon=True).start()
    scenario.expect_task(task, {"any": True}, awaiting={"any": True},
                         frames={"ends_with": [{"function": "ticks"}]})
    scenario.expect_loop(asyncio.get_event_loop(), state=scenario.any_of("idle", "running"))
    scenario.expect_ok()
    scenario.expect_first_lines("OK")
    await scenario.idle()

scenario.run(main())
