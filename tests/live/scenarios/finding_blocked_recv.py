"""A synchronous recv() in a coroutine: the loop waits for a peer that only the kernel knows."""
import asyncio
import socket
import threading

import peers
import scenario

SECOND_LOOK = True


def query(sock):
    sock.sendall(b"select 1")
    scenario.ready()
    return sock.recv(100)


async def handler(address):
    await asyncio.sleep(0)
    return query(socket.create_connection(address))


async def heartbeat():
    while True:
        await asyncio.sleep(0.2)


async def main(address):
    peer = "%s:%d" % address
    task = asyncio.create_task(handler(address), name="handler")
    asyncio.create_task(heartbeat(), name="heartbeat")
    scenario.expect_task(task, "running", ["query", "handler"])
    scenario.expect_thread(threading.get_ident(), syscall=scenario.any_of("recvfrom", "poll"),
                           syscall_fd={"any": True}, waits_for_gil=False, moved=False)
    scenario.expect_loop(asyncio.get_event_loop(), state="blocked")
    scenario.expect_finding("LOOP_BLOCKED", "certain", tasks=[task], contains=["query", peer])
    scenario.expect_first_lines("LOOP BLOCKED", "query", peer)
    await task

scenario.run(main(peers.serve_silently()))
