"""The running task blocks in a synchronous call: coroutines and functions are one stack."""
import asyncio

import scenario

SMOKE = True


class Client:
    def query(self, text):
        return self._send(len(text))

    def _send(self, length):
        return [scenario.block() for _ in range(length)]


async def handler():
    return await fetch("select 1")


async def fetch(text):
    return (lambda client: client.query(text))(Client())


async def bystander():
    await asyncio.sleep(scenario.HOUR)


async def main():
    other = asyncio.create_task(bystander(), name="bystander")
    await asyncio.sleep(0)
    task = asyncio.create_task(handler(), name="handler")
    scenario.expect_task(other, "waiting", ["sleep", "bystander"])
    scenario.expect_task(task, "running", ["block", "...", "_send", "query", "<lambda>", "fetch",
                                           "handler"])
    await task

scenario.run(main())
