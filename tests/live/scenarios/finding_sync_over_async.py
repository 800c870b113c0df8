"""Threads of loops that wait for what only they could run: a task, and one not even made yet."""
import asyncio
import threading

import scenario

SECOND_LOOK = True


async def work():
    await asyncio.sleep(scenario.HOUR)


def calls(loop):
    return asyncio.run_coroutine_threadsafe(work(), loop).result()


async def handler():
    await asyncio.sleep(0.05)
    scenario.ready()
    calls(asyncio.get_event_loop())


async def waits_for_task(arrived):
    loop = asyncio.get_event_loop()
    future = await loop.run_in_executor(None, asyncio.run_coroutine_threadsafe, work(), loop)
    await asyncio.sleep(0.05)
    scenario.expect_task(asyncio.current_task(), "running", ["...", "result", "waits_for_task"])
    scenario.expect_finding("SYNC_OVER_ASYNC", "certain", contains=["waits_for_task"],
                            tasks={"includes": [asyncio.current_task()]})
    arrived.set()
    future.result()


async def main():
    arrived = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(waits_for_task(arrived)), daemon=True)
    thread.start()
    await asyncio.get_event_loop().run_in_executor(None, arrived.wait)
    task = asyncio.create_task(handler(), name="handler")
    scenario.expect_task(task, "running", ["...", "result", "calls", "handler"])
    scenario.expect_finding("SYNC_OVER_ASYNC", "certain", contains=["calls"],
                            tasks={"includes": [task]})
    scenario.allow_findings("LOOP_BLOCKED")
    scenario.expect_first_lines("BLOCKED", "of its own", "certain")
    await task

scenario.run(main())
