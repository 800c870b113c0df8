"""A thread in a C function that keeps the GIL: the loop has work and cannot run."""
import asyncio
import ctypes
import threading
import time

import scenario

SECOND_LOOK = True
MODE = None

sleep_with_gil = ctypes.PyDLL(None).sleep
sleep_with_gil.argtypes = [ctypes.c_uint]


def compresses():
    time.sleep(0.2)
    scenario.hold(sleep_with_gil, scenario.HOUR)


async def heartbeat():
    while True:
        await asyncio.sleep(0.02)


async def main():
    scenario.options(busy=True)
    thread = threading.Thread(target=compresses, name="compressor", daemon=True)
    thread.start()
    while not hasattr(thread, "native_id"):
        await asyncio.sleep(0.01)
    scenario.expect_task(asyncio.current_task(), {"any": True}, awaiting={"any": True},
                         awaited_by=[], frames={"ends_with": [{"function": "main"}]})
    scenario.expect_thread(thread.ident, holds_gil=True)
    scenario.expect_thread(threading.get_ident(), waits_for_gil=scenario.any_of(True, None),
                           holds_gil=False, current_task={"any": True}, frames={"any": True})
    scenario.expect_loop(asyncio.get_event_loop(), state={"any": True})
    scenario.expect_finding("GIL_STARVED", "likely", threads={"includes": [thread.native_id]},
                            contains=["compressor", "hold"])
    scenario.allow_findings("LOOP_BLOCKED")
    scenario.expect_first_lines("STARVED", "GIL", "compressor")
    await heartbeat()

scenario.run(main())
