"""Two sub-interpreters, each with a loop of its own in a thread, beside the main one."""
import asyncio
import json
import os
import sys
import threading

import scenario

MIN_VERSION = (3, 12)  # before, asyncio takes the main interpreter's loop for the sub-interpreter's

if sys.version_info >= (3, 13):
    import _interpreters as interpreters
else:
    import _xxsubinterpreters as interpreters

INSIDE = """
import asyncio, json, os, sys
import %s as interpreters
sys.path[:0] = %r
import introspect, scenario

async def sub_sleeps():
    await asyncio.sleep(scenario.HOUR)

def report():
    current = interpreters.get_current()
    number = int(current[0] if isinstance(current, tuple) else current)
    picture = scenario.tasks_only(interpreter=number)
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


def start(source):
    if hasattr(interpreters, "exec"):
        sub = interpreters.create("legacy")
        interpreters.exec(sub, source)
    else:
        sub = interpreters.create(isolated=False)
        interpreters.run_string(sub, source)


async def main():
    scenario.options(threads=False, loops=False)
    for _ in range(2):
        reading, writing = os.pipe()
        source = INSIDE % (interpreters.__name__, sys.path[:2], writing)
        threading.Thread(target=start, args=(source,), daemon=True).start()
        with os.fdopen(reading) as opened:
            scenario.add_tasks(json.loads(opened.readline()))
    scenario.expect_task(asyncio.create_task(main_sleeps(), name="in main"), "waiting",
                         ["sleep", "main_sleeps"])
    await scenario.idle()

scenario.run(main())
