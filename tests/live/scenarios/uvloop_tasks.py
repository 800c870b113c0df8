"""uvloop: its loops, tasks that it runs, its coroutines (which Cython compiled) in await chains."""
import asyncio
import socket

import scenario

DUMP = ["--gc"]

try:
    import uvloop
except ImportError:
    scenario.skip("no uvloop")

SOCK_RECV = {"function": "sock_recv", "qualified_name": "Loop.sock_recv", "line": None,
             "file": {"any_of": [None, "uvloop/loop.pyx"]}}
kept = []


async def sleeps():
    await asyncio.sleep(scenario.HOUR)


async def reads(loop, sock):
    await loop.sock_recv(sock, 1)


def in_uvloop(task, frames, **keys):
    """What the interpreter itself says nothing of."""
    waiter = task._fut_waiter
    scenario.add_tasks([dict({"id": hex(id(task)), "state": "waiting", "notes": [],
                              "event_loop": hex(id(task.get_loop())), "frames": frames,
                              "awaiting": {"kind": "socket_read", "id": hex(id(waiter))}},
                             **keys)])


async def main(loop):
    closed, idle, other = (uvloop.new_event_loop() for _ in range(3))
    closed.close()
    idle.set_debug(True)
    scenario.options(exact=False, extra_finished=True, threads=False)
    scenario.expect_loop(loop)
    scenario.expect_loop(closed, state="closed")
    scenario.expect_loop(idle, state="stopped", debug=True)
    scenario.expect_loop(other, state="stopped", debug=False)
    sockets = [end for _ in range(2) for end in socket.socketpair()]
    kept.extend([closed, idle, other, sockets])
    for sock in sockets:
        sock.setblocking(False)
    plain, chain = loop.create_task(sleeps()), loop.create_task(reads(loop, sockets[0]))
    root = loop.create_task(loop.sock_recv(sockets[2], 1))
    await asyncio.sleep(0)
    scenario.expect_task(plain, "waiting", ["sleep", "sleeps"])
    in_uvloop(chain, [SOCK_RECV, {"function": "reads"}], coroutine="reads")
    in_uvloop(root, [SOCK_RECV], coroutine="Loop.sock_recv")
    scenario.expect_task(other.create_task(sleeps()), "not_started")
    scenario.expect_task(asyncio.current_task(), "waiting", ["...", "main"])
    await scenario.idle()

event_loop = uvloop.new_event_loop()
asyncio.set_event_loop(event_loop)
event_loop.run_until_complete(main(event_loop))
