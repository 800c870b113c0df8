"""Nobody looked at these frames before: the picture is stated from the source alone, so that no
frame object exists when the reader comes."""
import asyncio
import sys

import scenario

SMOKE = True

with open(__file__, encoding="utf-8") as opened:
    LINES = opened.read().splitlines()


def marked(function, mark):
    line = next(n for n, text in enumerate(LINES, 1) if text.endswith("# here: " + mark))
    shown = {"function": function, "file": __file__, "line": line, "end_line": None,
             "column": None, "end_column": None}
    if sys.version_info >= (3, 11):
        shown.update(qualified_name=function, end_line=line,
                     column=LINES[line - 1].index("await"),
                     end_column=LINES[line - 1].index("  #"))
    return shown


async def inner():
    await asyncio.sleep(scenario.HOUR)  # here: inner


async def outer():
    for _ in range(2):
        await inner()  # here: outer


def picture(task, awaiting="sleep"):
    frames = [{"function": "sleep"}, marked("inner", "inner"), marked("outer", "outer")]
    return {"id": hex(id(task)), "state": "waiting", "coroutine": "outer", "frames": frames,
            "notes": [], "type": "_asyncio.Task", "awaiting": {"kind": awaiting}}


async def main():
    tasks = [asyncio.create_task(outer()) for _ in range(5)]
    own = dict(picture(asyncio.current_task(), "future"), coroutine="main", frames=[marked("main", "main")])
    scenario.print_stated(tasks=[own] + [picture(task) for task in tasks])
    await asyncio.get_event_loop().create_future()  # here: main

scenario.run(main())
