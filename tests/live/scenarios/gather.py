"""gather: the parent awaits a future of its own kind, nested once."""
import asyncio

import scenario


async def child():
    await asyncio.sleep(scenario.HOUR)


async def parent(name):
    children = [asyncio.create_task(child(), name="%s-%d" % (name, i)) for i in range(3)]
    for task in children:
        scenario.expect_task(task, "waiting", ["sleep", "child"])
    await asyncio.gather(*children)


async def main():
    tasks = [asyncio.create_task(parent(name), name=name) for name in ("a", "b")]
    for task in tasks:
        scenario.expect_task(task, "waiting", ["parent"])
    scenario.expect_task(asyncio.current_task(), "waiting", ["main"])
    scenario.ready()
    await asyncio.gather(asyncio.gather(*tasks), child())

scenario.run(main())
