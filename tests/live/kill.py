"""asyncspy is killed by SIGKILL at any moment: the target runs on, every time.

Half of the kills are spread over a whole run, the other half over the time in which the target is
stopped, which is a small part of it.
"""

import os
import random
import subprocess
import time
import traceback

import interpreters
from target import Target, TargetFailed

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios", "busy_threads.py")
NAME = "kill: at any moment"
KILLS_QUICK, KILLS_ALL = 25, 100
SECONDS = 30


def start(asyncspy, pid):
    return subprocess.Popen([asyncspy, "dump", "--pid", str(pid)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def time_runs(asyncspy, pid):
    """How long asyncspy takes, the longest of a few runs."""
    longest = 0
    for _ in range(5):
        began = time.monotonic()
        start(asyncspy, pid).wait(SECONDS)
        longest = max(longest, time.monotonic() - began)
    return longest


def wait_for_stop(target, process):
    """Until the target is traced; False when the run is over before."""
    while process.poll() is None:
        if target.tracer():
            return True
    return False


def kill_once(asyncspy, target, delay, in_stop):
    """Whether the target was traced when asyncspy was killed."""
    process = start(asyncspy, target.pid)
    try:
        if in_stop:
            wait_for_stop(target, process)
        time.sleep(delay)
        traced = bool(target.tracer())
    finally:
        process.kill()
        process.wait(SECONDS)
    return traced


def problems_of(asyncspy, target, count):
    chance = random.Random(count)
    whole, hits = time_runs(asyncspy, target.pid), 0
    for number in range(count):
        in_stop = number % 2 == 0
        delay = chance.random() * (min(0.004, whole / 4) if in_stop else whole)
        hits += kill_once(asyncspy, target, delay, in_stop)
        problems = target.problems_after_dump()
        if problems:
            return ["kill %d of %d, after %.2f ms: %s" % (number + 1, count, delay * 1000, problem)
                    for problem in problems]
    if hits < count / 8:
        return ["only %d of %d kills came while the target was stopped" % (hits, count)]
    return []


def run(asyncspy, found, everything, pattern):
    """(row, column, status, details) for each interpreter."""
    if pattern and pattern not in NAME:
        return
    chosen = interpreters.representatives(found)
    for interpreter in chosen if everything else chosen[-1:]:
        try:
            with Target(interpreter, PROGRAM, heartbeat=True) as target:
                problems = problems_of(asyncspy, target,
                                       KILLS_ALL if everything else KILLS_QUICK)
        except (TargetFailed, OSError, subprocess.SubprocessError):
            problems = traceback.format_exc().splitlines()[-4:]
        yield NAME, interpreter.label, "FAIL" if problems else "pass", problems
