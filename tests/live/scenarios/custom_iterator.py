"""An awaitable whose iterator is a plain class: the chain ends there, the future is known."""
import asyncio

import scenario


class Steps:
    def __init__(self, future):
        self.future = future

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        self.future._asyncio_future_blocking = True
        return self.future


async def outer():
    await inner()


async def inner():
    await Steps(asyncio.get_event_loop().create_future())


async def main():
    task = asyncio.create_task(outer(), name="custom")
    scenario.expect_task(task, "waiting", ["inner", "outer"])
    await scenario.idle()

scenario.run(main())
