"""What waits for tasks: gather, wait, wait_for, shield, as_completed, and which tasks are behind."""
import asyncio
import sys

import scenario

# wait_for() parks on a future of its own there, later in what it waits for.
OWN_FUTURE = sys.version_info < (3, 12)


async def child():
    await asyncio.sleep(scenario.HOUR)


async def ends():
    pass


async def awaits(task):
    await task


async def gathers(*tasks):
    await asyncio.gather(*tasks)


async def gathers_nested(first, second, third):
    await asyncio.gather(asyncio.gather(first, second), third)


async def waits_all(*tasks):
    await asyncio.wait(tasks)


async def waits_first(*tasks):
    await asyncio.wait(tasks, timeout=scenario.HOUR, return_when=asyncio.FIRST_COMPLETED)


async def waits_exception(*tasks):
    await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)


async def completes(*tasks):
    for completed in asyncio.as_completed(tasks):
        await completed


async def limits(task):
    await asyncio.wait_for(task, scenario.HOUR)


async def limits_coroutine(_):
    await asyncio.wait_for(child(), scenario.HOUR)


async def unlimited(task):
    await asyncio.wait_for(task, None)


async def shields(task):
    await asyncio.shield(task)


async def shields_gather(first, second):
    await asyncio.shield(asyncio.gather(first, second))


async def gives_up(task):
    await asyncio.wait_for(task, 0.01)


async def goes_on():
    while True:
        try:
            await asyncio.sleep(scenario.HOUR)
        except asyncio.CancelledError:
            pass


async def limits_shield(task):
    await asyncio.wait_for(asyncio.shield(task), scenario.HOUR)


def spawn(function, *arguments, name):
    return asyncio.create_task(function(*arguments), name=name)


def cases(start):
    """(function, number of children, how many of them are done, what it awaits)."""
    left = {"has_timeout": True, "deadline_s": scenario.until(start + scenario.HOUR, slack=20)}
    never = {"has_timeout": False, "deadline_s": None}
    all_of, one_of = {"any_task": False}, {"any_task": True}
    limited = dict(left, kind="timeout" if OWN_FUTURE else "task")
    shielded = dict(left, kind="shield")
    if OWN_FUTURE:
        shielded["kind"] = scenario.any_of("timeout", "shield")
    return [
        (awaits, 1, 0, dict(never, kind="task")),
        (gathers, 3, 1, dict(never, kind="gather", done=1, total=3, **all_of)),
        (gathers, 2, 0, dict(never, kind="gather", done=0, total=2, **all_of)),
        (gathers_nested, 3, 0, dict(never, kind="gather", done=0, total=2, **all_of)),
        (waits_all, 3, 1, dict(never, kind="wait", done=1, total=3, **all_of)),
        (waits_first, 2, 0, dict(left, kind="wait", done=0, total=2, **one_of)),
        (waits_exception, 2, 0, dict(never, kind="wait", done=0, total=2)),
        (completes, 3, 1, dict(never, kind="wait", **one_of)),
        (limits, 1, 0, limited),
        (unlimited, 1, 0, dict(never, kind="task")),
        (shields, 1, 0, dict(never, kind="shield")),
        (limits_shield, 1, 0, shielded),
    ]


async def what_old_versions_lack():
    children = [spawn(child, name="shielded") for _ in range(2)]
    task = spawn(shields_gather, *children, name="shields_gather")
    scenario.expect_task(task, "waiting", ["shields_gather"], awaiting={
        "kind": "shield", "tasks": children, "done": 0, "total": 2, "any_task": False})
    task = spawn(goes_on, name="goes_on")
    waits = spawn(gives_up, task, name="gives_up")
    scenario.expect_task(waits, "waiting", ["...", "gives_up"], awaiting={
        "kind": "timeout" if OWN_FUTURE else "task", "tasks": [task], "has_timeout": False})
    await asyncio.sleep(0.05)
    scenario.allow_findings("CANCEL_SWALLOWED")


async def main():
    loop = asyncio.get_event_loop()
    for number, (function, count, done, awaiting) in enumerate(cases(loop.time())):
        children = [spawn(ends if i < done else child, name="%d-%d" % (number, i))
                    for i in range(count)]
        task = spawn(function, *children, name=function.__name__)
        awaiting["tasks"] = children[done:]
        scenario.expect_task(task, "waiting", ["...", function.__name__], awaiting=awaiting)
        for waited in children[done:]:
            scenario.expect_task(waited, "waiting", ["sleep", "child"], awaited_by=[task])
    start = loop.time()
    task = spawn(limits_coroutine, None, name="limits_coroutine")
    scenario.expect_task(task, "waiting", ["...", "limits_coroutine"], awaiting={
        "kind": "timeout" if OWN_FUTURE else "sleep", "has_timeout": True,
        "deadline_s": scenario.until(start + scenario.HOUR, slack=20)})
    if sys.version_info >= (3, 7):
        await what_old_versions_lack()
    scenario.options(extra_finished=True)
    scenario.expect_ok()
    await scenario.idle()

scenario.run(main())
