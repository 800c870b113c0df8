# Ten spawners start twenty short tasks at a time. Every fifth of these makes a function of its own.
import asyncio
import random

lock = None


async def leaf(number):
    kind = number % 5
    if kind == 0:
        await asyncio.sleep(random.random() * 0.02)
    elif kind == 1:
        async with lock:
            await asyncio.sleep(0.001)
    elif kind == 2:
        await asyncio.gather(*[asyncio.sleep(0.005) for _ in range(3)])
    elif kind == 3:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        except asyncio.TimeoutError:
            pass
    else:
        names = {}
        exec("async def dyn%d():\n    await asyncio.sleep(0.003)\n" % number,
             {"asyncio": asyncio}, names)
        await list(names.values())[0]()


async def spawner():
    number = 0
    while True:
        tasks = [asyncio.ensure_future(leaf(number + i)) for i in range(20)]
        number += 20
        await asyncio.wait(tasks)


async def main():
    global lock
    lock = asyncio.Lock()
    print("ready", flush=True)
    await asyncio.gather(*[spawner() for _ in range(10)])


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
