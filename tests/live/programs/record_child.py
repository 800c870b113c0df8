"""Started by `asyncspy record`: says how it was started, then does what it is told to.

argv[1]: "exit NUMBER", "signal NUMBER" (ends itself so), "wait" (for a signal, or for ever).
"""
import asyncio
import json
import os
import resource
import signal
import sys

HANDLED = {signal.SIGTERM: 41, signal.SIGINT: 42}


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def read_masks():
    with open("/proc/self/status") as opened:
        lines = [line.split() for line in opened]
    return {words[0][:-1]: words[1] for words in lines if words and words[0] in (
        "SigBlk:", "SigIgn:")}


def quit_by(loop, number):
    say("signal %d" % number)
    loop.stop()
    loop.asyncspy_status = HANDLED[number]


async def main(what, number):
    say(json.dumps({"limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                    "input": sys.stdin.readline(), "pid": os.getpid(), "masks": masks}))
    sys.stderr.write("this is stderr\n")
    sys.stderr.flush()
    await asyncio.sleep(0.5 if what != "wait" else 30)
    if what == "signal":
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

masks = read_masks()
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
words = sys.argv[1].split() + ["0"]
loop.asyncspy_status = int(words[1]) if words[0] == "exit" else 0
for handled in HANDLED:
    loop.add_signal_handler(handled, quit_by, loop, handled)
task = loop.create_task(main(words[0], int(words[1])))
task.add_done_callback(lambda _: loop.stop())
loop.run_forever()
sys.stdout.flush()
os._exit(loop.asyncspy_status)
