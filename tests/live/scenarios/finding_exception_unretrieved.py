"""Tasks that ended with an exception which nobody looks at; one that was looked at is none.

From 3.14 on no list has tasks that ended, but those whose exception nobody looked at are found.
"""
import asyncio
import sys

import scenario

SECOND_LOOK = True

kept = []


async def fails(text):
    raise ValueError(text)


async def main():
    task, seen = (asyncio.create_task(fails(text), name=text) for text in ("boom", "seen"))
    await asyncio.wait([task, seen])
    seen.exception()
    kept.extend([task, seen])
    scenario.expect_task(task, "done", exception={"type": scenario.any_of(
        "ValueError", "builtins.ValueError"), "text": {"any": True}},
        exception_retrieved=False)
    scenario.expect_task(seen, "done", exception_retrieved=True,
                         optional=sys.version_info >= (3, 14))
    scenario.options(extra_finished=True)
    scenario.expect_finding("EXC_UNRETRIEVED", "likely", tasks=[task], contains=["ValueError"])
    scenario.expect_first_lines("EXC UNRETRIEVED", "ValueError")
    await scenario.idle()

scenario.run(main())
