"""The main thread has ended, the process lives on in a thread with a loop."""
import asyncio
import ctypes
import os
import threading
import time

import scenario

SYS_EXIT = 60


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    # The interpreter is never told: it keeps the state of a thread that is no more.
    scenario.expect_thread(threading.main_thread().ident, tid={"any": True},
                           kernel_name={"any": True}, frames={"any": True})
    while not main_has_ended():
        time.sleep(0.01)
    for i in range(3):
        scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps-%d" % i), "waiting",
                             ["sleep", "sleeps"])
    await scenario.idle()


def main_has_ended():
    with open("/proc/self/task/%d/stat" % os.getpid()) as opened:
        return opened.read().rpartition(")")[2].split()[0] == "Z"


system_call = ctypes.CDLL(None).syscall
threading.Thread(target=lambda: scenario.run(main()), name="the loop").start()
system_call(SYS_EXIT, 0)
