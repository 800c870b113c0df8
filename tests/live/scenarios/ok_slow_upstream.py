"""Nothing is wrong: a proxy whose upstream takes half a second, behind a small pool and a lock."""
import asyncio
import socket
import threading

import peers
import scenario

SECOND_LOOK = True
MODE = None
HEARTBEAT = True
REPEAT = 20

CLIENTS, SIZE = 4, 2


class Proxy:
    def __init__(self, upstream, beat):
        self.upstream, self.beat = upstream, beat
        self.pool = asyncio.Semaphore(SIZE)
        self.kept = []

    async def ask(self, line):
        async with self.pool:
            if not self.kept:
                self.kept.append(await asyncio.open_connection(*self.upstream))
            reader, writer = self.kept.pop()
            writer.write(line)
            answer = await reader.readline()
            self.kept.append((reader, writer))
            return answer

    async def handle(self, reader, writer):
        while True:
            line = await reader.readline()
            if not line:
                break
            task = asyncio.ensure_future(self.ask(line))  # so that another one needs the answer
            writer.write(await task)
            self.beat()
            await writer.drain()
        writer.close()


def ask(address):
    """One request after the other, for as long as the program lives."""
    sock = socket.create_connection(address)
    while True:
        sock.sendall(b"hello\n")
        data = sock.recv(100)
        assert data == b"hello\n", data


async def main(upstream):
    scenario.options(busy=True, extra_tasks=True, exact=False, threads=False)
    proxy = Proxy(upstream, scenario.heartbeat())
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    for _ in range(CLIENTS):
        threading.Thread(target=ask, args=(address,), daemon=True).start()
    await asyncio.sleep(0.1)
    scenario.expect_loop(asyncio.get_event_loop(), state=scenario.any_of("idle", "running"))
    scenario.expect_ok()
    scenario.expect_first_lines("OK")
    scenario.ready()
    await asyncio.sleep(scenario.HOUR)

scenario.run(main(peers.answer_slowly(0.5)))
