"""Futures and an event that nothing refers to any more but what waits for them."""
import asyncio

import scenario

SECOND_LOOK = True


async def waits_for_reply():
    return await asyncio.get_event_loop().create_future()


async def main():
    task = asyncio.create_task(waits_for_reply(), name="lost")
    scenario.expect_task(task, "waiting", ["waits_for_reply"], idle=False, awaiting={
        "kind": "future", "referrers_complete": True, "has_timeout": False})
    scenario.expect_finding("LOST_FUTURE", "likely", tasks=[task], contains=["waits_for_reply"])
    scenario.expect_first_lines("LOST FUTURE", "waits_for_reply")
    scenario.ready()
    await task

scenario.run(main())
