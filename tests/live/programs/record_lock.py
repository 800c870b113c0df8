"""A task that waits for a lock for 60 ms, then sleeps for 20 ms, again and again."""
import asyncio
import sys


class Pool:
    def __init__(self):
        self.guard = asyncio.Lock()


async def worker(pool):
    loop = asyncio.get_event_loop()
    while True:
        await pool.guard.acquire()
        loop.call_later(0.06, pool.guard.release)
        async with pool.guard:
            pass
        await asyncio.sleep(0.02)

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.call_later(0.1, lambda: (sys.stdout.write("ready\n"), sys.stdout.flush()))
loop.run_until_complete(worker(Pool()))
