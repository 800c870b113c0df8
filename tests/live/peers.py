"""The other end of a connection: a child process that keeps it open and says nothing, or late.

Called before the first thread is started. The child ends with its parent.
"""

import os
import select
import socket
import time

HOST = "127.0.0.1"


def _fork(run, *arguments):
    parent = os.getpid()
    if os.fork():
        return
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        run(parent, *arguments)
    finally:
        os._exit(0)


def _serve(run, *arguments):
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen(512)
    _fork(run, server, *arguments)
    address = server.getsockname()
    server.close()
    return address


def serve_silently():
    """The address of a server that accepts, and neither reads nor writes."""
    return _serve(_accept)


def answer_slowly(seconds):
    """The address of a server that sends back what it reads, so much later."""
    return _serve(_answer, seconds)


def _accept(parent, server):
    kept = []
    while os.getppid() == parent:
        if select.select([server], [], [], 0.5)[0]:
            kept.append(server.accept())


def _answer(parent, server, seconds):
    clients, late = [server], []  # late: (when, client, what)
    while os.getppid() == parent:
        for ready in select.select(clients, [], [], 0.01)[0]:
            if ready is server:
                clients.append(server.accept()[0])
                continue
            data = ready.recv(1000)
            if data:
                late.append((time.monotonic() + seconds, ready, data))
            else:
                clients.remove(ready)
        while late and late[0][0] <= time.monotonic():
            _, client, data = late.pop(0)
            client.sendall(data)


def connect_silently(address, count):
    """So many clients of a server, which ask nothing. It must listen already."""
    _fork(_connect, address, count)


def _connect(parent, address, count):
    kept = [socket.create_connection(address) for _ in range(count)]
    while os.getppid() == parent:
        select.select([], [], [], 0.5)
    del kept
