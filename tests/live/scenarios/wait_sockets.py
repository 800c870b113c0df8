"""loop.sock_*: receiving, accepting, connecting, sending to a full socket; files and addresses."""
import asyncio
import socket

import scenario


def address(pair):
    return "%s:%d" % pair[:2]


def listening(backlog=8, family=socket.AF_INET, host="127.0.0.1"):
    sock = socket.socket(family)
    sock.bind((host, 0))
    sock.listen(backlog)
    sock.setblocking(False)
    return sock


def connected(server):
    """The two ends of a connection, neither of which blocks."""
    client = socket.socket(server.family)
    client.connect(server.getsockname())
    server.setblocking(True)
    accepted, _ = server.accept()
    server.setblocking(False)
    for sock in (client, accepted):
        sock.setblocking(False)
    return client, accepted


def full(sock):
    """Writes until nothing more fits."""
    try:
        while True:
            sock.send(bytes(65536))
    except BlockingIOError:
        return sock


async def receives(sock):
    return await asyncio.get_event_loop().sock_recv(sock, 1)


async def receives_into(sock):
    return await asyncio.get_event_loop().sock_recv_into(sock, bytearray(1))


async def accepts(sock):
    return await asyncio.get_event_loop().sock_accept(sock)


async def sends(sock):
    return await asyncio.get_event_loop().sock_sendall(sock, bytes(10))


async def connects(sock, peer):
    return await asyncio.get_event_loop().sock_connect(sock, peer)


async def limited(sock):
    return await asyncio.wait_for(receives(sock), scenario.HOUR)


async def polls(sock):
    """As libraries do that bring a protocol of their own: a reader and a future."""
    loop = asyncio.get_event_loop()
    future = loop.create_future()
    loop.add_reader(sock.fileno(), future.set_result, None)
    await future


def expect(function, sock, *arguments, kind, **socket_keys):
    task = asyncio.create_task(function(sock, *arguments), name=function.__name__)
    waits = {"kind": kind, "fd": sock.fileno()}
    if function is limited:  # before 3.12 wait_for() waits for a task that has the file
        waits = scenario.any_of(waits, {"kind": "timeout"})
    scenario.expect_task(task, "waiting", ["...", function.__name__], awaiting=waits)
    scenario.expect_socket(sock, **socket_keys)


def expect_connection(function, sock, kind, **keys):
    family = {socket.AF_INET: "inet", socket.AF_INET6: "inet6"}[sock.family]
    names = {"local": address(sock.getsockname()), "peer": address(sock.getpeername())}
    if family == "inet6":
        names = {key: "[::1]:%s" % name.rpartition(":")[2] for key, name in names.items()}
    expect(function, sock, kind=kind, family=family, state="ESTABLISHED", **dict(names, **keys))


def expect_connecting():
    """The queue of the one that listens is full: it does not answer any more."""
    server = listening(0)
    socks = [socket.socket() for _ in range(3)]
    for sock in socks[:2]:
        sock.setblocking(False)
        sock.connect_ex(server.getsockname())
    last = socks[2]
    last.setblocking(False)
    expect(connects, last, server.getsockname(), kind="socket_connect", state="SYN_SENT",
           peer=address(server.getsockname()), registered="write")
    return server, socks


async def main():
    quiet = {"receive_queue": 0, "send_queue": 0, "registered": "read"}
    server = listening()
    kept = [server]
    for function in (receives, polls, limited):
        pair = connected(server)
        kept.append(pair)
        kind = {receives: "socket_read", polls: scenario.any_of("socket_read", "future"),
                limited: "socket_read"}[function]
        expect_connection(function, pair[0], kind, **quiet)
    if hasattr(asyncio.get_event_loop(), "sock_recv_into"):
        left, right = socket.socketpair()
        left.setblocking(False)
        kept.append(right)
        expect(receives_into, left, kind="socket_read", family="unix", registered="read",
               receive_queue={"any": True})
    pair = connected(server)
    kept.append(pair)
    expect_connection(sends, full(pair[0]), "socket_write", registered="write",
                      send_queue=scenario.at_least(1))
    expect(accepts, server, kind="socket_accept", family="inet", state="LISTEN", peer=None,
           local=address(server.getsockname()), receive_queue=0, registered="read")
    kept.append(expect_connecting())
    try:
        kept.append(listening(family=socket.AF_INET6, host="::1"))
        pair = connected(kept[-1])
    except OSError:  # no IPv6 here
        pair = None
    if pair:
        kept.append(pair)
        expect_connection(receives, pair[0], "socket_read", **quiet)
    await asyncio.sleep(0.1)
    await scenario.idle()
    del kept

scenario.run(main())
