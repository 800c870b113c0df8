"""TaskGroup: left and waiting for children, still inside, nested, in a task of a group."""
import asyncio

import scenario

MIN_VERSION = (3, 11)


async def child():
    await asyncio.sleep(scenario.HOUR)


async def ends():
    pass


groups, children = {}, {}


def fill(name, group):
    groups[name] = group
    children[name] = [group.create_task(child(), name="%s-%d" % (name, i)) for i in range(2)]
    group.create_task(ends())


async def leaves():
    async with asyncio.TaskGroup() as group:
        fill("leaves", group)


async def stays():
    async with asyncio.TaskGroup() as group:
        fill("stays", group)
        await asyncio.sleep(scenario.HOUR)


async def nests():
    async with asyncio.TaskGroup() as outer:
        groups["outer"] = outer
        children["outer"] = [outer.create_task(child(), name="outer-0")]
        async with asyncio.TaskGroup() as inner:
            fill("inner", inner)


async def main():
    parents = {name: asyncio.create_task(function(), name=function.__name__)
               for name, function in (("leaves", leaves), ("stays", stays), ("inner", nests))}
    await asyncio.sleep(0.05)
    for name, parent in parents.items():
        inside = name == "stays"
        awaiting = {"kind": "sleep"} if inside else {
            "kind": "task_group", "object": groups[name], "tasks": children[name],
            "any_task": False}
        holds = {"stays": ["stays"], "inner": ["outer"], "leaves": []}[name]
        if not inside:  # the group that it leaves may count as one that it is in
            holds = {"any_of": [[groups[n] for n in holds], [groups[n] for n in holds + [name]]]}
            holds = {"any_of": [{"pluck": ["object", {"set": option}]}
                                for option in holds["any_of"]]}
        else:
            holds = [groups[n] for n in holds]
        scenario.expect_task(parent, "waiting", awaiting=awaiting, holds=holds)
        scenario.expect_object(groups[name], kind="task_group", type="asyncio.taskgroups.TaskGroup",
                               state={"children": 2, "exiting": not inside})
        for task in children[name]:
            scenario.expect_task(task, "waiting", ["sleep", "child"], creator=scenario.any_of(
                None, parent), awaited_by={"within": [parent]} if inside else [parent])
    scenario.expect_object(groups["outer"], kind="task_group",
                           state={"children": 1, "exiting": False})
    scenario.options(extra_finished=True)
    await scenario.idle()

scenario.run(main())
