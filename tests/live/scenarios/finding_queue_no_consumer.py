"""Tasks put into a full queue; the one that emptied it has ended."""
import asyncio

import scenario

SECOND_LOOK = True


async def consumes(queue):
    await queue.get()


async def produces(queue):
    while True:
        await queue.put("job")


async def start():
    queue = asyncio.Queue(2)
    producers = [asyncio.create_task(produces(queue), name="producer-%d" % i) for i in range(4)]
    await asyncio.create_task(consumes(queue))
    await asyncio.sleep(0.01)
    for task in producers:
        scenario.expect_task(task, "waiting", ["put", "produces"], idle=False,
                             awaiting={"kind": "queue_put", "object": queue})
    scenario.expect_object(queue, kind="queue", state={"size": 2, "max_size": 2, "putters": 4},
                           waiters={"set": producers})
    scenario.expect_finding("QUEUE_NO_CONSUMER", "likely", tasks={"includes": producers},
                            objects=[queue], contains=["produces"])
    return producers


async def main():
    producers = await start()
    scenario.options(extra_finished=True)
    scenario.expect_first_lines("QUEUE NO CONSUMER", "Queue#1", "produces")
    scenario.ready()
    await asyncio.gather(*producers)

scenario.run(main())
