"""Tasks of the pure-Python implementation, beside C ones."""
import asyncio

import scenario

SMOKE = True


def factory(loop, coroutine, **keys):
    return asyncio.tasks._PyTask(coroutine, loop=loop, **keys)


async def child():
    await asyncio.sleep(scenario.HOUR)


async def parent(task):
    await task


async def main():
    loop = asyncio.get_event_loop()
    c_task = asyncio.create_task(child(), name="C")
    loop.set_task_factory(factory)
    python_task = loop.create_task(child())
    scenario.set_name(python_task, "Python")
    cancelled = loop.create_task(parent(c_task))
    on_python = asyncio.Task(parent(python_task), **scenario.named("C awaits Python"))
    scenario.expect_task(c_task, "waiting", ["sleep", "child"], type="_asyncio.Task")
    scenario.expect_task(python_task, "waiting", ["sleep", "child"], type="asyncio.tasks.Task",
                         name="Python")
    scenario.expect_task(cancelled, "waiting", ["parent"], type="asyncio.tasks.Task")
    scenario.expect_task(on_python, "waiting", ["...", "parent"], type="_asyncio.Task")
    await scenario.idle()

scenario.run(main())
