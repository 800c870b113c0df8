"""What the tests of `asyncspy record` share: programs, recordings, and what stands in them."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile

import bad
import compare
import interpreters
import plan
import ps
from bad import wait_for
from target import Target, TargetSkipped

sys.path.insert(0, os.path.join(interpreters.REPOSITORY, "tests", "formats"))
import trace_rules  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
SECONDS = 60


def read_source(name):
    with open(os.path.join(PROGRAMS, "record_%s.py" % name), encoding="utf-8") as opened:
        return opened.read()


def program(context, name):
    return ps.program(context, read_source(name))


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="asyncspy-record-") as path:
        yield path


def read(path, mode="r"):
    with open(path, mode) as opened:
        return opened.read()


def stacks_of(path):
    """[(frames, seconds)] of a file of collapsed stacks."""
    rows = []
    for line in read(path).splitlines():
        stack, _, weight = line.rpartition(" ")
        rows.append((stack.split(";"), int(weight) / 1e6))
    return rows


def lines_of(path):
    return [json.loads(line) for line in read(path).splitlines()]


def samples_said(done):
    """How many samples the summary tells of."""
    found = re.match(rb"(\d+) samples in ", done.stderr)
    return int(found.group(1)) if found else 0


def done_well(done, *words):
    """Problems of a run that had to end well, with a summary that contains `words`."""
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0 or done.stdout:
        yield "exit %s, stdout %s, stderr %s" % (done.returncode, compare.short(done.stdout), said)
    for word in words:
        if word not in said:
            yield "the summary lacks %r: %s" % (word, said)


@contextlib.contextmanager
def scenario(interpreter, name):
    path = os.path.join(bad.SCENARIOS, name + ".py")
    reason = plan.Scenario(path).reason_to_skip(interpreter)
    if reason:
        raise TargetSkipped(reason)
    with Target(interpreter, path) as target:
        yield target


def start_record(context, *arguments, **keys):
    keys.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([context.asyncspy, "record"] + [str(a) for a in arguments],
                            stdout=subprocess.PIPE, **keys)


def finish(process):
    output, errors = process.communicate(timeout=SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def wait_for_size(path, size=1):
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path) >= size)


def left_alone(pid, letters):
    """The process runs on: neither stopped nor traced."""
    wait_for(lambda: b"TracerPid:\t0\n" in read("/proc/%d/status" % pid, "rb"))
    state, _ = ps.activity(pid)
    if state not in letters:
        yield "the process is in state %s" % state


def trace_problems(path):
    return trace_rules.find_problems(trace_rules.load(read(path)))[:5]
