"""Classes that are named like the types of the interpreter, and odd objects in sys.modules."""
import asyncio
import sys
import types

import scenario


class async_generator_asend:
    __slots__ = ("gen", "future")

    def __init__(self, gen, future):
        self.gen, self.future = gen, future

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        self.future._asyncio_future_blocking = True
        return self.future


coroutine = type("coroutine", (async_generator_asend,), {"__slots__": ()})


async def decoy():
    await asyncio.sleep(scenario.HOUR)
    yield 1


async def consumer(cls):
    await cls(decoy(), asyncio.get_event_loop().create_future())


async def main():
    sys.modules["a\x00b"] = types.ModuleType("a")
    sys.modules["none"] = None
    sys.modules["asyncio.tasks2"] = object()
    for cls in (async_generator_asend, coroutine):
        task = asyncio.create_task(consumer(cls), name=cls.__name__)
        scenario.expect_task(task, "waiting", ["consumer"])
    await scenario.idle()

scenario.run(main())
