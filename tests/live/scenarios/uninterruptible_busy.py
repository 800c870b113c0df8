"""As uninterruptible, beside a thread that never stops running."""
import asyncio
import ctypes
import signal
import threading
import time

import scenario

MODE = None
HEARTBEAT = True
SYS_CLONE = 56
CLONE_VFORK = 0x4000

system_call = ctypes.CDLL(None).syscall


def wait_like_vfork():
    # The child has memory of its own, so it may go on in Python; the parent's thread waits for it.
    if system_call(SYS_CLONE, CLONE_VFORK | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        signal.alarm(scenario.LIFETIME)
        time.sleep(scenario.HOUR)


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


def spin(beat):
    while True:
        for _ in range(1000):
            pass
        beat()


async def main():
    scenario.options(busy=True, threads=False)
    thread = threading.Thread(target=wait_like_vfork, name="in vfork", daemon=True)
    thread.start()
    while not uninterruptible(thread):
        await asyncio.sleep(0.01)
    scenario.expect_task(asyncio.create_task(sleeps(), name="sleeps"), "waiting",
                         ["sleep", "sleeps"])
    threading.Thread(target=spin, args=(scenario.heartbeat(),), daemon=True).start()
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True})
    await scenario.idle()


def uninterruptible(thread):
    if getattr(thread, "native_id", None) is None:
        return False
    with open("/proc/self/task/%d/stat" % thread.native_id) as opened:
        return opened.read().rpartition(")")[2].split()[0] == "D"

scenario.run(main())
