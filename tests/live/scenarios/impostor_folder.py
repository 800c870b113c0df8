"""A program of its own in a folder called asyncio, with files and functions named as asyncio's."""
import asyncio

import scenario

LOCKS = """
import asyncio

class Lock(asyncio.Lock):
    def __init__(self, door):
        super().__init__()
        self.door = door

    async def acquire(self):
        await self.door.wait()
        return await super().acquire()

class Pool:
    def __init__(self):
        self.semaphore = asyncio.Semaphore(0)

    async def take(self):
        async with self.semaphore:
            pass

async def takes(lock):
    async with lock:
        pass
"""


def load(file, text):
    names = {"__name__": "program"}
    exec(compile(text, file, "exec"), names)
    return names


async def main():
    names = load("/srv/asyncio/locks.py", LOCKS)
    door, pool = asyncio.Event(), names["Pool"]()
    lock = names["Lock"](door)
    takes = asyncio.create_task(names["takes"](lock), name="takes")
    take = asyncio.create_task(pool.take(), name="take")
    await asyncio.sleep(0)
    scenario.expect_task(takes, "waiting", ["wait", "acquire", "__aenter__", "takes"],
                         awaiting={"kind": "event", "object": door})
    scenario.expect_task(take, "waiting", ["acquire", "__aenter__", "take"],
                         awaiting={"kind": "semaphore", "object": pool.semaphore})
    scenario.expect_object(door, kind="event", name="Lock.door")
    scenario.expect_object(pool.semaphore, kind="semaphore", name="Pool.semaphore")
    await scenario.idle()

scenario.run(main())
