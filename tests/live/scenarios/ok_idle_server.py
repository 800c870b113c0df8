"""Nothing is wrong: a server that has nothing to do, with all that waits in one by design."""
import asyncio
import signal
import threading
import time

import peers
import scenario

SMOKE = True
SECOND_LOOK = True

CONNECTIONS = 60


class Server:
    """Keep-alive connections, workers on a queue, a cache with a lock, a pool that is half free."""

    def __init__(self):
        self.jobs = asyncio.Queue()
        self.stop = asyncio.Event()
        self.lock = asyncio.Lock()
        self.pool = asyncio.BoundedSemaphore(10)
        self.changed = asyncio.Condition()

    async def handle(self, reader, writer):
        while True:
            line = await reader.readline()
            if not line:
                break
            await self.jobs.put(line)
        writer.close()

    async def work(self):
        while True:
            await self.jobs.get()
            self.jobs.task_done()

    async def feed(self):
        """The producer of the jobs, which is alive."""
        while True:
            await asyncio.sleep(scenario.HOUR)
            await self.jobs.put(b"job")

    async def refresh(self):
        while True:
            async with self.lock:
                await asyncio.sleep(scenario.HOUR)

    async def listen(self):
        async with self.changed:
            await self.changed.wait()

    async def tell(self):
        while True:
            await asyncio.sleep(scenario.HOUR)
            async with self.changed:
                self.changed.notify_all()

    async def query(self):
        async with self.pool:
            await asyncio.sleep(scenario.HOUR)

    async def subscribe(self, address):
        """A reader that is told of what happens elsewhere, when something happens."""
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"SUBSCRIBE news\r\n")
        while True:
            line = await reader.readline()
            if not line:
                break
            await self.jobs.put(line)


def background():
    """A thread that waits for a lock of its own, as pools do."""
    threading.Event().wait()


async def main(silent):
    loop = asyncio.get_event_loop()
    server = Server()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, backlog=CONNECTIONS)
    peers.connect_silently(listening.sockets[0].getsockname(), CONNECTIONS)
    names = ["work", "work", "feed", "refresh", "listen", "tell", "query", "query"]
    kept = [asyncio.create_task(getattr(server, name)(), name=name) for name in names]
    kept.append(asyncio.create_task(server.subscribe(silent), name="subscribe"))
    if hasattr(listening, "serve_forever"):
        asyncio.create_task(listening.serve_forever(), name="serve_forever")
    loop.run_in_executor(None, time.sleep, scenario.HOUR)
    loop.run_in_executor(None, background)
    loop.add_signal_handler(signal.SIGTERM, server.stop.set)
    while len(asyncio.all_tasks()) < len(names) + 2 + CONNECTIONS:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    scenario.expect_loop(loop, state="idle", ready=0)
    scenario.expect_ok()
    scenario.expect_first_lines("OK", at_most=60)
    scenario.ready()
    await server.stop.wait()
    del kept

scenario.run(main(peers.serve_silently()))
