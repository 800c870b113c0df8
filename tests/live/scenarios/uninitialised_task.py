"""Tasks whose __init__ was never called: no coroutine, no loop, registered all the same."""
import asyncio

import scenario

MIN_VERSION = (3, 7)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


class Subclass(asyncio.Task):
    pass


class PythonSubclass(asyncio.tasks._PyTask):
    pass


kept = []


async def main():
    scenario.options(exact=False)
    for cls in (asyncio.Task, Subclass, PythonSubclass):
        task = cls.__new__(cls)
        asyncio._register_task(task)
        kept.append(task)
        scenario.add_tasks([{"id": hex(id(task)), "frames": [], "notes": {"any": True}}])
    scenario.expect_task(asyncio.create_task(sleeps(), name="beside"), "waiting",
                         ["sleep", "sleeps"])
    scenario.expect_task(asyncio.current_task(), "waiting", ["...", "main"])
    await scenario.idle()

scenario.run(main())
