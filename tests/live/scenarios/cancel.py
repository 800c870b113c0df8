"""Cancellation: requested and not delivered, swallowed, requested several times."""
import asyncio

import scenario

SMOKE = True


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def swallows():
    while True:
        try:
            await asyncio.sleep(scenario.HOUR)
        except asyncio.CancelledError:
            continue


async def cleans_up():
    try:
        await asyncio.sleep(scenario.HOUR)
    finally:
        await asyncio.sleep(2 * scenario.HOUR)


async def yields():
    while True:
        await asyncio.sleep(0)


async def main():
    swallowing = asyncio.create_task(swallows(), name="swallows")
    cleaning = asyncio.create_task(cleans_up(), name="cleans up")
    untouched = asyncio.create_task(sleeps(), name="untouched")
    pending = asyncio.create_task(sleeps(), name="cancelled, loop is blocked")
    yielding = asyncio.create_task(yields(), name="cancelled while ready")
    for _ in range(3):
        await asyncio.sleep(0)
        swallowing.cancel()
    await asyncio.sleep(0)
    cleaning.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    pending.cancel()
    yielding.cancel()
    scenario.expect_task(swallowing, "waiting", ["sleep", "swallows"], cancel_requests=3,
                         must_cancel=False)
    scenario.expect_task(cleaning, "waiting", ["sleep", "cleans_up"], cancel_requests=1,
                         must_cancel=False)
    scenario.expect_task(untouched, "waiting", cancel_requests=0, must_cancel=False)
    scenario.expect_task(pending, "ready", cancel_requests=1, must_cancel=False)
    scenario.expect_task(yielding, "ready", cancel_requests=1, must_cancel=True)
    scenario.block()

scenario.run(main())
