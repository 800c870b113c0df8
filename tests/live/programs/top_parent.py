"""A server with three workers that run asyncio, and a child that is no Python. Who ends is replaced.

Prints "ready" when all of them run.
"""
import asyncio
import os
import subprocess
import sys

WORKERS = 3


async def work(ready):
    await asyncio.sleep(0.05)
    os.write(ready, b"1")
    await asyncio.sleep(3600)


def start(ready):
    if os.fork():
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(asyncio.wait([loop.create_task(work(ready)) for _ in range(2)]))


wanted, ready = os.pipe()
other = subprocess.Popen(["sleep", "3600"])
for _ in range(WORKERS):
    start(ready)
for _ in range(2 * WORKERS):
    os.read(wanted, 1)
sys.stdout.write("ready\n")
sys.stdout.flush()
while True:
    os.wait()
    start(ready)
