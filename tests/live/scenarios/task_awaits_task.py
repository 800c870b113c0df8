"""Tasks that await tasks: a chain, a diamond, a cycle; awaited_by is exact."""
import asyncio

import scenario

SMOKE = True


async def wait_for(name):
    await tasks[name]


async def leaf():
    await asyncio.sleep(scenario.HOUR)


AWAITS = {"left": "bottom", "right": "bottom", "top": "left", "chained": "top",
          "egg": "hen", "hen": "egg"}
tasks = {}


async def main():
    tasks["bottom"] = asyncio.create_task(leaf(), name="bottom")
    for name in AWAITS:
        tasks[name] = asyncio.create_task(wait_for(AWAITS[name]), name=name)
    for name, task in tasks.items():
        awaiters = [hex(id(tasks[other])) for other, target in AWAITS.items() if target == name]
        scenario.expect_task(task, "waiting", awaited_by={"set": awaiters})
    for name, target in AWAITS.items():
        awaiting = {"kind": "task", "id": hex(id(tasks[target])),
                    "tasks": [hex(id(tasks[target]))]}
        stack = ["wait_for"]
        scenario.expect_task(tasks[name], "waiting", stack, awaiting=awaiting)
    await scenario.idle()

scenario.run(main())
