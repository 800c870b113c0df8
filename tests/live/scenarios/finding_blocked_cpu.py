"""A loop that computes: it is blocked though its thread is running."""
import asyncio

import scenario

SECOND_LOOK = True
MODE = None
HEARTBEAT = True


def crunch(beat):
    while True:
        beat()
        sum(range(1000))


async def handler(beat):
    await asyncio.sleep(0.05)
    crunch(beat)


async def sleeps():
    await asyncio.sleep(0.1)


async def main():
    scenario.options(busy=True, threads=False)
    late = asyncio.create_task(sleeps(), name="late")
    scenario.expect_task(late, scenario.any_of("waiting", "ready"), awaiting={"any": True})
    task = asyncio.create_task(handler(scenario.heartbeat()), name="handler")
    scenario.expect_task(task, "running", frames={"ends_with": [
        {"function": "crunch"}, {"function": "handler"}]})
    earliest = asyncio.get_event_loop().time()
    scenario.expect_loop(asyncio.get_event_loop(), state="blocked", moved=False,
                         iteration_age_s=scenario.since(earliest, earliest + 20))
    scenario.expect_finding("LOOP_BLOCKED", "certain", tasks=[task], contains=["crunch"])
    scenario.expect_first_lines("LOOP BLOCKED", "crunch", "certain")
    scenario.ready()
    await task

scenario.run(main())
