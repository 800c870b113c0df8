"""The other end of a connection: a child process that keeps it open and says nothing.

Called before the first thread is started. The child ends with its parent.
"""

import os
import select
import socket

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


def serve_silently():
    """The address of a server that accepts, and neither reads nor writes."""
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen(512)
    _fork(_accept, server)
    address = server.getsockname()
    server.close()
    return address


def _accept(parent, server):
    kept = []
    while os.getppid() == parent:
        if select.select([server], [], [], 0.5)[0]:
            kept.append(server.accept())


def connect_silently(address, count):
    """So many clients of a server, which ask nothing. It must listen already."""
    _fork(_connect, address, count)


def _connect(parent, address, count):
    kept = [socket.create_connection(address) for _ in range(count)]
    while os.getppid() == parent:
        select.select([], [], [], 0.5)
    del kept
