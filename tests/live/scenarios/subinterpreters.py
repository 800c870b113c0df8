"""Two sub-interpreters, each with a loop of its own in a thread, beside the main one."""
import asyncio
import json
import os
import sys
import threading

import scenario

MIN_VERSION = (3, 13)

INSIDE = """
import asyncio, json, os, sys
import _interpreters
sys.path[:0] = %r
import introspect, scenario

async def sub_sleeps():
    await asyncio.sleep(scenario.HOUR)

def report():
    picture = scenario.tasks_only(interpreter=int(_interpreters.get_current()[0]))
    os.write(%d, (json.dumps(picture) + chr(10)).encode())

async def sub_main():
    for i in range(2):
        task = asyncio.create_task(sub_sleeps(), name="sub-%%d" %% i)
        scenario.expect_task(task, "waiting", ["sleep", "sub_sleeps"])
    asyncio.get_running_loop().call_later(0.1, report)
    await task

asyncio.run(sub_main())
"""


async def main_sleeps():
    await asyncio.sleep(scenario.HOUR)


async def main():
    import _interpreters
    scenario.options(threads=False, loops=False)
    for _ in range(2):
        reading, writing = os.pipe()
        source = INSIDE % (sys.path[:2], writing)
        sub = _interpreters.create("legacy")
        threading.Thread(target=_interpreters.exec, args=(sub, source), daemon=True).start()
        with os.fdopen(reading) as opened:
            scenario.add_tasks(json.loads(opened.readline()))
    scenario.expect_task(asyncio.create_task(main_sleeps(), name="in main"), "waiting",
                         ["sleep", "main_sleeps"])
    await scenario.idle()

scenario.run(main())
