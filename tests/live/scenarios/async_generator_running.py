"""The running task is inside an async generator that calls a blocking function."""
import asyncio

import scenario


def blocking_query():
    scenario.block()


async def rows():
    yield 0
    blocking_query()
    yield 1


async def all_rows():
    async for row in rows():
        yield row


async def report():
    return [row async for row in all_rows()]


async def main():
    task = asyncio.create_task(report(), name="report")
    scenario.expect_task(task, "running", ["block", "blocking_query", "rows", "all_rows", "...",
                                           "report"])
    await task

scenario.run(main())
