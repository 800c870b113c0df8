"""The hang of an executor: all of its threads are busy for good and work queues behind them."""
import asyncio
import concurrent.futures
import time

import scenario

SMOKE = True
SECOND_LOOK = True

SIZE, JOBS = 6, 8
started = []


def crunch():
    started.append(scenario.own_native_id())
    time.sleep(scenario.HOUR)


async def job(loop):
    await loop.run_in_executor(None, crunch)


async def main():
    loop = asyncio.get_event_loop()
    pool = concurrent.futures.ThreadPoolExecutor(SIZE)
    loop.set_default_executor(pool)
    tasks = [asyncio.create_task(job(loop), name="job-%d" % i) for i in range(JOBS)]
    while len(started) < SIZE:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    for task in tasks[:SIZE]:
        scenario.expect_task(task, "waiting", awaiting={
            "kind": "executor", "object": pool, "tid": scenario.any_of(*started),
            "callee": scenario.contains("crunch"), "position": None})
    for place, task in enumerate(tasks[SIZE:], 1):
        scenario.expect_task(task, "waiting", awaiting={
            "kind": "executor", "object": pool, "tid": None, "position": place,
            "callee": scenario.contains("crunch")})
    state = {"max_workers": SIZE, "busy": SIZE, "idle": 0, "queued": JOBS - SIZE}
    scenario.expect_object(pool, kind="executor", state=state)
    scenario.expect_loop(loop, state="idle", executor=dict(state, id=pool))
    scenario.expect_finding("EXECUTOR_FULL", "certain", objects=[pool], contains=["crunch"],
                            threads={"set": started})
    scenario.expect_first_lines("EXECUTOR FULL", "%d of %d" % (SIZE, SIZE), "crunch", "2",
                                at_most=60)
    scenario.ready()
    await asyncio.gather(*tasks)

scenario.run(main())
