"""asyncspy top: its numbers, of loads that are known. Each case yields problems, as in bad.py."""

import re
import threading
import time

import compare
from bad import Skip
from recordings import SECONDS, left_alone
from top_lines import (batch, blocks_of, has_sanitizers, lacks, load, mean, outside, seconds,
                       start_batch, watch)

STOPPED_MOST = 1.5  # %: 1 in the long run
STOPPED_SEEN_MOST = 3.5  # % of the looks of somebody else


def least(interpreter, number):
    """What tasks without names tell of how many there were is little."""
    return number if interpreter.minor >= (3, 8) else 0


def smoke(context, interpreter):
    """Every part of it on every version."""
    with load(context, "busy") as process:
        blocks = watch(context, process.pid, "-n", 3, "-d", 0.5)
        if len(blocks) != 3:
            yield "%d blocks" % len(blocks)
        last = blocks[-1]
        yield from lacks("the block", last.text, "pid %d" % process.pid, "CPython %d.%d.%d" %
                         interpreter.version, "Executor 2/2 busy, 3 queued", "EXECUTOR FULL",
                         "[lock 5]", "[executor 5]", "parked", " 0 failed")
        yield from outside("busy", mean(blocks[1:], r"(\d+)% busy"), 20, 85, blocks)
        yield from outside("births", mean(blocks[1:], r"\(\+(\d+)/s"), 0, 200, blocks)
        yield from left_alone(process.pid, "RS")


def busy_half(context, interpreter):
    with load(context, "half") as process:
        blocks = watch(context, process.pid, "-n", 5, "-d", 1)
        yield from outside("busy", mean(blocks[1:], r"(\d+)% busy"), 35, 65, blocks)
        if not re.search("spin|burn", blocks[-1].text):
            yield "nothing burns: %s" % blocks[-1].text[:900]


def blocked(context, interpreter):
    """It blocks for 150 ms each second, and says when."""
    with load(context, "blocks") as process:
        watching = start_batch(context, process.pid, "-n", 5, "-d", 1)
        output = watching.stdout.read().decode()
        end = time.monotonic()
        watching.communicate(timeout=SECONDS)
        blocks = blocks_of(output)
        process.kill()
        ends = [float(line) for line in process.stdout.read().split()]
        line = blocks[-1].line("Blocked ")
        found = re.match(r"Blocked (\d+) times? >100 ms in (?:the last )?(\d+) s", line)
        yield from lacks("to blame", line, "handle_request")
        if not found:
            yield "no count: %s" % blocks[-1].text[:600]
            return
        count, watched = int(found.group(1)), int(found.group(2))
        true = sum(end - watched < moment <= end for moment in ends)
        # At either end one is or is not counted; and the numbers of the text are rounded.
        if abs(count - true) > 1:
            yield "%d blocks in %d s, there were %d: %s" % (count, watched, true, line)
        yield from outside("the worst", seconds(line.partition("worst")[2]), 0.09, 0.6, blocks)


def births(context, interpreter):
    with load(context, "births") as process:
        blocks = watch(context, process.pid, "-n", 5, "-d", 1)
        for what, pattern in (("births", r"\(\+(\d+)/s"), ("deaths", r" -(\d+)/s\)")):
            yield from outside(what, mean(blocks[2:], pattern), least(interpreter, 60), 115,
                               blocks)


def waiters(context, interpreter):
    with load(context, "lock") as process:
        last = watch(context, process.pid, "-n", 2, "-d", 0.5)[-1]
        row = last.row("Pool.wait")
        if (row.get("COUNT"), row.get("STATE"), row.get("MOVED")) != ("5", "wait", "0%"):
            yield "the row of the waiters: %s" % row
        yield from lacks("they wait for", row.get("WAITS FOR", ""), "Lock#1 locked 'Pool.guard'")
        yield from lacks("waits", last.text, "[lock 5]", "Tasks 7 ")


def executor(context, interpreter):
    with load(context, "executor") as process:
        last = watch(context, process.pid, "-n", 2, "-d", 0.5)[-1]
        yield from lacks("it", last.text, "Executor 2/2 busy, 3 queued", "EXECUTOR FULL",
                         "work ")


def saturated(context, interpreter):
    with load(context, "saturated") as process:
        blocks = watch(context, process.pid, "-n", 4, "-d", 1)
        yield from outside("ready", mean(blocks[1:], r"ready (\d+)"), 5, 10, blocks)
        yield from outside("busy", mean(blocks[1:], r"(\d+)% busy"), 95, 100, blocks)


def accept_queue(context, interpreter):
    with load(context, "accept") as process:
        last = watch(context, process.pid, "-n", 2, "-d", 0.5)[-1]
        yield from lacks("it", last.text, "accept queue 3/7", "LOOP BLOCKED")
        yield from lacks("the files", last.text, "fds %(open)d/%(limit)d" %
                         compare.true_files(process.pid))


def moved(context, interpreter):
    """Those that tick have always moved; of the others the time grows."""
    with load(context, "moves") as process:
        blocks = watch(context, process.pid, "-n", 4, "-d", 1)
        for block in blocks[1:]:
            for name, count, share in (("tick", 7, "100%"), ("parked", 4, "0%")):
                # One that is seen while it runs has a row of its own.
                rows = block.rows(" %s " % name)
                if (sum(int(row["COUNT"]) for row in rows) != count
                        or any(row["MOVED"] != share for row in rows)):
                    yield "the rows of %s: %s" % (name, rows)
        ages = [seconds(block.row(" parked ").get("OLDEST", "")) or 0 for block in blocks]
        passed = [b - a for a, b in zip(ages[1:], ages[2:])]
        if not all(0.7 <= step <= 5 for step in passed) or ages[-1] < 2:
            yield "the ages of what is parked: %s" % ages


def watch_state(pid, seen, over):
    """How often the process is seen stopped, by somebody who knows nothing of asyncspy."""
    while not over.is_set():
        with open("/proc/%d/stat" % pid, "rb") as opened:
            letter = opened.read().rpartition(b")")[2].split()[0]
        seen.append(letter in b"tT")
        time.sleep(0.0005)


def stopped(context, interpreter):
    if has_sanitizers(context):
        raise Skip("a build with sanitizers is slow")
    with load(context, "busy") as process:
        seen, over = [], threading.Event()
        watcher = threading.Thread(target=watch_state, args=(process.pid, seen, over))
        watcher.start()
        try:
            blocks = watch(context, process.pid, "-n", 6, "-d", 1)
        finally:
            over.set()
            watcher.join()
        # What it says where it was stopped; a block without it: not at all.
        said = sum(block.find(r"stopped ([\d.]+) %", 0) for block in blocks[1:]) / 5
        yield from outside("stopped, as it says", said, 0, STOPPED_MOST, blocks)
        share = 100 * sum(seen) / max(len(seen), 1)
        yield from outside("stopped, as seen", share, 0, STOPPED_SEEN_MOST, blocks)


def idle_is_not_stopped(context, interpreter):
    with load(context, "idle") as process:
        for block in watch(context, process.pid, "-n", 3, "-d", 0.5):
            if block.find(r"stopped ([\d.]+) %", 0) > 0:
                yield "it sleeps, and was stopped: %s" % block.text[:600]
        done = batch(context, process.pid, "--nonblocking", "-n", 2, "-d", 0.5)
        if done.returncode != 0 or b"stopped" in done.stdout:
            yield "--nonblocking: exit %s, %s" % (done.returncode, done.stdout[:600])
