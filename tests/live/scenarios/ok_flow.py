"""Nothing is wrong: hundreds of tasks queue for a pool, a lock and a queue, and all get their turn."""
import asyncio

import scenario

SECOND_LOOK = True
MODE = None
HEARTBEAT = True
REPEAT = 5
REPEAT_ALL = 20


async def through_pool(pool):
    while True:
        async with pool:
            await asyncio.sleep(0.001)


async def through_lock(lock, beat):
    while True:
        async with lock:
            beat()
            await asyncio.sleep(0)


async def puts(queue):
    while True:
        await queue.put("job")


async def gets(queue):
    while True:
        await queue.get()
        await asyncio.sleep(0.001)


async def computes(loop):
    while True:
        await loop.run_in_executor(None, sum, range(1000))
        await asyncio.sleep(0.001)


async def main():
    scenario.options(busy=True, extra_tasks=True, exact=False, threads=False)
    loop = asyncio.get_event_loop()
    pool, lock, queue = asyncio.Semaphore(10), asyncio.Lock(), asyncio.Queue(5)
    beat = scenario.heartbeat()
    tasks = [asyncio.create_task(through_pool(pool), name="pool") for _ in range(300)]
    tasks += [asyncio.create_task(through_lock(lock, beat), name="lock") for _ in range(300)]
    tasks += [asyncio.create_task(puts(queue), name="put") for _ in range(20)]
    tasks += [asyncio.create_task(gets(queue), name="get") for _ in range(5)]
    tasks += [asyncio.create_task(computes(loop), name="compute") for _ in range(3)]
    await asyncio.sleep(0.1)
    for task, name in ((tasks[0], "through_pool"), (tasks[300], "through_lock")):
        scenario.expect_task(task, {"any": True}, awaiting={"any": True},
                             frames={"ends_with": [{"function": name}]})
    scenario.expect_loop(loop, state=scenario.any_of("idle", "running"))
    scenario.expect_ok()
    scenario.expect_first_lines("OK")
    scenario.ready()
    await asyncio.gather(*tasks)

scenario.run(main())
