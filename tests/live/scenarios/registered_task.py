"""Tasks that others wrote: of classes that are no asyncio.Task, registered through its functions."""
import asyncio

import scenario

MIN_VERSION = (3, 7)


class ForeignTask:
    """The attributes that tools look at, and nothing else."""
    _asyncio_future_blocking = False

    def __init__(self, coroutine, loop):
        self._coro, self._loop = coroutine, loop
        self._state, self._fut_waiter = "PENDING", None
        self._must_cancel, self._source_traceback = False, None
        self._name, self._exception = "foreign", None
        asyncio._register_task(self)

    def get_loop(self):
        return self._loop

    def get_coro(self):
        return self._coro

    def get_name(self):
        return self._name

    def done(self):
        return False

    def cancelled(self):
        return False

    def start(self):
        self._fut_waiter = self._coro.send(None)


class Opaque(ForeignTask):
    """Keeps what it knows in slots of its own."""
    __slots__ = ("hidden",)

    def __init__(self, loop):  # pylint: disable=super-init-not-called
        self.hidden = loop
        asyncio._register_task(self)

    def get_loop(self):
        return self.hidden


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


tasks = []


async def main():
    loop = asyncio.get_event_loop()
    foreign = ForeignTask(sleeps(), loop)
    foreign.start()
    tasks.extend([foreign, Opaque(loop)])
    scenario.options(exact=False)
    scenario.expect_task(foreign, "waiting", ["sleep", "sleeps"], type="__main__.ForeignTask",
                         awaited_by={"any": True})
    scenario.add_tasks([{"id": hex(id(tasks[1])), "type": "__main__.Opaque",
                         "notes": {"any": True}, "frames": []}])
    scenario.expect_task(asyncio.create_task(sleeps(), name="beside"), "waiting",
                         ["sleep", "sleeps"])
    scenario.expect_task(asyncio.current_task(), "waiting", ["...", "main"])
    await scenario.idle()

scenario.run(main())
