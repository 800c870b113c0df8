"""Clients in the queue of a listening socket that nobody accepts from, while the loop is idle."""
import asyncio
import socket

import scenario

SECOND_LOOK = True

CLIENTS = 20


async def accepts(server, permits):
    """As servers do that have a limit of their own."""
    loop = asyncio.get_event_loop()
    while True:
        await permits.wait()
        await loop.sock_accept(server)


async def main():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(100)
    server.setblocking(False)
    clients = [socket.create_connection(server.getsockname()) for _ in range(CLIENTS)]
    permits = asyncio.Event()
    task = asyncio.create_task(accepts(server, permits), name="accepts")
    scenario.expect_task(task, "waiting", ["wait", "accepts"], awaiting={"kind": "event"})
    address = "%s:%d" % server.getsockname()
    scenario.expect_socket(server, state="LISTEN", local=address, receive_queue=CLIENTS,
                           peer=None)
    scenario.expect_finding("BACKLOG", "likely", contains=[address, str(CLIENTS)])
    scenario.expect_first_lines("BACKLOG", address, str(CLIENTS))
    await scenario.idle()
    permits.set()
    del clients

scenario.run(main())
