"""Protocols of one's own, as database drivers have them: each keeps the future that the bytes of its connection
complete. One asks a silent server, one is a client's at a server, one has bytes that the peer does not take."""
import asyncio

import peers
import scenario

SMOKE = True
SECOND_LOOK = True
SETTLE = 2.5  # a connection that is silent for less may be slow


class Connection(asyncio.Protocol):
    def __init__(self):
        self.answer = asyncio.get_event_loop().create_future()
        made.append(self)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.answer.set_result(data)

    async def ask(self, request):
        self.transport.write(request)
        return await self.answer


async def query(connection):
    return await connection.ask(b"SELECT 1")


async def upload(connection):
    return await connection.ask(bytes(50000000))


async def serve(connection):
    return await connection.answer

made = []


def expect(task, function, sock, kind, protocol, **keys):
    scenario.expect_task(task, "waiting", ["...", function],
                         awaiting=dict({"kind": kind, "has_timeout": False}, **(
                             {"fd": sock.fileno()} if kind == "stream_read" else {})), **keys)
    scenario.expect_socket(sock, state="ESTABLISHED", protocol=protocol,
                           protocol_type=scenario.contains("Connection"))


async def main(address):
    loop = asyncio.get_event_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    peers.connect_silently(server.sockets[0].getsockname(), 1)
    while not made:
        await asyncio.sleep(0.01)
    tasks = [asyncio.create_task(serve(made[0]), name="serve")]
    for function in (query, upload):
        _, connection = await loop.create_connection(Connection, *address)
        tasks.append(asyncio.create_task(function(connection), name=function.__name__))
    await asyncio.sleep(0.05)
    served, asked, full = made
    expect(tasks[0], "serve", served.transport.get_extra_info("socket"), "stream_read", served,
           idle=True)
    sock = asked.transport.get_extra_info("socket")
    expect(tasks[1], "query", sock, "stream_read", asked, idle=False)
    expect(tasks[2], "upload", full.transport.get_extra_info("socket"), "future", full)
    scenario.expect_socket(sock, peer="%s:%d" % address, registered="read")
    scenario.expect_finding("PEER_SILENT", tasks=[tasks[1]], contains=["%s:%d" % address])
    scenario.expect_first_lines("PEER SILENT", "%s:%d" % address)
    scenario.ready()
    await tasks[1]

scenario.run(main(peers.serve_silently()))
