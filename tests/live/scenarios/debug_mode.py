"""Debug mode: the loop says so and every task knows where it was created."""
import asyncio

import scenario

SMOKE = True


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


def create(depth):
    if depth:
        return create(depth - 1)
    return asyncio.create_task(sleeps(), name="from create")


async def main():
    task = create(3)
    scenario.expect_task(task, "waiting", ["sleep", "sleeps"])
    assert [entry.name for entry in task._source_traceback][-6:-1] == ["main"] + ["create"] * 4
    scenario.expect_loop(asyncio.get_event_loop(), debug=True)
    await scenario.idle()

scenario.run(main(), debug=True)
