"""Timers of futures: one that gives the result is a sleep, others only end the wait for something else."""
import asyncio

import scenario


async def waits(future):
    await future


def expires(future):
    if not future.done():
        future.set_exception(asyncio.TimeoutError())




async def main():
    loop = asyncio.get_event_loop()
    futures = [loop.create_future() for _ in range(6)]
    when = loop.time() + scenario.HOUR
    loop.call_at(when, futures[0].set_result, None)
    loop.call_at(when, futures[1].cancel)
    loop.call_at(when, futures[2].set_exception, asyncio.TimeoutError())
    loop.call_at(when, expires, futures[3])
    loop.call_at(when + 60, futures[4].cancel)
    loop.call_at(when, futures[4].cancel)
    loop.call_at(when, futures[5].cancel).cancel()
    kinds = ["sleep"] + ["future"] * 5
    tasks = [asyncio.create_task(waits(future), name="waits") for future in futures]
    await asyncio.sleep(0)
    for i, task in enumerate(tasks):
        scenario.expect_task(task, "waiting", ["waits"], awaiting={
            "kind": kinds[i], "has_timeout": 0 < i < 5,
            "deadline_s": scenario.until(when) if i < 5 else None})
    await scenario.idle()

scenario.run(main())
