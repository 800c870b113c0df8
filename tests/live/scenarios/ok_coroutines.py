"""Coroutines that were not awaited yet, and that somebody will await: nothing is forgotten."""
import asyncio
import functools

import scenario

SECOND_LOOK = True
DUMP = ["--gc"]

registry = {}


async def fetches(number):
    await asyncio.sleep(scenario.HOUR)


async def later(coroutine):
    await asyncio.sleep(scenario.HOUR)
    return await coroutine


async def in_turn(coroutines):
    for coroutine in coroutines:
        await coroutine


async def with_name(first, other):
    named = {"other": [other]}
    await first
    await named["other"][0]


async def items():
    yield 1


def spawn(coroutine):
    return asyncio.create_task(coroutine, name="job")


async def main():
    loop = asyncio.get_event_loop()
    tasks = [spawn(later(fetches(number))) for number in range(5)]
    tasks.append(spawn(in_turn([fetches(number) for number in range(5)])))
    tasks.append(spawn(in_turn(fetches(number) for number in range(5))))
    tasks.append(spawn(with_name(fetches(1), fetches(2))))
    queue, ordered, generator = asyncio.Queue(), asyncio.PriorityQueue(), items()
    queue.put_nowait(fetches(1))
    queue.put_nowait(("name", fetches(2)))
    ordered.put_nowait((1, fetches(3)))
    loop.call_later(scenario.HOUR, asyncio.ensure_future, fetches(4))
    loop.call_later(scenario.HOUR, functools.partial(asyncio.ensure_future, fetches(5)))
    captured = fetches(6)
    loop.call_later(scenario.HOUR, lambda: loop.create_task(captured))
    registry["queue"], registry["callback"] = queue, functools.partial(spawn, fetches(7))
    scenario.options(extra_finished=True)
    scenario.expect_ok()
    await scenario.idle()
    del generator, ordered, tasks

scenario.run(main())
