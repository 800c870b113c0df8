"""Some of everything: tasks that work, wait, begin and end, and a thread of its own."""
import asyncio
import sys
import threading
import time


async def burn():
    while True:
        end = time.perf_counter() + 0.003
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0.003)


async def short():
    await asyncio.sleep(0.02)


async def make():
    while True:
        await asyncio.ensure_future(short())


async def locked(lock):
    async with lock:
        await asyncio.sleep(3600)


async def main():
    lock = asyncio.Lock()
    tasks = [asyncio.ensure_future(one) for one in (burn(), make(), locked(lock), locked(lock))]
    threading.Thread(target=time.sleep, args=(3600,), name="helper", daemon=True).start()
    await asyncio.sleep(0.05)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.wait(tasks)

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
