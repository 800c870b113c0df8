"""A small order service, for scripts/demo: demo_server.py [deadlock|blocked|busy|pool]. It hangs, or is slow.

deadlock: nothing is wrong with the event loop: it is idle, and its health check still ticks. But two
transfers wait for each other's account, each with a database connection in hand. The pool has two,
so every request waits for a connection that nobody gives back.

blocked: one request makes a report, and that sleeps in the loop's own thread.

busy: it answers, slowly. Requests wait for one of two connections; and now and then a summary of all
orders is written in the loop's own thread, for which everything else waits.

pool: it goes wrong slowly. More requests come than its four connections to the database can serve, PDFs are made by
too few threads, and now and then a request backs off in the loop's own thread. The database and the clients are
another process, which ends with it.
"""

import asyncio
import concurrent.futures
import ctypes
import itertools
import json
import os
import signal
import subprocess
import sys
import time

POOL_SIZE = 2
CLIENTS = 8


def let_siblings_look():
    """With Yama's ptrace_scope 1 (Ubuntu's default) a process may be read by its ancestors only.
    asyncspy is started by the same shell, so it is a sibling: allow it. A real server does not do
    this; there one runs `sudo asyncspy`."""
    if os.path.exists("/proc/sys/kernel/yama/ptrace_scope"):
        pr_set_ptracer, any_process = 0x59616D61, ctypes.c_ulong(-1)
        ctypes.CDLL(None).prctl(pr_set_ptracer, any_process, 0, 0, 0)


class Ledger:
    """Accounts with a lock each and a pool of database connections."""

    def __init__(self):
        self.locks = {"alice": asyncio.Lock(), "bob": asyncio.Lock()}
        self.pool = asyncio.Semaphore(POOL_SIZE)
        self.both_hold_one = asyncio.Barrier(2)

    async def transfer(self, source, target):
        async with self.pool:
            async with self.locks[source]:
                await self.both_hold_one.wait()
                async with self.locks[target]:  # the other one holds it, and wants ours
                    return "moved"

    async def query_orders(self):
        async with self.pool:
            return "orders"


async def handle_request(ledger, reader, writer):
    asyncio.current_task().set_name("request-%s" % writer.get_extra_info("peername")[1])
    await reader.readline()
    writer.write((await ledger.query_orders()).encode())
    await writer.drain()
    writer.close()


