"""What top watches. argv[1] says what it does; it prints "ready" when it does that."""
import asyncio
import concurrent.futures
import os
import signal
import socket
import sys
import threading
import time

HOUR = 3600
keep = []


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def start(*coroutines):
    keep.extend(asyncio.ensure_future(one) for one in coroutines)


async def parked():
    await asyncio.sleep(HOUR)


async def idle():
    """Some tasks that wait for nothing that comes."""
    start(parked(), parked(), parked())


async def execs():
    """Becomes the same program that is idle, at SIGUSR1."""
    def become():
        with open("/proc/self/cmdline", "rb") as command:
            words = command.read().split(b"\0")[:-1]
        os.execv(sys.executable, words[:-1] + [b"idle"])
    asyncio.get_event_loop().add_signal_handler(signal.SIGUSR1, become)
    await idle()


async def half():
    """Busy for half of the time."""
    async def burn():
        while True:
            spin(0.01)
            await asyncio.sleep(0.01)
    start(burn())


async def handle_request():
    """Each second: a block; says when it ended."""
    while True:
        await asyncio.sleep(0.85)
        time.sleep(0.15)
        say("%.3f" % time.monotonic())


async def blocks():
    start(handle_request())


async def births():
    """A hundred tasks a second, each of which lives for 50 ms."""
    async def short():
        await asyncio.sleep(0.05)

    async def bear():
        loop, living = asyncio.get_event_loop(), set()
        due = loop.time()
        while True:
            task = asyncio.ensure_future(short())
            living.add(task)
            task.add_done_callback(living.discard)
            due += 0.01
            await asyncio.sleep(due - loop.time())
    start(bear())


class Pool:
    def __init__(self):
        self.guard = asyncio.Lock()

    async def hold(self):
        async with self.guard:
            await asyncio.sleep(HOUR)

    async def wait(self):
        async with self.guard:
            pass


async def lock():
    """Five wait for a lock that one has."""
    pool = Pool()
    start(pool.hold())
    await asyncio.sleep(0.01)
    start(*[pool.wait() for _ in range(5)])


def burn_in_thread():
    while True:
        spin(0.01)


async def thread():
    """Another thread uses all of a CPU."""
    threading.Thread(target=burn_in_thread, name="burner", daemon=True).start()
    await idle()


async def saturated():
    """There are always callbacks that wait for their turn."""
    async def burn():
        while True:
            spin(0.005)
            await asyncio.sleep(0)
    start(*[burn() for _ in range(10)])


def work():
    time.sleep(HOUR)


async def executor():
    """Two threads work, three calls wait for one."""
    loop = asyncio.get_event_loop()
    pool = concurrent.futures.ThreadPoolExecutor(2)
    loop.set_default_executor(pool)

    async def call():
        await loop.run_in_executor(None, work)
    start(*[call() for _ in range(5)])


async def accept():
    """A server that does not accept: its loop is blocked; three connections wait for it."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(lambda reader, writer: None, sock=listening, backlog=7)
    keep.append(server)
    for _ in range(3):
        keep.append(socket.create_connection(listening.getsockname()))
    say("ready")
    work()


async def moves():
    """Some tick, some are parked."""
    async def tick():
        while True:
            await asyncio.sleep(0.05)
    start(*[tick() for _ in range(7)] + [parked() for _ in range(4)])


async def busy():
    """A server in which most kinds of things happen."""
    await births()
    await lock()
    await executor()
    await half()
    for _ in range(40):
        start(parked())


BAD = "\x1b]2;owned\x07\x1b[2J\x1b[31mred\r\n\x9b5m\u202e\u4e16\u754c\U0001f40d\x00end"


async def hostile():
    """Nothing of what it says may reach a terminal as it is."""
    names = {"asyncio": asyncio}
    code = compile("async def evil():\n    await asyncio.sleep(3600)\n", "/tmp/" + BAD.replace(
        "\x00", ""), "exec")
    exec(code, names)
    start(names["evil"](), parked(), parked())
    for number, task in enumerate(keep):
        if hasattr(task, "set_name"):
            task.set_name("%d %s" % (number, BAD))
    keep[0].get_coro().__qualname__ = "evil" + BAD if hasattr(keep[0], "get_coro") else ""
    threading.Thread(target=work, name=BAD, daemon=True).start()


async def main():
    await globals()[sys.argv[1]]()
    await asyncio.sleep(0.1)
    say("ready")
    await asyncio.sleep(HOUR)

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
