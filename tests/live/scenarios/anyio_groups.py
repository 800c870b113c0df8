"""anyio's task groups: left with children in them, still inside, nested, start(); who made a task."""
import asyncio

import scenario

try:
    import anyio
except ImportError:
    scenario.skip("no anyio")

tasks, groups = {}, {}


def me(name):
    tasks[name] = asyncio.current_task()


async def sleeps(name):
    me(name)
    await anyio.sleep(scenario.HOUR)


async def starts_late(name, *, task_status):
    me(name)
    await anyio.sleep(scenario.HOUR)
    task_status.started()


async def leaves(name):
    me(name)
    async with anyio.create_task_group() as groups[name]:
        for child in ("one", "two"):
            groups[name].start_soon(sleeps, child, name=child)


async def nests(name):
    me(name)
    async with anyio.create_task_group() as groups[name]:
        groups[name].start_soon(leaves, "leaves")


async def inside(name):
    me(name)
    async with anyio.create_task_group() as groups[name]:
        groups[name].start_soon(sleeps, "beside")
        await anyio.sleep(scenario.HOUR)


async def starts(name):
    me(name)
    async with anyio.create_task_group() as groups[name]:
        await groups[name].start(starts_late, "late")


async def waits_for_handle(name, handle):
    me(name)
    await handle.wait()


def expect(name, function, kind, parent, **awaiting):
    has_holds = name in ("inside", "starts")
    scenario.expect_task(tasks[name], "waiting", coroutine=function.__qualname__,
                         awaiting=dict(awaiting, kind=kind),
                         holds=[groups[name]] if has_holds else [],
                         creator=tasks[parent] if parent else None)


async def main():
    me("main")
    scenario.options(extra_finished=True)
    async with anyio.create_task_group() as group:
        for function in (nests, inside, starts):
            group.start_soon(function, function.__name__)
        # Task groups make handles from 4.14 on.
        handle = group.create_task(sleeps("handled")) if hasattr(group, "create_task") else None
        if handle:
            group.start_soon(waits_for_handle, "waits", handle)
        await anyio.sleep(0.1)
        expect("nests", nests, "task_group", "main", object=groups["nests"],
               tasks=[tasks["leaves"]])
        expect("leaves", leaves, "task_group", "nests", object=groups["leaves"], has_timeout=False,
               tasks=[tasks["one"], tasks["two"]], any_task=False, done=None, total=None)
        expect("inside", inside, "sleep", "main")
        expect("starts", starts, "task_group", "main", object=groups["starts"], callee="start",
               tasks=[tasks["late"]])
        for name, parent in (("one", "leaves"), ("two", "leaves"), ("beside", "inside")):
            expect(name, sleeps, "sleep", parent)
        expect("late", starts_late, "sleep", "starts")
        for name, children in (("leaves", 2), ("nests", 1), ("inside", 1), ("starts", 1)):
            waiter = [] if name == "inside" else [tasks[name]]
            scenario.expect_object(groups[name], kind="task_group", waiters=waiter,
                                   label=scenario.contains("TaskGroup#"),
                                   state={"children": children})
        if handle:
            expect("handled", sleeps, "sleep", "main")
            expect("waits", waits_for_handle, "wait", "main", tasks=[tasks["handled"]])
        scenario.expect_task(tasks["main"], "waiting", coroutine="main", holds=[group])
        scenario.expect_ok()
        await scenario.idle()

anyio.run(main)
