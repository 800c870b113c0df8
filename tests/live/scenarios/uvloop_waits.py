"""uvloop: what tasks wait for: timers, streams, sockets, child processes, the executor; its loop idle."""
import asyncio
import os
import socket
import time

import peers
import scenario

try:
    import uvloop
except ImportError:
    scenario.skip("no uvloop")

silent = peers.serve_silently()
handlers = []
SLACK = 0.1  # its clock ticks in milliseconds; the tasks start a bit later than they are made


async def sleeps(delay):
    await asyncio.sleep(delay)


async def in_time(delay):
    await asyncio.wait_for(asyncio.get_running_loop().create_future(), delay)


async def in_time_block(delay):
    async with asyncio.timeout(delay):
        await asyncio.get_running_loop().create_future()


async def reads(reader):
    await reader.readline()


async def drains(writer):
    while True:
        writer.write(bytes(1 << 20))
        await writer.drain()


async def works():
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, scenario.HOUR)


async def waits_for(process):
    await process.wait()


async def serve(reader, writer):
    handlers.append((reader, writer))
    await reader.readline()


def expect(name, coroutine, kind, **awaiting):
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    scenario.expect_task(task, "waiting", awaiting=dict({"has_timeout": False}, kind=kind,
                                                        **awaiting))
    return task


def expect_call(name, coroutine, function, kind, fd):
    """A method of the loop, whose frame only Cython knows."""
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    frame = {"function": function, "qualified_name": "Loop." + function, "line": None}
    scenario.add_tasks([{"id": hex(id(task)), "state": "waiting", "frames": [frame], "notes": [],
                         "awaiting": {"kind": kind, "fd": fd, "has_timeout": False}}])
    return task


async def timers():
    for delay in (500, 700):
        until = scenario.until(time.monotonic() + delay - SLACK, 2 * SLACK)
        expect("sleeps", sleeps(delay), "sleep", deadline_s=until)
    until = scenario.until(time.monotonic() + 300 - SLACK, 2 * SLACK)
    expect("wait_for", in_time(300), scenario.any_of("timeout", "future"), has_timeout=True,
           deadline_s=until)
    expect("timeout", in_time_block(300), "future", has_timeout=True, deadline_s=until)


async def streams():
    reader, writer = await asyncio.open_connection(*silent)
    _, full = await asyncio.open_connection(*silent)
    expect("reads", reads(reader), "stream_read", fd=writer.get_extra_info("socket").fileno())
    expect("drains", drains(full), "stream_drain", fd=full.get_extra_info("socket").fileno())
    path = os.path.join(os.getcwd(), "socket")
    server = await asyncio.start_unix_server(serve, path)
    over_path, path_writer = await asyncio.open_unix_connection(path)
    expect("reads path", reads(over_path), "stream_read",
           fd=path_writer.get_extra_info("socket").fileno())
    reading, writing = os.pipe()
    pipe = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(pipe), os.fdopen(reading, "rb"))
    expect("reads pipe", reads(pipe), "stream_read", fd=reading)
    scenario.expect_socket(writer.get_extra_info("socket"), peer="%s:%d" % silent,
                           registered="read")
    return reader, writer, full, server, over_path, path_writer, writing


def sockets(loop):
    reading, _ = pair = socket.socketpair()
    writing, _ = other = socket.socketpair()
    listening = socket.create_server(("127.0.0.1", 0))
    watched, _ = third = socket.socketpair()
    for sock in (reading, writing, listening, watched):
        sock.setblocking(False)
    expect_call("sock_recv", loop.sock_recv(reading, 1), "sock_recv", "socket_read",
                reading.fileno())
    expect_call("sock_sendall", loop.sock_sendall(writing, bytes(1 << 24)), "sock_sendall",
                "socket_write", writing.fileno())
    expect_call("sock_accept", loop.sock_accept(listening), "sock_accept", "socket_accept",
                listening.fileno())
    future = loop.create_future()
    loop.add_reader(watched, future.set_result, None)

    async def waits():
        await future
    expect("add_reader", waits(), "socket_read", fd=watched.fileno())
    return pair, other, third, listening


async def main(loop):
    scenario.options(exact=False, threads=False)
    kept = [await streams(), sockets(loop)]
    process = await asyncio.create_subprocess_exec("sleep", str(scenario.HOUR))
    expect("waits for process", waits_for(process), "subprocess", pid=process.pid)
    expect("works", works(), "executor", tid=scenario.at_least(1), callee="sleep")
    await timers()
    await asyncio.sleep(0.3)
    scenario.expect_task(asyncio.current_task(), "waiting", ["sleep", "idle", "main"])
    for handler in asyncio.all_tasks():
        if handler.get_coro().__name__ == "serve":
            scenario.expect_task(handler, "waiting", awaiting={
                "kind": "stream_read", "fd": handlers[0][1].get_extra_info("socket").fileno()})
    until = scenario.until(time.monotonic() + 300 - 1, 2)
    scenario.expect_loop(loop, state="idle", ready=0, timers=5, overdue_s=None, overdue_timers=0,
                         next_timer_s=until, iteration_age_s=None, executor={
                             "max_workers": scenario.at_least(1), "busy": 1, "idle": 0,
                             "queued": 0})
    await scenario.idle()
    del kept

if not hasattr(asyncio, "timeout"):
    scenario.skip("no asyncio.timeout()")
event_loop = uvloop.new_event_loop()
asyncio.set_event_loop(event_loop)
event_loop.run_until_complete(main(event_loop))
