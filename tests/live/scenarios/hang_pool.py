"""The hang of 10,000 tasks on a pool of ten connections, whose users wait for a silent server."""
import asyncio

import peers
import scenario

SMOKE = True
SECOND_LOOK = True
SETTLE = 2.5  # a connection that is silent for less may be slow

TASKS, SIZE = 10000, 10


class Pool:
    def __init__(self, address):
        self.address = address
        self.semaphore = asyncio.Semaphore(SIZE)

    async def query(self):
        async with self.semaphore:
            return await self.fetch()

    async def fetch(self):
        reader, writer = await asyncio.open_connection(*self.address)
        writer.write(b"select 1\n")
        return await reader.readline()


async def handler(pool):
    return await pool.query()


async def main(address):
    pool = Pool(address)
    tasks = [asyncio.create_task(handler(pool)) for _ in range(TASKS)]
    while sum(scenario.innermost(task) == "_wait_for_data" for task in tasks[:SIZE]) < SIZE:
        await asyncio.sleep(0.01)
    scenario.options(exact=False, extra_tasks=True)
    for task in tasks[:SIZE]:
        scenario.expect_task(task, "waiting", ["_wait_for_data", "...", "handler"],
                             awaiting={"kind": "stream_read"}, holds=[pool.semaphore])
    for task in (tasks[SIZE], tasks[-1]):
        scenario.expect_task(task, "waiting", ["acquire", "__aenter__", "query", "handler"],
                             awaiting={"kind": "semaphore", "object": pool.semaphore}, holds=[])
    scenario.expect_object(pool.semaphore, kind="semaphore", state={"value": 0},
                           waiters=tasks[SIZE:], holders=tasks[:SIZE])
    scenario.expect_finding("POOL_EXHAUSTED", "likely", objects=scenario.any_of(
        [hex(id(pool.semaphore))], {"includes": [pool.semaphore]}),
        contains=["Semaphore#1", "9,990", "%s:%d" % address])
    scenario.allow_findings("PEER_SILENT", "TASK_FLOOD")
    scenario.expect_first_lines("POOL EXHAUSTED", "Semaphore#1", "9,990", "%s:%d" % address,
                                at_most=30)
    scenario.ready()
    await asyncio.gather(*tasks)

scenario.run(main(peers.serve_silently()))