async def call(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET orders\n")
    return await reader.read()


def back_off(seconds):
    time.sleep(seconds)  # what it should not do in a coroutine


def build_report():
    for attempt in range(1, 4):
        back_off(1200 * attempt)


async def export():
    await asyncio.sleep(0.2)
    return build_report()


async def health_check(interval=30):
    while True:
        await asyncio.sleep(interval)


async def deadlock():
    ledger = Ledger()
    server = await asyncio.start_server(lambda r, w: handle_request(ledger, r, w), "127.0.0.1", 0)
    tasks = [asyncio.create_task(ledger.transfer("alice", "bob"), name="transfer-alice-bob"),
             asyncio.create_task(ledger.transfer("bob", "alice"), name="transfer-bob-alice"),
             asyncio.create_task(health_check(), name="health-check")]
    await asyncio.sleep(0.1)
    port = server.sockets[0].getsockname()[1]
    tasks += [asyncio.create_task(call(port), name="client-%d" % n) for n in range(CLIENTS)]
    await asyncio.sleep(0.3)
    print("ready", flush=True)
    await asyncio.gather(*tasks)


async def blocked():
    tasks = [asyncio.create_task(export(), name="request-export")]
    tasks += [asyncio.create_task(health_check(0.1), name="health-%d" % n) for n in range(CLIENTS)]
    print("ready", flush=True)
    await asyncio.gather(*tasks)


class Orders:
    """A database with few connections, and what is made of its rows."""

    def __init__(self):
        self.pool = asyncio.Semaphore(POOL_SIZE)
        self.rows = [{"order": n, "customer": "c%d" % (n % 97), "total": n * 3.5} for n in range(12000)]

    async def fetch(self, statement):
        async with self.pool:
            await asyncio.sleep(0.02)  # the database works
            return statement

    async def list_orders(self):
        await self.fetch("SELECT * FROM orders")
        return render_page(self.rows[:400])

    async def check_stock(self):
        return await self.fetch("SELECT * FROM stock")


def render_page(rows):
    return json.dumps(sorted(rows, key=lambda row: row["total"]), indent=1)


def sum_by_customer(rows):
    totals = {}
    for row in rows:
        totals[row["customer"]] = totals.get(row["customer"], 0) + row["total"]
    return totals


def write_summary(orders):
    deadline = time.monotonic() + 0.08  # about what it takes with more orders
    while time.monotonic() < deadline:
        sum_by_customer(orders.rows)


async def serve_client(orders, number):
    while True:
        await orders.list_orders()
        await asyncio.sleep(0.03 + 0.01 * (number % 3))  # the client reads


async def watch_stock(orders):
    while True:
        await orders.check_stock()
        await asyncio.sleep(0.15)


async def summarize(orders):
    while True:
        await asyncio.sleep(0.4)
        write_summary(orders)


async def busy():
    orders = Orders()
    tasks = [asyncio.create_task(serve_client(orders, n), name="client-%d" % n) for n in range(CLIENTS)]
    tasks += [asyncio.create_task(watch_stock(orders), name="stock-watch"),
              asyncio.create_task(summarize(orders), name="summary"),
              asyncio.create_task(health_check(0.1), name="health-check")]
    print("ready", flush=True)
    await asyncio.gather(*tasks)


class Shop:
    """Orders behind HTTP, and a pool of connections to where they are."""

    def __init__(self, database_port):
        self.database_port = database_port
        self.free = asyncio.LifoQueue()
        self.pool = asyncio.Semaphore(2 * POOL_SIZE)
        self.mails = asyncio.Queue()
        self.numbers = itertools.count(1)
        self.rows = Orders().rows

    async def query(self, statement):
        async with self.pool:
            reader, writer = await self.take_connection()
            writer.write(statement.encode() + b"\n")
            await reader.readline()
            self.free.put_nowait((reader, writer))

    async def take_connection(self):
        if self.free.empty():
            return await asyncio.open_connection("127.0.0.1", self.database_port)
        return self.free.get_nowait()

    async def list_orders(self):
        await self.query("SELECT * FROM orders")
        render_page(self.rows[:1500])

    async def pay(self):
        await self.query("INSERT INTO payments")
        self.mails.put_nowait("thank you")
        if next(self.numbers) % 12 == 0:
            back_off(0.35)

    async def export_pdf(self):
        await asyncio.get_running_loop().run_in_executor(None, render_pdf, self.rows)

    async def handle(self, reader, writer):
        path = (await reader.readline()).decode().strip()
        asyncio.current_task().set_name("request-%d %s" % (next(self.numbers), path))
        await {"/orders": self.list_orders, "/pay": self.pay, "/export": self.export_pdf}[path]()
        writer.write(b"done\n")
        writer.close()

    async def send_mails(self):
        while True:
            await self.mails.get()
            await asyncio.sleep(0.02)  # the mail server


def render_pdf(_rows):
    time.sleep(1.1)  # a program of its own does it


async def pool():
    shop, loop = Shop(0), asyncio.get_running_loop()
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="pdf"))
    server = await asyncio.start_server(shop.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outside = subprocess.Popen([sys.executable, __file__, "outside", str(port)], stdout=subprocess.PIPE)
    shop.database_port = int(outside.stdout.readline())
    tasks = [asyncio.create_task(shop.send_mails(), name="mail-%d" % n) for n in range(6)]
    tasks += [asyncio.create_task(health_check(n + 1), name="health-%d" % n) for n in range(5)]
    print("ready", flush=True)
    await asyncio.gather(*tasks)


async def answer_query(reader, writer):
    while await reader.readline():
        await asyncio.sleep(0.15)
        writer.write(b"rows\n")


async def be_client(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(path.encode() + b"\n")
    await reader.readline()
    writer.close()


async def outside():
    """The database and the clients: 31 requests a second that take a connection, 4.5 that take a thread."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0)
    database = await asyncio.start_server(answer_query, "127.0.0.1", 0)
    print(database.sockets[0].getsockname()[1], flush=True)
    paths = itertools.cycle(["/orders"] * 6 + ["/export"] + ["/pay"])
    port, tasks = int(sys.argv[2]), set()
    while True:
        await asyncio.sleep(0.028)
        tasks.add(asyncio.create_task(be_client(port, next(paths))))
        tasks = {task for task in tasks if not task.done()}


SCENARIOS = {"deadlock": deadlock, "blocked": blocked, "busy": busy, "pool": pool, "outside": outside}

if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit("demo_server.py needs Python 3.11")
    let_siblings_look()
    asyncio.run(SCENARIOS[sys.argv[1] if sys.argv[1:] else "deadlock"]())
