"""Makes and finishes some hundred tasks a second, of which some twenty live at a time."""
import asyncio
import sys


async def leaf(seconds):
    await asyncio.sleep(seconds)


async def child(number):
    await leaf(0.01 + number % 7 * 0.01)
    await asyncio.sleep(0)


async def main():
    number, living = 0, set()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for _ in range(4):
            number += 1
            task = asyncio.ensure_future(child(number))
            living.add(task)
            task.add_done_callback(living.discard)
        await asyncio.sleep(0.01)

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
