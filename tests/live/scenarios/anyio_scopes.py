"""anyio's timeouts: cancel scopes around waits, one in another, around a group, behind a shield."""
import asyncio
import time

import scenario

try:
    import anyio
except ImportError:
    scenario.skip("no anyio")

start = time.monotonic()
tasks = {}
SLACK = 5  # seconds that the tasks may take to come into their scopes


def me(name):
    tasks[name] = asyncio.current_task()


async def sleeps(name):
    me(name)
    await anyio.sleep(1000)


async def sleeps_forever(name):
    me(name)
    await anyio.sleep_forever()


async def waits(name):
    me(name)
    await anyio.Event().wait()


async def moves_on(name):
    with anyio.move_on_after(500):
        await waits(name)


async def fails(name):
    with anyio.fail_after(300):
        await waits(name)


async def nearest(name):
    with anyio.move_on_after(700), anyio.move_on_after(200), anyio.move_on_after(900):
        await waits(name)


async def shielded(name):
    with anyio.move_on_after(100), anyio.CancelScope(shield=True):
        await waits(name)


async def shielded_with_limit(name):
    with anyio.move_on_after(100), anyio.move_on_after(800, shield=True):
        await waits(name)


async def limited_sleep(name):
    with anyio.move_on_after(600):
        await sleeps(name)


async def moved(name):
    with anyio.move_on_after(100) as scope:
        scope.deadline = start + 400
        await waits(name)


async def without_limit(name):
    with anyio.move_on_after(None), anyio.CancelScope():
        await waits(name)


async def of_asyncio(name):
    """No task of anyio's, but in a scope."""
    with anyio.move_on_after(500):
        await asyncio.get_running_loop().create_future()


def expect(name, kind, seconds):
    limit = scenario.until(start + seconds, SLACK) if seconds else None
    scenario.expect_task(tasks[name], "waiting", holds={"any": True}, awaiting={
        "kind": kind, "deadline_s": limit, "has_timeout": bool(seconds) and kind != "sleep"})


async def main():
    scenario.options(extra_finished=True)
    tasks["of asyncio"] = asyncio.create_task(of_asyncio("of asyncio"))
    async with anyio.create_task_group() as outer:
        for function in (sleeps, sleeps_forever, moves_on, fails, nearest, shielded, moved,
                         shielded_with_limit, limited_sleep, without_limit):
            outer.start_soon(function, function.__name__)
        with anyio.move_on_after(1500):
            async with anyio.create_task_group() as inner:
                inner.start_soon(waits, "in group")
                inner.start_soon(moves_on, "in group, sooner")
                await anyio.sleep(0.1)
                for name, seconds in (("moves_on", 500), ("fails", 300), ("nearest", 200),
                                      ("shielded", None), ("shielded_with_limit", 800),
                                      ("moved", 400), ("without_limit", None),
                                      ("in group", 1500), ("in group, sooner", 500)):
                    expect(name, "event", seconds)
                expect("of asyncio", "future", 500)
                expect("sleeps", "sleep", 1000)
                expect("sleeps_forever", "sleep", None)
                scenario.expect_task(tasks["limited_sleep"], "waiting", awaiting={
                    "kind": "sleep", "has_timeout": True,
                    "deadline_s": scenario.until(start + 600, SLACK)})
                scenario.expect_task(asyncio.current_task(), "waiting", awaiting={
                    "kind": "sleep", "has_timeout": True,
                    "deadline_s": scenario.until(start + 1500, SLACK)})
                await scenario.idle()

anyio.run(main)
