"""Streams: reading in every way, drain() on a full one, over TCP, a path and a pipe; a server."""
import asyncio
import os

import scenario


async def serve(reader, writer):
    """Says nothing and reads nothing."""
    handlers.append((asyncio.current_task(), writer))
    reader._transport.pause_reading()
    await asyncio.sleep(scenario.HOUR)


async def readline(reader, _):
    await reader.readline()


async def readexactly(reader, _):
    await reader.readexactly(10)


async def read(reader, _):
    await reader.read(10)


async def readuntil(reader, _):
    await asyncio.wait_for(reader.readuntil(b"."), None)


async def drains(_, writer):
    while True:
        writer.write(bytes(1 << 20))
        await writer.drain()


async def reads_pipe(reader):
    await reader.readline()

handlers = []


def expect(function, reader, writer, **keys):
    sock = writer.get_extra_info("socket")
    kind, state = "stream_read", {"registered": "read", "receive_queue": 0, "send_queue": 0}
    if function is drains:
        kind, state = "stream_drain", {"send_queue": scenario.at_least(1),
                                       "registered": scenario.any_of("both", "write")}
    task = asyncio.create_task(function(reader, writer), name=function.__name__)
    scenario.expect_task(task, "waiting", ["...", function.__name__],
                         awaiting={"kind": kind, "fd": sock.fileno(), "has_timeout": False})
    state["state"] = "ESTABLISHED"
    if keys["family"] == "unix":
        state = {"registered": "read", "state": "CONNECTED"}
    scenario.expect_socket(sock, **dict(state, **keys))


async def expect_pipe():
    descriptor, writing = os.pipe()
    reader = asyncio.StreamReader()
    await asyncio.get_event_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb"))
    task = asyncio.create_task(reads_pipe(reader), name="reads_pipe")
    scenario.expect_task(task, "waiting", ["...", "reads_pipe"],
                         awaiting={"kind": "stream_read", "fd": descriptor})
    return writing


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    path = os.path.join(os.getcwd(), "socket")
    unix_server = await asyncio.start_unix_server(serve, path)
    kept = [unix_server]
    for function in (readline, readexactly, read, readuntil, drains):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        kept.append(writer)
        local = "127.0.0.1:%d" % writer.get_extra_info("sockname")[1]
        expect(function, reader, writer, family="inet", local=local, peer="127.0.0.1:%d" % port)
    reader, writer = await asyncio.open_unix_connection(path)
    kept += [writer, await expect_pipe()]
    expect(readline, reader, writer, family="unix")
    await asyncio.sleep(0.3)
    for task, _ in handlers:
        scenario.expect_task(task, "waiting", ["sleep", "serve"], awaiting={"kind": "sleep"})
    await scenario.idle()
    del kept

scenario.run(main())
