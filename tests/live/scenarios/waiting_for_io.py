"""Tasks that wait for sockets, pipes and child processes."""
import asyncio
import os
import socket

import scenario


async def receives(sock):
    await asyncio.get_event_loop().sock_recv(sock, 1)


async def accepts(sock):
    await asyncio.get_event_loop().sock_accept(sock)


async def reads_pipe(descriptor):
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_event_loop().connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb"))
    await reader.readuntil(b"never")


async def waits_for_child():
    process = await asyncio.create_subprocess_exec("sleep", str(scenario.HOUR))
    await process.wait()


async def main():
    left, right = socket.socketpair()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1)
    for sock in (left, right, listening):
        sock.setblocking(False)
    descriptor, writing = os.pipe()
    for coroutine, stack in (
            (receives(left), ["...", "receives"]), (accepts(listening), ["...", "accepts"]),
            (reads_pipe(descriptor), ["_wait_for_data", "readuntil", "reads_pipe"]),
            (waits_for_child(), ["...", "wait", "waits_for_child"])):
        task = asyncio.create_task(coroutine, name=coroutine.__name__)
        scenario.expect_task(task, "waiting", stack)
    await asyncio.sleep(0.2)
    assert right and writing
    await scenario.idle()

scenario.run(main())
