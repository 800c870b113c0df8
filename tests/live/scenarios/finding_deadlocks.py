"""Deadlocks of every kind: with itself, of three, of awaits, through gather, through a thread."""
import asyncio

import scenario

SECOND_LOOK = True


async def enters_twice(lock):
    async with lock:
        async with lock:
            pass


async def takes_both(first, second):
    async with first:
        await asyncio.sleep(0)
        async with second:
            pass


async def awaits(tasks, name):
    await tasks[name]


async def gathers(tasks, name):
    await asyncio.gather(tasks[name], asyncio.sleep(scenario.HOUR))


async def through_thread(lock):
    loop = asyncio.get_event_loop()
    async with lock:
        await loop.run_in_executor(None, asks_loop, loop, lock)


def asks_loop(loop, lock):
    asyncio.run_coroutine_threadsafe(in_loop(lock), loop).result()


async def in_loop(lock):
    started.append(asyncio.current_task())
    async with lock:
        pass

started = []


def spawn(function, *arguments, name):
    return asyncio.create_task(function(*arguments), name=name)


def expect(tasks, objects, **keys):
    scenario.expect_finding("DEADLOCK", "certain", tasks=tasks, objects=objects, **keys)


async def main():
    lock = asyncio.Lock()
    expect([spawn(enters_twice, lock, name="self")], [lock], contains=["enters_twice"])
    locks = [asyncio.Lock() for _ in range(3)]
    expect([spawn(takes_both, locks[i], locks[(i + 1) % 3], name="three-%d" % i)
            for i in range(3)], locks, contains=["takes_both"])
    tasks = {}
    tasks["egg"] = spawn(awaits, tasks, "hen", name="egg")
    tasks["hen"] = spawn(awaits, tasks, "egg", name="hen")
    expect([tasks["egg"], tasks["hen"]], [])
    tasks["outer"] = spawn(gathers, tasks, "inner", name="outer")
    tasks["inner"] = spawn(awaits, tasks, "outer", name="inner")
    expect([tasks["outer"], tasks["inner"]], [], contains=["gathers"])
    shared = asyncio.Lock()
    holder = spawn(through_thread, shared, name="through a thread")
    while not started:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    scenario.expect_task(started[0], "waiting", awaiting={"kind": "lock", "object": shared})
    scenario.expect_task(holder, "waiting", awaiting={"kind": "executor"}, holds=[shared])
    expect([holder, started[0]], {"includes": [shared]}, contains=["through_thread"])
    scenario.expect_first_lines("DEADLOCK", "certain")
    await scenario.idle()

scenario.run(main())
