"""Suspended inside, entering and leaving async context managers."""
import asyncio
import contextlib

import scenario


class Leaving:
    async def __aenter__(self):
        pass

    async def __aexit__(self, *exception):
        await asyncio.sleep(scenario.HOUR)


class Connection:
    async def __aenter__(self):
        await asyncio.sleep(scenario.HOUR)

    async def __aexit__(self, *exception):
        await asyncio.sleep(scenario.HOUR)


async def connects():
    with contextlib.suppress(KeyError):
        async with asyncio.Lock(), Connection() as connection:
            del connection


async def disconnects():
    async with Leaving():
        pass


async def main():
    tasks = [asyncio.create_task(function(), name=function.__name__)
             for function in (connects, disconnects)]
    stacks = [["sleep", "__aenter__", "connects"], ["sleep", "__aexit__", "disconnects"]]
    for task, stack in zip(tasks, stacks):
        scenario.expect_task(task, "waiting", stack)
    await scenario.idle()

scenario.run(main())
