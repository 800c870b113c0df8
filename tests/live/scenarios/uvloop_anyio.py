"""anyio on uvloop: streams, sockets that it watches itself, timeouts, threads, a child process."""
import asyncio
import os
import socket
import subprocess
import time

import peers
import scenario

try:
    import anyio
    import anyio.to_thread
    import uvloop
except ImportError:
    scenario.skip("no anyio or no uvloop")

silent = peers.serve_silently()
tasks, tids = {}, {}
accepted = []
start = time.monotonic()


def works():
    tids["works"] = scenario.own_native_id()
    time.sleep(scenario.HOUR)


async def calls(name, method, *arguments):
    tasks[name] = asyncio.current_task()
    await method(*arguments)


async def sends(name, stream):
    tasks[name] = asyncio.current_task()
    while True:
        await stream.send(bytes(1 << 20))


async def accepts(name, listener):
    tasks[name] = asyncio.current_task()
    while True:
        accepted.append(await listener.accept())


async def limited(name):
    with anyio.move_on_after(500):
        await calls(name, anyio.Event().wait)


def expect(name, kind, **awaiting):
    scenario.expect_task(tasks[name], "waiting", holds={"any": True},
                         awaiting=dict({"has_timeout": False}, kind=kind, **awaiting))


def raw(stream):
    return stream.extra(anyio.abc.SocketAttribute.raw_socket)


async def main():
    scenario.options(extra_finished=True, threads=False)
    tcp, full = [await anyio.connect_tcp(*silent) for _ in range(2)]
    path = os.path.join(os.getcwd(), "socket")
    listener = await anyio.create_unix_listener(path)
    over_path = await anyio.connect_unix(path)
    own, other = socket.socketpair()
    own.setblocking(False)
    process = await anyio.open_process(["sleep", str(scenario.HOUR)], stdin=subprocess.DEVNULL)
    readable = anyio.wait_readable if hasattr(anyio, "wait_readable") else \
        anyio.wait_socket_readable
    async with anyio.create_task_group() as group:
        for name, call in (("tcp", (tcp.receive,)), ("path", (over_path.receive,)),
                           ("readable", (readable, own)), ("output", (process.stdout.receive,)),
                           ("process", (process.wait,)), ("sleep", (anyio.sleep, 1000)),
                           ("works", (anyio.to_thread.run_sync, works))):
            group.start_soon(calls, name, *call)
        group.start_soon(sends, "tcp, full", full)
        group.start_soon(accepts, "accepts", listener)
        group.start_soon(limited, "limited")
        while not tids:
            await anyio.sleep(0.01)
        await anyio.sleep(0.3)
        expect("tcp", "stream_read", fd=raw(tcp).fileno())
        expect("tcp, full", "stream_drain", fd=raw(full).fileno())
        expect("path", "socket_read", fd=raw(over_path).fileno())
        expect("readable", "socket_read", fd=own.fileno())
        expect("accepts", "socket_accept", fd=raw(listener).fileno())
        expect("output", "stream_read", fd=scenario.at_least(3))
        expect("process", "subprocess", pid=process.pid)
        expect("works", "executor", tid=tids["works"], callee="works")
        expect("sleep", "sleep", deadline_s=scenario.until(start + 1000, 5))
        expect("limited", "event", has_timeout=True, deadline_s=scenario.until(start + 500, 5))
        await scenario.idle()
    del other

assert uvloop
anyio.run(main, backend="asyncio", backend_options={"use_uvloop": True})
