"""The hang of a client that asked a server, which took the connection and says nothing."""
import asyncio
import sys

import peers
import scenario

SMOKE = True
SECOND_LOOK = True
SETTLE = 2.5  # a connection that is silent for less may be slow


class Client:
    async def connect(self, address):
        self.reader, self.writer = await asyncio.open_connection(*address)

    async def get(self):
        self.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        return await self.reader.readline()


async def fetch(client):
    return await client.get()


async def main(address):
    client = Client()
    await client.connect(address)
    task = asyncio.create_task(fetch(client), name="fetch")
    await asyncio.sleep(0.05)
    sock = client.writer.get_extra_info("socket")
    scenario.expect_task(task, "waiting", ["_wait_for_data", "...", "get", "fetch"], idle=False,
                         awaiting={"kind": "stream_read", "fd": sock.fileno(),
                                   "has_timeout": False})
    peer = "%s:%d" % address
    scenario.expect_socket(sock, family="inet", state="ESTABLISHED", peer=peer, receive_queue=0,
                           registered="read", moved=False,
                           local="%s:%d" % sock.getsockname())
    scenario.expect_finding("PEER_SILENT", "likely", tasks=[task], contains=[peer])
    name = "fetch" if sys.version_info >= (3, 8) else None
    scenario.expect_first_lines("PEER SILENT", peer, "ESTABLISHED", name, at_most=60)
    scenario.ready()
    await task

scenario.run(main(peers.serve_silently()))
