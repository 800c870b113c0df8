"""A bounded HTTP client: so many connections and requests, and at most so many a second.

    client.py PORT PATH CONNECTIONS REQUESTS RATE SECONDS

A connection has one request at a time and is kept open. With as many requests as connections each
has one, else as it comes. It prints "open" once each connection has had its first answer, or has
sent its only request; then, when stdin is closed and what is on its way is answered, but after
SECONDS at the latest, one line of JSON.
"""

import asyncio
import json
import sys
import time


class Client:
    def __init__(self, port, path, connections, requests, rate, seconds):
        self.port, self.path, self.connections = int(port), path, int(connections)
        self.left, self.pause, self.seconds = int(requests), 1 / float(rate), float(seconds)
        self.holds = int(requests) == self.connections
        self.next_start = time.monotonic()
        self.stopped = asyncio.Event()
        self.sent = self.answered = self.opened = 0
        self.slowest = 0.0
        self.errors = []

    def opens(self):
        """One more connection is what it shall be."""
        self.opened += 1
        if self.opened == self.connections:
            print("open", flush=True)

    async def turn(self):
        """Whether there is one more request to make, at its time."""
        if self.left <= 0 or self.stopped.is_set():
            return False
        self.left -= 1
        self.next_start = max(self.next_start + self.pause, time.monotonic())
        try:
            await asyncio.wait_for(self.stopped.wait(), self.next_start - time.monotonic())
            return False
        except asyncio.TimeoutError:
            return True

    async def request(self, reader, writer):
        """The body of one answer."""
        writer.write(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % self.path.encode())
        self.sent += 1
        if self.holds:
            self.opens()
        started = time.monotonic()
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        if head[0].split()[1] != "200":
            raise OSError(head[0])
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.answered += 1

    async def connection(self):
        if not await self.turn():
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self.request(reader, writer)
        if not self.holds:
            self.opens()
        while await self.turn():
            await self.request(reader, writer)
        # Kept alive until the end.
        await self.stopped.wait()
        writer.close()

    async def watched(self):
        try:
            await self.connection()
        except (OSError, EOFError, ValueError, KeyError) as error:
            self.errors.append("%s: %s" % (type(error).__name__, error))

    def stop(self):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self.stopped.set()

    async def run(self):
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self.stop)
        tasks = [asyncio.ensure_future(self.watched()) for _ in range(self.connections)]
        _, late = await asyncio.wait(tasks, timeout=self.seconds)
        for task in late:
            task.cancel()
        print(json.dumps({"sent": self.sent, "failed": self.sent - self.answered,
                          "slowest": self.slowest, "errors": self.errors}), flush=True)


asyncio.run(Client(*sys.argv[1:]).run())
