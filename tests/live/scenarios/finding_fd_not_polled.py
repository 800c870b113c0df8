"""A socket that was taken out of epoll behind asyncio's back, with bytes unread."""
import asyncio
import socket

import scenario

SECOND_LOOK = True


async def receives(sock):
    return await asyncio.get_event_loop().sock_recv(sock, 100)


async def main():
    loop = asyncio.get_event_loop()
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    client.setblocking(False)
    task = asyncio.create_task(receives(client), name="receives")
    await asyncio.sleep(0.01)
    selector = loop._selector
    epoll = selector._epoll if hasattr(selector, "_epoll") else selector._selector  # 3.6, later
    epoll.unregister(client.fileno())
    accepted.send(b"answer")
    scenario.expect_task(task, "waiting", ["...", "receives"], idle=False,
                         awaiting={"kind": "socket_read", "fd": client.fileno()})
    scenario.expect_socket(client, registered="none", receive_queue=6, state="ESTABLISHED",
                           peer="%s:%d" % server.getsockname())
    scenario.expect_finding("FD_NOT_POLLED", "likely", tasks=[task],
                            contains=["fd %d" % client.fileno()])
    scenario.expect_first_lines("FD NOT POLLED", "fd %d" % client.fileno())
    scenario.ready()
    await task

scenario.run(main())
