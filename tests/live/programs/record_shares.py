"""Two coroutines that burn the CPU 3:1, in turns."""
import asyncio
import sys
import time


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def heavy():
    while True:
        spin(0.006)
        await asyncio.sleep(0)


async def light():
    while True:
        spin(0.002)
        await asyncio.sleep(0)


async def main():
    tasks = [asyncio.ensure_future(heavy()), asyncio.ensure_future(light())]
    await asyncio.sleep(0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.wait(tasks)

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
