"""Workers wait for a queue that only they know: the one that filled it has ended."""
import asyncio

import scenario

SECOND_LOOK = True


async def produces(queue):
    for job in range(3):
        await queue.put(job)


async def works(queue):
    while True:
        await queue.get()


async def start():
    queue = asyncio.Queue()
    workers = [asyncio.create_task(works(queue), name="worker-%d" % i) for i in range(3)]
    await asyncio.create_task(produces(queue))
    await asyncio.sleep(0.01)
    for task in workers:
        scenario.expect_task(task, "waiting", ["get", "works"], idle=False,
                             awaiting={"kind": "queue_get", "object": queue})
    scenario.expect_object(queue, kind="queue", state={"size": 0, "getters": 3},
                           waiters={"set": workers})
    scenario.expect_finding("QUEUE_NO_PRODUCER", "likely", tasks={"includes": workers},
                            objects=[queue], contains=["works"])
    return workers


async def main():
    workers = await start()
    scenario.options(extra_finished=True)
    scenario.expect_first_lines("QUEUE NO PRODUCER", "Queue#1", "works")
    scenario.ready()
    await asyncio.gather(*workers)

scenario.run(main())
