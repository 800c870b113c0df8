"""anyio's streams: between tasks, with buffers of every size; TCP, paths, UDP, sockets of
one's own, pipes of a process."""
import asyncio
import os
import socket
import subprocess

import peers
import scenario

try:
    import anyio
    from anyio.abc import SocketAttribute
except ImportError:
    scenario.skip("no anyio")

silent = peers.serve_silently()
tasks = {}
accepted = []


def me(name):
    tasks[name] = asyncio.current_task()


async def receives(name, stream):
    me(name)
    await stream.receive()


async def sends(name, stream):
    me(name)
    await stream.send("item")


async def sends_much(name, stream):
    me(name)
    while True:
        await stream.send(bytes(1 << 20))


async def accepts(name, listener):
    me(name)
    while True:
        accepted.append(await listener.accept())


async def readable(name, sock):
    me(name)
    function = "wait_readable" if hasattr(anyio, "wait_readable") else "wait_socket_readable"
    await getattr(anyio, function)(sock)


async def reads_output(name, process):
    me(name)
    await process.stdout.receive()


async def waits_for_process(name, process):
    me(name)
    await process.wait()


def expect(name, kind, **awaiting):
    scenario.expect_task(tasks[name], "waiting", holds=[], awaiting=dict(
        {"has_timeout": False, "deadline_s": None}, kind=kind, **awaiting))


def expect_memory(name, kind, state, waiters, **facts):
    for waiter in waiters:
        expect(waiter, kind, object=state)
    scenario.expect_object(state, kind="queue", name=name, state=facts,
                           label=scenario.contains("MemoryObjectStreamState#"),
                           waiters=[tasks[waiter] for waiter in waiters])


async def memory(group):
    """Streams between tasks: nobody sends, nobody receives, without a buffer, without a limit."""
    async def start(function, name, stream):
        group.start_soon(function, name, stream)
        await anyio.wait_all_tasks_blocked()

    full, _ = kept_full = anyio.create_memory_object_stream(2)
    full_cloned = full.clone()
    _, empty = kept_empty = anyio.create_memory_object_stream(3)
    direct, _ = kept_direct = anyio.create_memory_object_stream(0)
    _, endless = kept_endless = anyio.create_memory_object_stream(float("inf"))
    for item in range(2):
        full.send_nowait(item)
    for function, name, stream in (
            (sends, "full", full), (sends, "full too", full_cloned), (receives, "empty", empty),
            (receives, "empty too", empty), (sends, "direct", direct),
            (receives, "endless", endless)):
        await start(function, name, stream)
    expect_memory("stream", "queue_put", full._state, ["full", "full too"], size=2, max_size=2,
                  putters=2, getters=0)
    expect_memory("stream", "queue_get", empty._state, ["empty", "empty too"], size=0, max_size=3,
                  putters=0, getters=2)
    expect_memory("stream", "queue_put", direct._state, ["direct"], size=1, putters=1, getters=0)
    expect_memory("stream", "queue_get", endless._state, ["endless"], size=0, max_size=0,
                  putters=0, getters=1)
    return kept_full, kept_empty, kept_direct, kept_endless


def raw(stream):
    return stream.extra(SocketAttribute.raw_socket)


async def sockets(group):
    client, full = [await anyio.connect_tcp(*silent) for _ in range(2)]
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    path = os.path.join(os.getcwd(), "socket")
    server = await anyio.create_unix_listener(path)
    over_path = await anyio.connect_unix(path)
    udp = await anyio.create_udp_socket(family=socket.AF_INET, local_host="127.0.0.1")
    own, other = socket.socketpair()
    own.setblocking(False)
    for function, name, what in (
            (receives, "tcp", client), (sends_much, "tcp, full", full), (receives, "udp", udp),
            (receives, "path", over_path), (sends_much, "path, full", over_path),
            (accepts, "accepts", listener.listeners[0]), (accepts, "accepts at path", server),
            (readable, "readable", own)):
        group.start_soon(function, name, what)
    await anyio.sleep(0.3)
    expect("tcp", "stream_read", fd=raw(client).fileno())
    expect("tcp, full", "stream_drain", fd=raw(full).fileno())
    expect("udp", "stream_read", fd=raw(udp).fileno())
    expect("path", "socket_read", fd=raw(over_path).fileno())
    expect("path, full", "socket_write", fd=raw(over_path).fileno())
    expect("accepts", "socket_accept", fd=raw(listener.listeners[0]).fileno())
    expect("accepts at path", "socket_accept", fd=raw(server).fileno())
    expect("readable", "socket_read", fd=own.fileno())
    scenario.expect_socket(raw(client), peer="%s:%d" % silent, state="ESTABLISHED")
    return client, full, listener, server, over_path, udp, own, other


async def processes(group):
    process = await anyio.open_process(["sleep", str(scenario.HOUR)], stdin=subprocess.DEVNULL)
    group.start_soon(reads_output, "output", process)
    group.start_soon(waits_for_process, "process", process)
    await anyio.sleep(0.2)
    expect("output", "stream_read", fd=scenario.at_least(3))
    expect("process", "subprocess", pid=process.pid)
    return process


async def main():
    scenario.options(extra_finished=True)
    async with anyio.create_task_group() as group:
        kept = [await memory(group), await sockets(group), await processes(group)]
        scenario.ready()
        await anyio.sleep(scenario.HOUR)
        del kept

anyio.run(main)
