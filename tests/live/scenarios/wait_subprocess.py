"""Child processes: wait() and communicate(), and the pipes between."""
import asyncio
import asyncio.subprocess

import scenario

PIPE = asyncio.subprocess.PIPE
COMMAND = ("sleep", str(scenario.HOUR))


async def waits(process):
    await process.wait()


async def communicates(process):
    await process.communicate()


async def reads(process):
    await process.stdout.readline()


async def main():
    cases = ((waits, {}), (waits, {"stdout": PIPE}), (reads, {"stdout": PIPE}),
             (communicates, {"stdout": PIPE, "stderr": PIPE}), (communicates, {}))
    for function, keys in cases:
        process = await asyncio.create_subprocess_exec(*COMMAND, **keys)
        task = asyncio.create_task(function(process), name=function.__name__)
        waits_for_child = {"kind": "subprocess", "pid": process.pid}
        if function is communicates and keys:
            claim = {"kind": "gather", "done": 1, "total": 3}
        elif function is reads:
            pipe = process._transport.get_pipe_transport(1).get_extra_info("pipe")
            claim = {"kind": "stream_read", "fd": pipe.fileno()}
        else:
            claim = waits_for_child
        scenario.expect_task(task, "waiting", ["...", function.__name__], awaiting=claim)
    await asyncio.sleep(0.1)
    scenario.options(extra_finished=True, extra_threads=True)
    await scenario.idle()

scenario.run(main())
