"""Tasks in reference cycles, with weird results; a loop whose ready queue holds odd callbacks."""
import asyncio
import functools

import scenario


class Node:
    pass


async def cyclic(node):
    node.task = asyncio.current_task()
    await asyncio.get_event_loop().create_future()


async def main():
    loop = asyncio.get_event_loop()
    for i in range(3):
        node = Node()
        node.itself = node
        task = asyncio.create_task(cyclic(node), name="cyclic-%d" % i)
        task.add_done_callback(functools.partial(print, task))
        task.add_done_callback(lambda task: None)
        scenario.expect_task(task, "waiting", ["cyclic"])
        await asyncio.sleep(0)
    loop.call_later(scenario.HOUR, node.__class__)
    await scenario.idle()

scenario.run(main())
