"""Three hundred tasks want a lock; the one that has it waits for something slow."""
import asyncio

import peers
import scenario

SECOND_LOOK = True
SETTLE = 2.5  # a connection that is silent for less may be slow


async def refresh(lock, address):
    async with lock:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"token?\n")
        await reader.readline()


async def takes(lock):
    async with lock:
        pass


async def main(address):
    lock = asyncio.Lock()
    holder = asyncio.create_task(refresh(lock, address), name="refresh")
    while scenario.innermost(holder) != "_wait_for_data":
        await asyncio.sleep(0.01)
    waiters = [asyncio.create_task(takes(lock), name="takes-%d" % i) for i in range(300)]
    await asyncio.sleep(0.05)
    scenario.expect_task(holder, "waiting", holds=[lock], awaiting={"kind": "stream_read"})
    scenario.expect_object(lock, kind="lock", waiters=waiters, holders=[holder])
    scenario.expect_finding("LOCK_PILEUP", "likely", objects=[lock],
                            tasks={"includes": [holder]}, contains=["300", "refresh"])
    scenario.allow_findings("PEER_SILENT")
    scenario.expect_first_lines("LOCK PILEUP", "Lock#1", "300", "refresh", at_most=40)
    scenario.ready()
    await asyncio.gather(*waiters)

scenario.run(main(peers.serve_silently()))
