"""__await__ that returns coroutine.__await__(): a C wrapper stands between the two frames."""
import asyncio

import scenario


class Lazy:
    def __init__(self, function):
        self.function = function

    def __await__(self):
        return self.function().__await__()


async def work():
    await asyncio.sleep(scenario.HOUR)


async def once():
    await Lazy(work)


async def twice():
    await Lazy(once)


async def main():
    task = asyncio.create_task(twice(), name="wrapped")
    scenario.expect_task(task, "waiting", ["sleep", "work", "once", "twice"])
    await scenario.idle()

scenario.run(main())
