"""The hang of a loop whose callback sleeps: tasks are ready and timers late behind it."""
import asyncio
import sys
import time

import scenario

SMOKE = True
SECOND_LOOK = True
SETTLE = 0.5  # until all timers are late


def backoff(attempt):
    scenario.ready()
    time.sleep(attempt * scenario.HOUR)


def build_csv(rows):
    for attempt in rows:
        backoff(attempt)


async def export():
    await asyncio.sleep(0.05)
    return build_csv([1])


async def lists():
    while True:
        await asyncio.sleep(0)


async def heartbeat():
    while True:
        await asyncio.sleep(0.3)


async def main():
    ready = [asyncio.create_task(lists(), name="list-%d" % i) for i in range(20)]
    beating = [asyncio.create_task(heartbeat(), name="beat-%d" % i) for i in range(3)]
    guilty = asyncio.create_task(export(), name="req-881")
    await asyncio.sleep(0)
    for task in ready:
        scenario.expect_task(task, "ready", ["...", "sleep", "lists"])
    for task in beating:
        scenario.expect_task(task, scenario.any_of("waiting", "ready"), ["sleep", "heartbeat"])
    scenario.expect_task(guilty, "running", ["backoff", "build_csv", "export"])
    scenario.expect_loop(asyncio.get_event_loop(), state="blocked", ready=scenario.at_least(20),
                         overdue_timers=3, moved=False)
    scenario.expect_finding("LOOP_BLOCKED", "certain", tasks=[guilty], contains=["backoff"],
                            threads=[scenario.own_native_id()])
    name = "req-881" if sys.version_info >= (3, 8) else "export"
    scenario.expect_first_lines("LOOP BLOCKED", "certain", "backoff", name, at_most=60)
    await guilty

scenario.run(main())
