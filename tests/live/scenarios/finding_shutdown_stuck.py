"""asyncio.run() is over and waits for a task that does not let itself be cancelled."""
import asyncio

import scenario

MIN_VERSION = (3, 7)
SECOND_LOOK = True


async def stubborn():
    scenario.expect_task(asyncio.current_task(), "waiting", ["sleep", "stubborn"])
    scenario.expect_finding("SHUTDOWN_STUCK", "likely", contains=["stubborn"],
                            tasks={"includes": [asyncio.current_task()]})
    try:
        await asyncio.sleep(scenario.HOUR)
    except asyncio.CancelledError:
        scenario.ready()
        await asyncio.sleep(scenario.HOUR)


async def main():
    asyncio.create_task(stubborn(), name="stubborn")
    await asyncio.sleep(0.05)

scenario.allow_findings("CANCEL_SWALLOWED")
scenario.options(extra_finished=True)
scenario.expect_first_lines("SHUTDOWN STUCK", "stubborn")
asyncio.run(main())
