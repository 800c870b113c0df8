"""A busy HTTP server in which nothing stays as it is, and its clients; what scripts/soak_top watches.

    churn.py serve BIRTHS        prints its port. BIRTHS tasks are born and die every 15 ms.
    churn.py load PORT CLIENTS   prints "ANSWERED FAILED" for each line on standard input, until there is none

Requests wait for a pool of ten, sleep, compute, use threads and start tasks, each with a name that never was.
Besides, memory is mapped and unmapped, threads come and go, and so do classes and functions. A request fails when
it is refused, broken, answered wrongly or not answered within 20 s. Python 3.8 or later.
"""

import asyncio
import itertools
import mmap
import os
import random
import sys
import threading
import time

PATIENCE_S = 20
CODE = """
async def made_{0}(seconds):
    await asyncio.sleep(seconds)
    return Made_{0}
class Made_{0}:
    pass
"""


class Server:
    def __init__(self, births):
        self.births = births
        self.pool = asyncio.Semaphore(10)
        self.numbers = itertools.count()
        self.kinds = [self.sleep, self.compute, self.use_pool, self.use_thread, self.start_tasks]

    async def sleep(self):
        await asyncio.sleep(random.random() * 0.03)

    async def compute(self):
        end = time.perf_counter() + random.random() * 0.001
        while time.perf_counter() < end:
            [number for number in range(100)]  # pylint: disable=expression-not-assigned

    async def use_pool(self):
        async with self.pool:
            await asyncio.sleep(random.random() * 0.02)

    async def use_thread(self):
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, random.random() * 0.01)

    async def start_tasks(self):
        await asyncio.gather(*[asyncio.create_task(self.use_pool(), name="part-%d-%x" % (
            next(self.numbers), random.getrandbits(64))) for _ in range(random.randrange(1, 5))])

    async def handle(self, reader, writer):
        try:
            while line := await reader.readline():
                asyncio.current_task().set_name("request-%d" % next(self.numbers))
                while (await reader.readline()).strip():
                    pass
                await random.choice(self.kinds)()
                body = line.split()[1]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
        except OSError:
            pass  # the client has gone
        finally:
            writer.close()

    async def bear_tasks(self):
        """As lanes would each request with a task; they live for some milliseconds."""
        loop = asyncio.get_running_loop()
        while True:
            for _ in range(self.births):
                asyncio.create_task(self.sleep(), name="born-%d" % next(self.numbers))
            loop.call_later(0.01, int)
            await asyncio.sleep(0.015)

    async def map_memory(self):
        kept = []
        while True:
            area = mmap.mmap(-1, random.randrange(1, 64) << 16)
            area.write(b"x" * 65536)
            kept.append((area, [bytes(random.randrange(1, 2000)) for _ in range(200)]))
            if len(kept) > 20:
                kept.pop(random.randrange(len(kept)))[0].close()
            await asyncio.sleep(0.02)

    async def make_code(self):
        while True:
            names = {"asyncio": asyncio}
            number = next(self.numbers)
            exec(compile(CODE.format(number), "/made/%d.py" % number, "exec"), names)  # pylint: disable=exec-used
            asyncio.create_task(names["made_%d" % number](0.5))
            await asyncio.sleep(0.1)

    async def start_threads(self):
        while True:
            threading.Thread(target=time.sleep, args=(0.3,), name="t-%d" % next(self.numbers)).start()
            await asyncio.sleep(0.1)

    async def run(self):
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0, backlog=1000)
        tasks = [asyncio.create_task(work()) for work in (
            self.bear_tasks, self.map_memory, self.make_code, self.start_threads)]
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.gather(*tasks)


class Load:
    def __init__(self, port, clients):
        self.port, self.clients = port, clients
        self.answered = self.failed = 0

    async def request(self, reader, writer):
        path = b"/%x" % random.getrandbits(32)
        writer.write(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 ") or await reader.readexactly(len(path)) != path:
            raise OSError("a wrong answer")
        self.answered += 1

    async def connect(self, requests):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for _ in range(requests):
                await asyncio.wait_for(self.request(reader, writer), PATIENCE_S)
                await asyncio.sleep(random.random() * 0.1)
        finally:
            writer.close()

    async def repeat(self):
        while True:
            try:
                await self.connect(random.choice([1, 2, 50]))
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                self.failed += 1
                await asyncio.sleep(0.1)

    async def run(self):
        clients = [asyncio.create_task(self.repeat()) for _ in range(self.clients)]
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(None, sys.stdin.readline):
            print(self.answered, self.failed, flush=True)
        for client in clients:
            client.cancel()


if __name__ == "__main__":
    if os.path.exists("/proc/sys/kernel/yama/ptrace_scope"):  # whoever started us looks, not its parent
        import ctypes
        ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
    number = int(sys.argv[2])
    asyncio.run(Server(number).run() if sys.argv[1] == "serve" else Load(number, int(sys.argv[3])).run())
