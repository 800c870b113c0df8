"""Look-ups of names: they hang in a thread of the loop's executor."""
import asyncio
import socket
import time

import _socket
import scenario

HOST = "db.example.invalid"


def hangs(*_):
    time.sleep(scenario.HOUR)


async def looks_up():
    await asyncio.get_event_loop().getaddrinfo(HOST, 5432)


async def looks_up_name():
    await asyncio.get_event_loop().getnameinfo(("192.0.2.1", 80))


async def connects():
    await asyncio.open_connection(HOST, 5432)


async def main():
    _socket.getaddrinfo = hangs
    socket.getnameinfo = hangs
    for function in (looks_up, connects, looks_up_name):
        task = asyncio.create_task(function(), name=function.__name__)
        awaiting = {"kind": "dns", "tid": scenario.at_least(1), "has_timeout": False}
        if function is looks_up_name:  # a C function that is not what it was
            awaiting = {"kind": scenario.any_of("dns", "executor")}
        else:
            awaiting["callee"] = scenario.contains(HOST)
        if function is connects:  # create_connection() puts it in a future of its own, once
            awaiting = {"kind": scenario.any_of("dns", "wait", "task"),
                        "has_timeout": {"any": True}}
        scenario.expect_task(task, "waiting", ["...", function.__name__], awaiting=awaiting)
    await asyncio.sleep(0.1)
    await scenario.idle()

scenario.run(main())
