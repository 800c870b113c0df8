"""Synchronous stacks of 5,000 frames: in a thread, and below the running task."""
import asyncio
import sys
import threading
import time

import scenario

DEPTH = 5000
sys.setrecursionlimit(20 * DEPTH)
threading.stack_size(512 * 1024 * 1024)


def descend(depth, function):
    if depth:
        return descend(depth - 1, function)
    return function()


async def work():
    stack = ["block"] + ["descend"] * (DEPTH + 1) + ["work"]
    scenario.expect_task(asyncio.current_task(), "running", stack)
    descend(DEPTH, scenario.block)


async def main():
    threading.Thread(target=descend, args=(DEPTH, lambda: time.sleep(scenario.HOUR)),
                     name="deep", daemon=True).start()
    await asyncio.create_task(work(), name="deep task")

# The main thread's stack may be too small for so many frames.
thread = threading.Thread(target=lambda: scenario.run(main()), name="the loop")
thread.start()
thread.join()
