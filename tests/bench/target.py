"""What scripts/bench looks at: target.py TASKS quiet|busy [THREADS [MEBIBYTES]]. Says "ready" when it is."""

import asyncio
import sys
import threading


async def read_row(future):
    await future


async def fetch(future):
    await read_row(future)


async def handle(future):
    await fetch(future)


def spin(loop):
    loop.call_soon(spin, loop)


async def main(count, busy, threads):
    loop = asyncio.get_event_loop()
    tasks = [loop.create_task(handle(loop.create_future())) for _ in range(count)]
    for _ in range(threads):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    await asyncio.sleep(0)
    if busy:
        spin(loop)
    print("ready", flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    ballast = [b"%09d" % number + bytes(1000) for number in range(int((sys.argv[4:] or [0])[0]) << 10)]
    # As it was done in 3.6, which is measured too.
    new_loop = asyncio.new_event_loop()
    asyncio.set_event_loop(new_loop)
    new_loop.run_until_complete(main(int(sys.argv[1]), sys.argv[2] == "busy",
                                     int((sys.argv[3:] or ["0"])[0])))
