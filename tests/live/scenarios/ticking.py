"""A loop that wakes a hundred times a second: both the quiet and the paused way are right."""
import asyncio

import scenario

MODE = None
HEARTBEAT = True
REPEAT = 5


async def ticker(beat):
    while True:
        beat()
        await asyncio.sleep(0.01)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    scenario.options(busy=True, threads=False)
    scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps"), "waiting",
                         ["sleep", "sleeps"])
    task = asyncio.create_task(ticker(scenario.heartbeat()), name="ticker")
    any_state = {"any_of": ["waiting", "running", "ready"]}
    scenario.expect_task(task, any_state, frames={"ends_with": [{"function": "ticker"}]},
                         awaiting={"any": True})
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True})
    await scenario.idle()

scenario.run(main())
