"""Coroutines that Cython compiled: as roots, in the middle and at the end of chains, and running."""
import asyncio
import importlib
import os
import shutil
import subprocess
import sys
import sysconfig

import scenario

MODULE = """\
async def inner(awaitable):
    return await awaitable

async def outer(awaitable):
    return await inner(awaitable)

class Client:
    async def fetch(self, awaitable):
        return await awaitable

async def items(awaitable):
    yield await awaitable

async def consumer(awaitable):
    async for item in items(awaitable):
        pass
"""


def compiled():
    """The module, made here; the scenario is skipped where that cannot be done."""
    headers = sysconfig.get_path("include")
    cython = shutil.which("cython3") or shutil.which("cython")
    if not cython or not shutil.which("cc"):
        scenario.skip("no Cython or no C compiler")
    if not os.path.exists(os.path.join(headers, "Python.h")):
        scenario.skip("no headers")
    with open("fast.pyx", "w") as opened:
        opened.write(MODULE)
    for command in ([cython, "-3", "fast.pyx"],
                    ["cc", "-w", "-O0", "-shared", "-fPIC", "-I" + headers, "fast.c", "-o",
                     "fast.so"]):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if done.returncode:
            scenario.skip("Cython is of another time: %s fails" % os.path.basename(command[0]))
    sys.path.insert(0, os.getcwd())
    return importlib.import_module("fast")


fast = compiled()


def compiled_frame(qualified_name):
    return {"function": qualified_name.rpartition(".")[2], "qualified_name": qualified_name,
            "file": "fast.pyx", "line": None, "column": None}


def python_frame(function, line):
    return {"function": function.__name__, "line": function.__code__.co_firstlineno + line}


def expect(task, state, frames, **keys):
    scenario.add_tasks([dict({"id": hex(id(task)), "state": state, "frames": frames, "notes": [],
                              "event_loop": hex(id(task._loop))}, **keys)])


async def waits(future):
    await future


async def blocks():
    await asyncio.sleep(0)
    scenario.block()


async def main():
    loop = asyncio.get_event_loop()
    scenario.options(exact=False, threads=False)
    scenario.expect_loop(loop, state="running")
    future = loop.create_future()
    awaiting = {"kind": "future", "id": hex(id(future))}
    inner, outer = compiled_frame("inner"), compiled_frame("outer")
    python = python_frame(waits, 1)
    chains = [(fast.inner(future), [inner]),
              (fast.outer(waits(future)), [python, inner, outer]),
              (waits(fast.outer(future)), [inner, outer, python]),
              (fast.Client().fetch(future), [compiled_frame("Client.fetch")]),
              (fast.consumer(future), [compiled_frame("items"), compiled_frame("consumer")])]
    waiting = [(loop.create_task(coroutine), frames) for coroutine, frames in chains]
    running = loop.create_task(fast.outer(blocks()))
    await asyncio.sleep(0)
    for task, frames in waiting:
        expect(task, "waiting", frames, awaiting=awaiting,
               coroutine=frames[-1].get("qualified_name", "waits"))
    expect(running, "running", [{"function": "block"}, python_frame(blocks, 2), inner, outer],
           coroutine="outer", awaiting=None)
    expect(loop.create_task(fast.inner(future)), "not_started", [inner], coroutine="inner")
    main_task = getattr(asyncio, "current_task", None) or asyncio.Task.current_task
    expect(main_task(), "ready", {"ends_with": [{"function": "main"}]})
    await asyncio.sleep(0)

scenario.run(main())
