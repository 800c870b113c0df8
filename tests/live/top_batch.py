"""asyncspy top --batch: plain text, and how it ends. Each case yields problems."""

import os
import signal
import subprocess
import time

from bad import Running, Skip, refused, spawn
from ps import as_nobody, copy_for_nobody
from recordings import SECONDS, left_alone
from top_lines import batch, blocks_of, lacks, load, start_batch


def plain(context, interpreter):
    with load(context, "hostile") as process:
        for arguments in (("--batch",), (), ("--batch", "--color=always"), ("--batch", "--ascii")):
            done = context.run("top", "-p", process.pid, "-n", 3, "-d", 0.3, *arguments)
            if done.returncode != 0 or done.stderr:
                yield "%s: exit %s, stderr %s" % (arguments, done.returncode, done.stderr)
            if any(byte < 32 and byte != 10 for byte in done.stdout):
                yield "%s: there are control characters: %s" % (arguments, done.stdout[:900])
            if "--ascii" in arguments and not done.stdout.isascii():
                yield "--ascii: %s" % ascii(done.stdout.decode())
            blocks = blocks_of(done.stdout.decode())
            if len(blocks) != 3 or done.stdout.count(b"\n\n") != 2:
                yield "%s: %d blocks" % (arguments, len(blocks))
            for block in blocks:
                yield from lacks("a block", block.text, "Loop ", "Tasks ", "end:2")


def one_after_the_other(context, interpreter):
    """Each block comes when it is due."""
    with load(context, "idle") as process:
        watching = start_batch(context, process.pid, "-n", 3, "-d", 1)
        moments = [time.monotonic() for line in watching.stdout if line.startswith(b"asyncspy")]
        watching.communicate(timeout=SECONDS)
        if len(moments) != 3 or not 1.5 < moments[-1] - moments[0] < 6:
            yield "the blocks came at %s" % moments


def closed_pipe(context, interpreter):
    with load(context, "busy") as process:
        watching = start_batch(context, process.pid, "-d", 0.2)
        watching.stdout.readline()
        watching.stdout.close()
        status = watching.wait(SECONDS)
        errors = watching.stderr.read()
        watching.stderr.close()
        if status not in (0, -signal.SIGPIPE) or errors:
            yield "exit %s, stderr %s" % (status, errors)
        yield from left_alone(process.pid, "RS")


def full_disk(context, interpreter):
    with load(context, "idle") as process, open("/dev/full", "wb") as full:
        yield from refused(subprocess.CompletedProcess(
            (), *run_into(context, process.pid, full)), "space")


def run_into(context, pid, output):
    done = subprocess.run([context.asyncspy, "top", "--batch", "-p", str(pid), "-n", "2"],
                          stdout=output, stderr=subprocess.PIPE, timeout=SECONDS)
    return done.returncode, b"", done.stderr


def target_ends(context, interpreter):
    with load(context, "idle") as process:
        watching = start_batch(context, process.pid, "-d", 0.2)
        watching.stdout.readline()
        process.kill()
        process.wait()
        _, errors = watching.communicate(timeout=SECONDS)
        lines = errors.decode().splitlines()
        if watching.returncode != 0 or lines != ["asyncspy: process %d ended" % process.pid]:
            yield "exit %s, stderr %s" % (watching.returncode, lines)
    with load(context, "idle") as process:
        watching = start_batch(context, process.pid, "-d", 0.2, "--quiet")
        watching.stdout.readline()
        process.kill()
        process.wait()
        _, errors = watching.communicate(timeout=SECONDS)
        if watching.returncode != 0 or errors:
            yield "--quiet: exit %s, stderr %s" % (watching.returncode, errors)


def becomes_another(context, interpreter):
    """It has not ended."""
    with load(context, "execs") as process:
        watching = start_batch(context, process.pid, "-d", 0.2)
        watching.stdout.readline()
        process.send_signal(signal.SIGUSR1)
        _, errors = watching.communicate(timeout=SECONDS)
        lines = errors.decode().splitlines()
        if watching.returncode != 0 or lines != [
                "asyncspy: process %d became another program" % process.pid]:
            yield "exit %s, stderr %s" % (watching.returncode, lines)
        yield from left_alone(process.pid, "RS")


def interrupted(context, interpreter):
    for number in (signal.SIGINT, signal.SIGTERM):
        with load(context, "busy") as process:
            watching = start_batch(context, process.pid, "-d", 0.2)
            watching.stdout.readline()
            watching.send_signal(number)
            _, errors = watching.communicate(timeout=SECONDS)
            if watching.returncode != 0 or errors:
                yield "%s: exit %s, stderr %s" % (number, watching.returncode, errors)
            yield from left_alone(process.pid, "RS")


def nothing_to_watch(context, interpreter):
    process = spawn("true")
    process.wait()
    yield from refused(batch(context, process.pid), str(process.pid))
    yield from refused(batch(context, process.pid, "--children"), str(process.pid))
    with Running("sleep", 600) as process:
        yield from refused(batch(context, process.pid), str(process.pid), "python")


def not_permitted(context, interpreter):
    if os.geteuid() != 0:
        raise Skip("needs root")
    with copy_for_nobody(context) as asyncspy, load(context, "idle") as process:
        done = as_nobody(asyncspy, "top", "--batch", "--pid", str(process.pid))
        yield from refused(done, "permi", str(process.pid))


def bad_options(context, interpreter):
    for arguments in (("-d", 0), ("-d", "x"), ("-r", 0), ("-n", 0), ("-n", 1.5), ("-p", "x")):
        done = context.run("top", "--batch", "-p", 1, *arguments)
        if done.returncode != 2 or done.stdout or not done.stderr:
            yield "%s: exit %s, %s" % (arguments, done.returncode, done.stderr)


def many_descriptors(context, interpreter):
    """Days of watching keep no files open: twenty blocks as many as two."""
    with load(context, "busy") as process:
        watching = start_batch(context, process.pid, "-d", 0.1, "-n", 25)
        counts = []
        for line in watching.stdout:
            if line.startswith(b"asyncspy top"):
                counts.append(len(os.listdir("/proc/%d/fd" % watching.pid)))
        watching.communicate(timeout=SECONDS)
        if max(counts[-5:-1]) > max(counts[2:7]) + 2:
            yield "open files: %s" % counts
