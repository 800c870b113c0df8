"""Nothing is wrong: more calls than anyio's limiter lets into threads, and each gets its turn."""
import asyncio

import scenario

try:
    import anyio
    import anyio.to_thread
except ImportError:
    scenario.skip("no anyio")

SECOND_LOOK = True
MODE = None
HEARTBEAT = True
REPEAT = 5
REPEAT_ALL = 20


async def endpoint(limiter, beat):
    while True:
        await anyio.to_thread.run_sync(sum, range(1000), limiter=limiter)
        beat()


async def main():
    scenario.options(busy=True, extra_tasks=True, extra_finished=True, exact=False, threads=False)
    limiter, beat = anyio.CapacityLimiter(3), scenario.heartbeat()
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(endpoint, limiter, beat)
        await anyio.sleep(0.2)
        scenario.expect_loop(asyncio.get_event_loop(), state=scenario.any_of("idle", "running"))
        scenario.expect_ok()
        scenario.expect_first_lines("OK")
        await scenario.idle()

anyio.run(main)
