"""Awaiting tasks with equal hashes; one of them has gone and left a hole in the set of awaiters."""
import asyncio

import scenario


class Task(asyncio.Task):
    """Its hash is 0 or 1: sets of such tasks are all collisions."""
    def __init__(self, *arguments, **keys):
        self.value = 0
        super().__init__(*arguments, **keys)

    def __hash__(self):
        return self.value


async def leaf():
    await asyncio.sleep(scenario.HOUR)


async def waits(task):
    await task


async def main():
    loop = asyncio.get_event_loop()
    loop.set_task_factory(lambda loop, coroutine, **keys: Task(coroutine, loop=loop, **keys))
    task = loop.create_task(leaf())
    awaiters = [loop.create_task(waits(asyncio.shield(task))) for _ in range(3)]
    direct = [loop.create_task(waits(task)) for _ in range(2)]
    scenario.options(extra_finished=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    awaiters.pop(1).cancel()
    await asyncio.sleep(0)
    scenario.expect_task(task, "waiting", ["sleep", "leaf"], type="__main__.Task",
                         awaited_by={"includes": [hex(id(other)) for other in direct]})
    for other in awaiters + direct:
        scenario.expect_task(other, "waiting", ["waits"])
    await scenario.idle()

scenario.run(main())
