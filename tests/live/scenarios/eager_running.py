"""An eager task blocks in its first step, on top of the task that created it."""
import asyncio
import threading

import scenario

MIN_VERSION = (3, 12)

inner, outer = asyncio.Lock(), asyncio.Lock()


async def child():
    scenario.expect_task(asyncio.current_task(), "running", ["block", "child"], holds=[inner])
    scenario.expect_thread(threading.get_ident(), current_task=hex(id(asyncio.current_task())))
    async with inner:
        scenario.block()


async def parent():
    # Below its own frames the parent is where the child is: the innermost frame is the same.
    scenario.expect_task(asyncio.current_task(), "running", ["block", "child", "...", "parent"],
                         holds=[outer])
    # Before 3.14 the task gets the name only after its first step.
    async with outer:
        await asyncio.create_task(child(), name="eager child")


async def main():
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.Task(parent(), name="parent")

scenario.run(main())
