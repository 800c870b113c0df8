"""A thousand clients of an echo server, all in one gather, all awaited by the same task."""
import asyncio

import scenario

CLIENTS = 1000


async def client():
    await asyncio.sleep(scenario.HOUR)


async def spam():
    tasks = [asyncio.create_task(client(), name="client-%d" % i) for i in range(CLIENTS)]
    for task in tasks:
        scenario.expect_task(task, "waiting", ["sleep", "client"])
    await asyncio.gather(*tasks)


async def echo(reader, writer):
    writer.write(await reader.read(1))


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    scenario.expect_task(asyncio.create_task(spam(), name="spam"), "waiting", ["spam"])
    if hasattr(server, "serve_forever"):
        scenario.expect_task(asyncio.create_task(server.serve_forever(), name="server task"),
                             "waiting", ["serve_forever"])
    await scenario.idle()

scenario.run(main())
