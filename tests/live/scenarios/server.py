"""A small stream server with clients that wait for an answer."""
import asyncio

import scenario


async def handle(reader, writer):
    await reader.readline()
    writer.close()


async def client(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readexactly(1)
    writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for i in range(20):
        scenario.expect_task(asyncio.create_task(client(port), name="client-%d" % i), "waiting",
                             ["...", "readexactly", "client"])
    if hasattr(server, "serve_forever"):
        scenario.expect_task(asyncio.create_task(server.serve_forever(), name="server"), "waiting",
                             ["serve_forever"])
    await scenario.idle()

scenario.run(main())
