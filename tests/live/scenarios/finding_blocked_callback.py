"""A plain callback of the loop, of no task, that never returns."""
import asyncio
import time

import scenario

SECOND_LOOK = True


def on_timer(name):
    scenario.ready()
    time.sleep(scenario.HOUR)
    return name


async def sleeps():
    await asyncio.sleep(0.2)


async def main():
    loop = asyncio.get_event_loop()
    late = [asyncio.create_task(sleeps(), name="late-%d" % i) for i in range(3)]
    for task in late:
        scenario.expect_task(task, scenario.any_of("waiting", "ready"), ["sleep", "sleeps"])
    loop.call_later(0.05, on_timer, "cache")
    scenario.expect_loop(loop, state="blocked", callback=scenario.contains("on_timer"))
    scenario.expect_finding("LOOP_BLOCKED", "certain", tasks=[], contains=["on_timer"])
    scenario.expect_first_lines("LOOP BLOCKED", "on_timer")
    await asyncio.gather(*late)

scenario.run(main())
