"""Nothing is wrong: a server under load from threads of its own, which it answers all."""
import asyncio
import socket
import threading

import scenario

SECOND_LOOK = True
MODE = None
HEARTBEAT = True
REPEAT = 5
REPEAT_ALL = 20

CLIENTS = 4


class Server:
    def __init__(self, beat):
        self.beat = beat
        self.lock = asyncio.Lock()
        self.pool = asyncio.Semaphore(2)
        self.jobs = asyncio.Queue(5)

    async def handle(self, reader, writer):
        while True:
            line = await reader.readline()
            if not line:
                break
            await self.answer(line, writer)
        writer.close()

    async def answer(self, line, writer):
        async with self.pool:
            await asyncio.sleep(0.002)
        async with self.lock:
            await self.jobs.put(line)
        self.beat()
        writer.write(line)
        await writer.drain()

    async def work(self):
        loop = asyncio.get_event_loop()
        while True:
            job = await self.jobs.get()
            await loop.run_in_executor(None, sorted, job)


def ask(address):
    """One request after the other, for as long as the program lives."""
    sock = socket.create_connection(address)
    pause = threading.Event()
    while True:
        sock.sendall(b"hello\n")
        data = sock.recv(100)
        assert data == b"hello\n", data
        pause.wait(0.003)


async def main():
    scenario.options(busy=True, extra_tasks=True, exact=False, threads=False)
    server = Server(scenario.heartbeat())
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    address = listening.sockets[0].getsockname()
    workers = [asyncio.create_task(server.work(), name="work-%d" % i) for i in range(2)]
    for _ in range(CLIENTS):
        threading.Thread(target=ask, args=(address,), daemon=True).start()
    await asyncio.sleep(0.1)
    for task in workers:
        scenario.expect_task(task, {"any": True}, awaiting={"any": True},
                             frames={"ends_with": [{"function": "work"}]})
    scenario.expect_loop(asyncio.get_event_loop(), state=scenario.any_of("idle", "running"))
    scenario.expect_ok()
    scenario.expect_first_lines("OK")
    scenario.ready()
    await asyncio.gather(*workers)

scenario.run(main())
