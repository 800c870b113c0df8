"""What scripts/bench looks at: target.py TASKS quiet|busy|work [THREADS [MEBIBYTES]]. Says "ready" when it is.

quiet: the tasks wait for ever; busy: so they do, and the loop spins; work: each of them sleeps for 50 ms and
then works for 0.2 ms, again and again, and SIGUSR1 is answered with how often they did and the time."""

import asyncio
import os
import signal
import sys
import threading
import time


async def read_row(future):
    await future


async def fetch(future):
    await read_row(future)


async def handle(future):
    await fetch(future)


class Work:
    """Its `done` is the unit of how fast the target is."""

    def __init__(self, seconds=0.0002):
        self.done = 0
        self.rounds = 1
        while self.measure() < seconds:  # as many rounds each time, so that a slower CPU does less
            self.rounds *= 1.2
        signal.signal(signal.SIGUSR1, self.tell)

    def measure(self):
        start = time.perf_counter()
        self.compute()
        return time.perf_counter() - start

    def compute(self):
        total = 0
        for number in range(int(self.rounds)):
            total += number
        return total

    async def step(self):
        await asyncio.sleep(0.05)
        self.compute()
        self.done += 1

    async def repeat(self):
        while True:
            await self.step()

    async def serve(self):
        await self.repeat()

    def tell(self, *_):
        os.write(1, b"%d %.6f\n" % (self.done, time.perf_counter()))


def spin(loop):
    loop.call_soon(spin, loop)


async def main(count, mode, threads):
    loop = asyncio.get_event_loop()
    work = Work() if mode == "work" else None
    tasks = [loop.create_task(work.serve() if work else handle(loop.create_future())) for _ in range(count)]
    for _ in range(threads):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    await asyncio.sleep(0)
    if mode == "busy":
        spin(loop)
    print("ready", flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    ballast = [b"%09d" % number + bytes(1000) for number in range(int((sys.argv[4:] or [0])[0]) << 10)]
    # As it was done in 3.6, which is measured too.
    new_loop = asyncio.new_event_loop()
    asyncio.set_event_loop(new_loop)
    new_loop.run_until_complete(main(int(sys.argv[1]), sys.argv[2],
                                     int((sys.argv[3:] or ["0"])[0])))
