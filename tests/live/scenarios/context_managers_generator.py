"""Context managers made of async generators, and a stack of managers."""
import asyncio
import contextlib

import scenario

MIN_VERSION = (3, 7)


@contextlib.asynccontextmanager
async def slow_enter():
    await asyncio.sleep(scenario.HOUR)
    yield


@contextlib.asynccontextmanager
async def slow_exit():
    yield
    await asyncio.sleep(scenario.HOUR)


async def enters():
    async with slow_enter():
        pass


async def leaves():
    async with slow_exit():
        pass


async def exit_stack():
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(slow_enter())


async def main():
    stacks = {enters: ["sleep", "slow_enter", "__aenter__", "enters"],
              leaves: ["sleep", "slow_exit", "__aexit__", "leaves"],
              exit_stack: ["sleep", "slow_enter", "__aenter__", "enter_async_context",
                           "exit_stack"]}
    for function, stack in stacks.items():
        task = asyncio.create_task(function(), name=function.__name__)
        scenario.expect_task(task, "waiting", stack)
    await scenario.idle()

scenario.run(main())
