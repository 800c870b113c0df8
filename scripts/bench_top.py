"""How fast `asyncspy top` is and what it costs; a part of scripts/bench.

For 1,000 and 10,000 tasks as in bench_record.py: samples a second, what failed and was torn, our own CPU and
memory, how long the target stood; all from the second update on. Then how much less a working target does meanwhile.
"""

import os
import re
import signal
import statistics
import subprocess
import time

from bench_record import ROUNDS, SECONDS, TASKS, Worker, get_cpu, show_rows

UPDATES = 5  # that are counted, behind the first one
SETTLE_S = 3  # until a target that has too much to do has a rhythm

# tasks, mode, options, {row's key: (what issue and DESIGN demand, whether that is the least)}
LESS = {"failed": (1, False), "stopped": (1, False)}
ROWS = [
    (1000, "quiet", "", dict(LESS, rate=(50, True), cpu=(5, False))),
    (1000, "busy", "", dict(LESS, rate=(50, True), cpu=(5, False))),
    (1000, "work", "", dict(LESS, rate=(50, True), cpu=(5, False))),
    (10000, "quiet", "", dict(LESS, rate=(50, True))),
    (10000, "busy", "", dict(LESS, rate=(50, True))),
    (10000, "work", "", dict(LESS, rate=(50, True))),
    (10000, "work", "-r 100", dict(LESS, rate=(50, True))),
]
LINE = re.compile(r"(\d+) samples, (\d+) failed, (\d+) torn(?:.*stopped ([\d.]+) %)?(?:.*longest ([\d.]+) (\w+))?")
UNITS = {"us": 1e-3, "ms": 1, "s": 1e3}


def start_top(asyncspy, pid, options):
    return subprocess.Popen([asyncspy, "top", "-q", "--batch", "--ascii", "--pid", str(pid)] + options.split(),
                            stdout=subprocess.PIPE, universal_newlines=True)


def read_line(top):
    """The line of samples of the next block: (samples, failed, torn, stopped %, longest ms)."""
    for line in top.stdout:
        found = LINE.search(line)
        if found:
            samples, failed, torn, stopped, longest, unit = found.groups()
            return (int(samples), int(failed), int(torn), float(stopped or 0),
                    float(longest or 0) * UNITS[unit or "ms"])
    raise RuntimeError("asyncspy top ended")


def get_memory(pid):
    """MB that are resident."""
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as opened:
        return int(re.search(r"VmRSS:\s*(\d+)", opened.read())[1]) / 1024


def end(top):
    top.send_signal(signal.SIGTERM)
    top.communicate(timeout=30)
    if top.returncode != 0:
        raise RuntimeError("asyncspy top failed")


def measure_row(asyncspy, interpreter, make_target, tasks, mode, options):
    with make_target(interpreter, tasks, mode, 0) as pid:
        time.sleep(SETTLE_S)
        top = start_top(asyncspy, pid, options)
        read_line(top)
        began, cpu = time.perf_counter(), get_cpu(top.pid)
        lines = [read_line(top) for _ in range(UPDATES)]
        passed, cpu, memory = time.perf_counter() - began, get_cpu(top.pid) - cpu, get_memory(top.pid)
        end(top)
    samples, failed, torn = (sum(line[i] for line in lines) for i in range(3))
    return {"rate": samples / passed, "failed": 100 * failed / (samples + failed), "torn": torn / samples,
            "cpu": 100 * cpu / passed, "stopped": statistics.mean(line[3] for line in lines),
            "longest_ms": lines[-1][4], "memory_mb": memory}


def show_row(name, row):
    print("%-24s %9.1f/s %7.2f %% %7.2f %8.1f %% %8.2f %%, %5.1f ms %8.1f MB" % (
        name, row["rate"], row["failed"], row["torn"], row["cpu"], row["stopped"], row["longest_ms"],
        row["memory_mb"]), flush=True)


def measure_slowdown(asyncspy, interpreter, make_target):
    target = make_target(interpreter, TASKS, "work", 0)
    with target as pid:
        time.sleep(SETTLE_S)
        worker, alone, beside = Worker(target), [], []
        for _ in range(ROUNDS):  # in turn, so that what else the machine does meets both
            alone.append(worker.measure(SECONDS))
            top = start_top(asyncspy, pid, "")
            read_line(top)
            beside.append(worker.measure(SECONDS))
            end(top)
    alone, beside = statistics.median(alone), statistics.median(beside)
    print("\n%d tasks that work: %.0f/s alone, %.0f/s while top runs: %.1f %% slower" % (
        TASKS, alone, beside, 100 * (1 - beside / alone)))


def measure(asyncspy, interpreter, make_target):
    print("\nasyncspy top, CPython %s (load %.1f on %d CPUs)" % (
        interpreter.label, os.getloadavg()[0], os.cpu_count()))
    print("%-24s %11s %9s %7s %10s %20s %11s" % (
        "tasks", "samples", "failed", "torn", "own CPU", "stopped, longest", "memory"))
    show_rows(ROWS, lambda *row: measure_row(asyncspy, interpreter, make_target, *row), show_row)
    measure_slowdown(asyncspy, interpreter, make_target)
