"""Coroutines whose __name__ and __qualname__ were changed: the task shows the coroutine's own
name, its frames the code's."""
import asyncio

import scenario


async def original():
    await asyncio.sleep(scenario.HOUR)


async def main():
    function_renamed = original
    function_renamed.__qualname__ = "Renamed.function"
    first = original()
    second = original()
    second.__qualname__ = "Renamed.coroutine"
    for coroutine, name in ((first, "Renamed.function"), (second, "Renamed.coroutine")):
        scenario.expect_task(asyncio.create_task(coroutine, name=name), "waiting",
                             ["sleep", "original"], coroutine=name)
    await scenario.idle()

scenario.run(main())
