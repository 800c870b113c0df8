"""Threads that came and went before, and others that wait in every usual way."""
import asyncio
import os
import queue
import select
import socket
import threading
import time

import scenario


def waits_for_lock(lock):
    with lock:
        pass


def reads(descriptor):
    os.read(descriptor, 1)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    for _ in range(100):
        thread = threading.Thread(target=len, args=("",))
        thread.start()
        thread.join()
    lock = threading.Lock()
    lock.acquire()
    condition = threading.Condition()
    condition.acquire()
    left, right = socket.socketpair()
    for target, arguments in (
            (waits_for_lock, (lock,)), (reads, (os.pipe()[0],)), (queue.Queue().get, ()),
            (select.select, ([left], [], [])), (left.recv, (1,)), (condition.acquire, ()),
            (threading.Event().wait, ()), (threading.Barrier(2).wait, ()),
            (time.sleep, (scenario.HOUR,))):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    assert right
    scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps"), "waiting",
                         ["sleep", "sleeps"])
    await scenario.idle()

scenario.run(main())
