"""A task around a generator and around an object that only looks like a coroutine."""
import asyncio
import collections.abc
import types

import scenario


class Machine(collections.abc.Coroutine):
    """Written like the coroutines of compiled extensions."""
    def __init__(self, future):
        self.future = future

    def send(self, value):
        self.future._asyncio_future_blocking = True
        return self.future

    def throw(self, *error):
        raise error[0]

    def close(self):
        pass

    def __await__(self):
        return self


@types.coroutine
def generator():
    yield from asyncio.sleep(scenario.HOUR)


async def main():
    loop = asyncio.get_event_loop()
    machine = asyncio.create_task(Machine(loop.create_future()), name="machine")
    scenario.expect_task(machine, "waiting", [], frames=[], coroutine={"any": True},
                         notes={"any": True})
    wrapped = asyncio.ensure_future(generator())
    scenario.expect_task(wrapped, "waiting", ["sleep", "generator", "..."])
    await scenario.idle()

scenario.run(main())
