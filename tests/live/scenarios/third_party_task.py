"""Registered tasks of a class of its own, that tells little: what it does not tell is not guessed."""
import asyncio

import scenario

MIN_VERSION = (3, 7)

UNKNOWN = ["whether it waits or is ready or done is not known: it is no asyncio.Task"]


class Job:
    def __init__(self, loop, **attributes):
        self._loop = loop
        self.__dict__.update(attributes)
        asyncio.tasks._register_task(self)

    def get_loop(self):
        return self._loop

    def done(self):
        return True  # so that all_tasks() leaves it out


class Slots:
    __slots__ = ("_coro", "_loop", "__weakref__")

    def __init__(self, loop, coroutine):
        self._loop, self._coro = loop, coroutine
        asyncio.tasks._register_task(self)

    get_loop, done = Job.get_loop, Job.done


async def job(future):
    await future


def started(loop):
    coroutine = job(loop.create_future())
    coroutine.send(None)
    return coroutine


kept = []


def expect(it, state, **keys):
    kept.append(it)
    scenario.add_tasks([dict({"id": hex(id(it)), "state": state, "awaiting": None, "name": None,
                              "type": "__main__." + type(it).__name__,
                              "event_loop": hex(id(it.get_loop())), "notes": []}, **keys)])


async def main():
    loop = asyncio.get_event_loop()
    future = loop.create_future()
    frames = [{"function": "job", "line": job.__code__.co_firstlineno + 1}]
    expect(Job(loop, _coro=started(loop), _state="PENDING", _fut_waiter=future, _name="nightly"),
           "waiting", name="nightly", frames=frames,
           awaiting={"kind": "future", "id": hex(id(future))})
    expect(Job(loop, _coro=started(loop), _state="PENDING", _fut_waiter=None), "ready",
           frames=frames)
    expect(Job(loop, _coro=started(loop), _state=3, _name=12), "waiting", notes=UNKNOWN,
           frames=frames)
    expect(Job(loop, _coro=job(future)), "not_started",
           frames=[{"function": "job", "line": job.__code__.co_firstlineno}])
    expect(Job(loop, _state="CANCELLED"), "cancelled", frames=[])
    expect(Job(loop), "waiting", notes=UNKNOWN, frames=[], coroutine=None)
    expect(Slots(loop, started(loop)), "waiting", notes=UNKNOWN, frames=frames)
    if hasattr(asyncio.tasks, "_register_eager_task"):
        eager = Job(loop, _coro="no coroutine")
        asyncio.tasks._unregister_task(eager)
        asyncio.tasks._register_eager_task(eager)
        expect(eager, "waiting", notes=UNKNOWN, frames=[], coroutine="str")
    await scenario.idle()

scenario.run(main())
