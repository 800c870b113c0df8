"""Futures whose owner asyncio does not know: who refers to them is the only thing to tell."""
import asyncio
import signal

import scenario

SECOND_LOOK = True  # without --once: who refers to a future is looked for


class Request:
    def __init__(self, future):
        self.future = future


async def waits(future):
    await future


pending = {}


async def main():
    loop = asyncio.get_event_loop()
    futures = [loop.create_future() for _ in range(5)]
    pending["answer"] = futures[0]
    requests = [Request(futures[1])]
    loop.add_signal_handler(signal.SIGUSR1, futures[2].set_result, None)
    loop.call_later(scenario.HOUR, futures[3].set_result, None)
    futures[4].add_done_callback(lambda _: None)
    names = ("in a dict", "of an object", "of a signal", "of a timer", "of nobody but main")
    for name, future in zip(names, futures):
        task = asyncio.create_task(waits(future), name=name)
        referrers, kind = {"any": True}, "future"
        if name == "of a timer":
            kind = scenario.any_of("future", "sleep")
        if name == "in a dict":
            referrers = {"includes": [{"id": hex(id(pending)), "type": "dict"}]}
        scenario.expect_task(task, "waiting", ["waits"], awaiting={
            "kind": kind, "tasks": [], "object": None, "referrers": referrers})
    event = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, event.set)
    task = asyncio.create_task(event.wait(), name="until SIGTERM")
    scenario.expect_task(task, "waiting", ["wait"], awaiting={"kind": "event", "object": event})
    scenario.expect_ok()
    await scenario.idle()
    del requests

scenario.run(main())
