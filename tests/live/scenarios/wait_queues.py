"""Queues: getters of empty ones, putters of full ones, joiners, by priority, subclasses."""
import asyncio

import scenario


class Mailbox(asyncio.Queue):
    async def get(self):
        return await super().get()


class Stack(asyncio.LifoQueue):
    pass


def spawn(coroutine, queue, kind, name):
    task = asyncio.create_task(coroutine, name=name)
    scenario.expect_task(task, "waiting", awaiting={"kind": kind, "object": queue,
                                                    "has_timeout": False}, holds=[])
    return task


async def main():
    for cls in (asyncio.Queue, asyncio.PriorityQueue, asyncio.LifoQueue, Mailbox, Stack):
        empty, full = cls(), cls(2)
        getters = [spawn(empty.get(), empty, "queue_get", "get-%d" % i) for i in range(3)]
        for item in range(2):
            full.put_nowait(item)
        putters = [spawn(full.put(9), full, "queue_put", "put-%d" % i) for i in range(2)]
        scenario.expect_object(empty, kind="queue", waiters=getters, holders=[], state={
            "size": 0, "max_size": 0, "unfinished": 0, "getters": 3, "putters": 0})
        scenario.expect_object(full, kind="queue", waiters=putters, holders=[], state={
            "size": 2, "max_size": 2, "unfinished": 2, "getters": 0, "putters": 2})
    limited = asyncio.Queue()
    task = asyncio.create_task(asyncio.wait_for(limited.get(), scenario.HOUR), name="limited")
    scenario.expect_task(task, "waiting", awaiting={"has_timeout": True})
    joined = asyncio.Queue()
    joined.put_nowait(1)
    joined.put_nowait(2)
    joined.get_nowait()
    joiners = [spawn(joined.join(), joined, "queue_join", "join-%d" % i) for i in range(2)]
    scenario.expect_object(joined, kind="queue", waiters=set(joiners), state={
        "size": 1, "max_size": 0, "unfinished": 2, "getters": 0, "putters": 0})
    await asyncio.sleep(0)
    await scenario.idle()

scenario.run(main())
