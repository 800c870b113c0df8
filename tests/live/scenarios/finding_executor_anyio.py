"""anyio's threads are all busy for good, and calls queue for the limiter that bounds them: what Starlette and FastAPI
do with endpoints that are no coroutines."""
import asyncio
import time

import scenario

try:
    import anyio
    import anyio.to_thread
except ImportError:
    scenario.skip("no anyio")

SECOND_LOOK = True

SIZE, JOBS = 4, 6
started = []


def crunch():
    started.append(scenario.own_native_id())
    time.sleep(scenario.HOUR)


async def endpoint(limiter, tasks):
    tasks.append(asyncio.current_task())
    await anyio.to_thread.run_sync(crunch, limiter=limiter)


async def main():
    scenario.options(extra_finished=True)
    limiter, tasks = anyio.CapacityLimiter(SIZE), []
    async with anyio.create_task_group() as group:
        for _ in range(JOBS):
            group.start_soon(endpoint, limiter, tasks)
        while len(started) < SIZE:
            await anyio.sleep(0.01)
        await anyio.wait_all_tasks_blocked()
        for task in tasks[:SIZE]:
            scenario.expect_task(task, "waiting", holds={"any": True}, awaiting={
                "kind": "executor", "tid": scenario.any_of(*started), "callee": "crunch"})
        for task in tasks[SIZE:]:
            scenario.expect_task(task, "waiting", holds={"any": True}, awaiting={
                "kind": "semaphore", "object": limiter, "tid": None, "callee": "crunch"})
        scenario.expect_object(limiter, kind="semaphore", state={"value": 0, "bound": SIZE})
        scenario.expect_finding("EXECUTOR_FULL", "certain", objects=[limiter], tasks=tasks,
                                contains=["crunch"], threads={"set": started})
        scenario.expect_first_lines("EXECUTOR FULL", "%d of %d" % (SIZE, SIZE), "crunch",
                                    "2 jobs queue")
        await scenario.idle()

anyio.run(main)
