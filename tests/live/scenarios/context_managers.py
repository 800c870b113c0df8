"""Suspended inside, entering and leaving async context managers."""
import asyncio
import contextlib

import scenario


@contextlib.asynccontextmanager
async def slow_enter():
    await asyncio.sleep(scenario.HOUR)
    yield


@contextlib.asynccontextmanager
async def slow_exit():
    yield
    await asyncio.sleep(scenario.HOUR)


class Connection:
    async def __aenter__(self):
        await asyncio.sleep(scenario.HOUR)

    async def __aexit__(self, *exception):
        await asyncio.sleep(scenario.HOUR)


async def enters():
    async with slow_enter():
        pass


async def leaves():
    async with slow_exit():
        pass


async def connects():
    with contextlib.suppress(KeyError):
        async with asyncio.Lock(), Connection() as connection:
            del connection


async def exit_stack():
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(Connection())


async def main():
    tasks = [asyncio.create_task(function(), name=function.__name__)
             for function in (enters, leaves, connects, exit_stack)]
    stacks = [["sleep", "slow_enter", "__aenter__", "enters"],
              ["sleep", "slow_exit", "__aexit__", "leaves"],
              ["sleep", "__aenter__", "connects"],
              ["sleep", "__aenter__", "enter_async_context", "exit_stack"]]
    for task, stack in zip(tasks, stacks):
        scenario.expect_task(task, "waiting", stack)
    await scenario.idle()

scenario.run(main())
