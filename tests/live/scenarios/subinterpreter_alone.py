"""The only loop is a sub-interpreter's, in a thread; the main interpreter never had one."""
import json
import os
import sys
import threading

import scenario

MIN_VERSION = (3, 8)

if sys.version_info >= (3, 13):
    import _interpreters as interpreters
else:
    import _xxsubinterpreters as interpreters

INSIDE = """
import asyncio, json, os, sys
sys.path[:0] = %r
import introspect, scenario

async def sub_sleeps():
    await asyncio.sleep(scenario.HOUR)

def report():
    os.write(%d, (json.dumps(scenario.tasks_only(interpreter=%s)) + chr(10)).encode())

async def sub_main():
    for i in range(3):
        task = asyncio.create_task(sub_sleeps(), name="sub-%%d" %% i)
        scenario.expect_task(task, "waiting", ["sleep", "sub_sleeps"])
    asyncio.get_running_loop().call_later(0.1, report)
    await task

asyncio.run(sub_main())
"""


def number(interpreter):
    """3.11 and older have one set of tasks, which is no interpreter's more than another's."""
    if sys.version_info < (3, 12):
        return {"any": True}
    return int(interpreter)


def create():
    if sys.version_info >= (3, 13):
        return interpreters.create("legacy")
    return interpreters.create(**({"isolated": False} if sys.version_info >= (3, 12) else {}))


scenario.options(threads=False, loops=False)
reading, writing = os.pipe()
sub = create()
start = getattr(interpreters, "exec", None) or interpreters.run_string
source = INSIDE % (sys.path[:2], writing, number(sub))
threading.Thread(target=start, args=(sub, source), daemon=True).start()
with os.fdopen(reading) as opened:
    scenario.add_tasks(json.loads(opened.readline()))
scenario.block()
