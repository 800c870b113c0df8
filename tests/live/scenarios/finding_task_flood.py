"""Tasks that are made for ever and wait for little: far more of one kind than can be meant."""
import asyncio

import scenario

SECOND_LOOK = True

TASKS = 20000


async def notifies():
    await asyncio.sleep(scenario.HOUR)


async def main():
    tasks = [asyncio.create_task(notifies()) for _ in range(TASKS)]
    await asyncio.sleep(0)
    scenario.options(exact=False, extra_tasks=True)
    for task in (tasks[0], tasks[-1]):
        scenario.expect_task(task, "waiting", ["sleep", "notifies"])
    scenario.expect_finding("TASK_FLOOD", "possible", tasks={"any": True}, contains=["notifies"])
    scenario.expect_ok()  # as many timers may be meant: a hint
    scenario.expect_first_lines("OK", "TASK FLOOD", "20,00", at_most=30)
    await scenario.idle()

scenario.run(main())
