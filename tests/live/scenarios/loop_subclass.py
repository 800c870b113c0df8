"""A loop of a class of its own, and one that runs inside a callback chain without tasks."""
import asyncio

import scenario


class ServiceLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__()
        self.service = "billing"


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


loop = ServiceLoop()
task = loop.create_task(sleeps())
scenario.expect_task(task, "waiting", ["sleep", "sleeps"])
scenario.expect_loop(loop, type="__main__.ServiceLoop", state="idle")
loop.call_soon(scenario.ready)
loop.run_forever()
