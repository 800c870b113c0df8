"""The running task is in a C function that keeps the GIL."""
import asyncio
import ctypes

import scenario

sleep_with_gil = ctypes.PyDLL(None).sleep
sleep_with_gil.argtypes = [ctypes.c_uint]


async def work():
    scenario.hold(sleep_with_gil, scenario.HOUR)


async def main():
    import threading
    task = asyncio.create_task(work(), name="holds the GIL")
    scenario.expect_task(task, "running", ["hold", "work"])
    scenario.expect_thread(threading.get_ident(), holds_gil=True)
    await task

scenario.run(main())
