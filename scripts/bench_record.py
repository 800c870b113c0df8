"""How fast `asyncspy record` is and what it costs; a part of scripts/bench.

For 1,000 and 10,000 tasks, three coroutines deep, that wait (quiet), that wait while the loop spins
(busy), or that sleep and work in turn, for which the loop has not enough time (work): samples a second, our
own CPU, how long the target stood. Then how much less the working target does while it is recorded, and while
3.15's `profiling.sampling attach` profiles it. All of it depends on what else the machine does.
"""

import json
import os
import re
import signal
import statistics
import subprocess
import tempfile
import time

SECONDS = 3
ROUNDS = 2  # of each way to be slowed down
TASKS = 1000  # that are slowed down

# tasks, mode, options, {row's key: (what DESIGN demands, whether that is the least)}. How often a target that
# works can be sampled depends on how often it may be stopped.
ROWS = [
    (1000, "quiet", "", {"errors": (1, False), "cpu": (1, False), "stopped": (0, False)}),
    (1000, "quiet", "-r 1200", {"rate": (1000, True), "errors": (1, False), "stopped": (0, False)}),
    (1000, "busy", "-r 1200", {"rate": (1000, True), "errors": (1, False), "stopped": (10, False)}),
    (1000, "work", "", {"errors": (1, False), "cpu": (10, False), "stopped": (10, False)}),
    (1000, "work", "-r 1200", {"errors": (1, False), "stopped": (10, False)}),
    (1000, "work", "-r 1200 --nonblocking", {"errors": (1, False), "stopped": (0, False)}),
    (10000, "quiet", "", {"errors": (1, False), "cpu": (1, False), "stopped": (0, False)}),
    (10000, "quiet", "-r 120", {"rate": (100, True), "errors": (1, False), "stopped": (0, False)}),
    (10000, "busy", "-r 120", {"rate": (100, True), "errors": (1, False), "stopped": (10, False)}),
    (10000, "work", "", {"errors": (1, False), "stopped": (10, False)}),
    (10000, "work", "-r 120", {"errors": (1, False), "stopped": (10, False)}),
]


def get_cpu(pid):
    """Seconds that its one thread has run."""
    with open("/proc/%d/schedstat" % pid, encoding="ascii") as opened:
        return int(opened.read().split()[0]) / 1e9


def start_record(asyncspy, pid, seconds, options, path):
    return subprocess.Popen(
        [asyncspy, "record", "-q", "--pid", str(pid), "-d", str(seconds), "-o", path] +
        options.split(), stdout=subprocess.DEVNULL)


def read_end(asyncspy, path):
    """The last line of the recording, and how many tasks and threads were left out of samples."""
    end, torn = None, 0
    with subprocess.Popen([asyncspy, "report", "-q", "--format=jsonl", "-o", "-", path],
                          stdout=subprocess.PIPE) as report:
        for line in report.stdout:
            found = re.search(rb'"torn":(\d+)', line[:400])
            torn += int(found[1]) if found else 0
            end = line
    return json.loads(end)["end"], torn


def measure_row(asyncspy, interpreter, make_target, tasks, mode, options):
    with make_target(interpreter, tasks, mode, 0) as pid, \
            tempfile.TemporaryDirectory(prefix="asyncspy-bench-") as folder:
        path = os.path.join(folder, "bench.asyncspy")
        time.sleep(0.5)
        record = start_record(asyncspy, pid, SECONDS, options, path)
        time.sleep(0.5)  # it has begun
        began, cpu = time.perf_counter(), get_cpu(record.pid)
        time.sleep(SECONDS - 0.8)  # and does not yet count what it has
        cpu, passed = get_cpu(record.pid) - cpu, time.perf_counter() - began
        if record.wait(60) != 0:
            raise RuntimeError("asyncspy record failed")
        size = os.path.getsize(path)
        end, torn = read_end(asyncspy, path)
    tried = end["samples"] + end["failed"]
    return {"rate": end["samples"] / end["time_s"], "errors": 100 * end["failed"] / tried,
            "torn": torn / end["samples"], "late_ms": 1e3 * end["late_s"] / end["samples"],
            "cpu": 100 * cpu / passed, "stopped": 100 * end["pause_s"] / end["time_s"],
            "longest_ms": 1e3 * end["longest_pause_s"], "mb_s": size / end["time_s"] / 1e6}


def show_row(name, row):
    print("%-32s %9.1f/s %6.2f %% %7.2f %8.2f ms %8.1f %% %8.2f %%, %5.2f ms %7.2f MB/s" % (
        name, row["rate"], row["errors"], row["torn"], row["late_ms"], row["cpu"], row["stopped"],
        row["longest_ms"], row["mb_s"]), flush=True)


def show_budget(name, key, value, budget, is_least):
    over = budget - value if is_least else value - budget
    print("%-44s %10.2f %10g  %s" % ("%s: %s" % (name, key), value, budget,
                                     "ok" if over <= 0 else "%s by %.2f" % (
                                         "under" if is_least else "over", over)))


# --- how much slower the target is ---

class Worker:
    """Counts what a working target does."""

    def __init__(self, target):
        self._process = target.process
        self._last = self._ask()

    def _ask(self):
        self._process.send_signal(signal.SIGUSR1)
        done, at = self._process.stdout.readline().split()
        return int(done), float(at)

    def measure(self, seconds):
        """Units of work a second."""
        last = self._ask()
        time.sleep(seconds)
        done, at = self._ask()
        return (done - last[0]) / (at - last[1])


def profiling_command(interpreter, pid, path, extra):
    """CPython's own profiler; it finds the target's files only from the same mount namespace."""
    command = interpreter.command
    if interpreter.root:
        command = ["nsenter", "--target", str(pid), "--mount", "--root", interpreter.executable]
    return command + ["-m", "profiling.sampling", "attach", "-r", "100", "-d", str(SECONDS + 1),
                      "--collapsed", "-o", path] + extra + [str(pid)]


class Ways:
    """What is run beside the target; each starts a process that takes SECONDS + 1, or None."""

    def __init__(self, asyncspy, interpreter, pid, folder):
        self._asyncspy, self._interpreter, self._pid, self._folder = asyncspy, interpreter, pid, folder
        self._number = 0
        self.samples = {}

    def list(self):
        names = ["alone", "asyncspy record", "asyncspy record -r 100"]
        if self._interpreter.minor >= (3, 15):
            names += ["profiling.sampling", "  --async-aware --async-mode=all"]
        return names

    def run(self, name, worker):
        """Units of work a second meanwhile; None: it fails."""
        if name == "alone":
            return worker.measure(SECONDS - 1)
        self._number += 1
        path = os.path.join(self._folder, "%d.asyncspy" % self._number)
        if name.startswith("asyncspy"):
            other = start_record(self._asyncspy, self._pid, SECONDS + 1,
                                 name[len("asyncspy record"):], path)
        else:
            extra = ["-a"] if name[0] != " " else name.split()
            other = subprocess.Popen(profiling_command(
                self._interpreter, self._pid, "/tmp/" + os.path.basename(self._folder) + ".folded", extra),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(1.2)  # Python starts slowly
        rate = worker.measure(SECONDS - 1)
        try:
            said = other.communicate(timeout=60)[0] or b""
        except subprocess.TimeoutExpired:
            other.kill()
            other.communicate()
            return None
        if name.startswith("asyncspy"):
            end = read_end(self._asyncspy, path)[0]
            self.samples.setdefault(name, []).append(end["samples"] / end["time_s"])
        else:
            found = re.search(rb"[Ss]ample rate: *([\d.,]+)", said)
            if found:
                self.samples.setdefault(name, []).append(float(found[1].replace(b",", b"")))
        return rate if other.returncode == 0 else None


def measure_slowdown(asyncspy, interpreter, make_target):
    print("\n%-44s %12s %10s %12s" % ("%d tasks that work, and beside them" % TASKS, "work done", "slower",
                                      "samples"))
    target = make_target(interpreter, TASKS, "work", 0)
    with target as pid, tempfile.TemporaryDirectory(prefix="asyncspy-bench-") as folder:
        worker, ways = Worker(target), Ways(asyncspy, interpreter, pid, folder)
        done = {name: [] for name in ways.list()}
        for _ in range(ROUNDS):  # in turn, so that what else the machine does meets all
            for name in ways.list():
                rate = ways.run(name, worker)
                if rate:
                    done[name].append(rate)
    alone = statistics.median(done["alone"])
    for name, rates in done.items():
        if not rates:
            print("%-44s %12s" % (name, "fails"))
            continue
        rate = statistics.median(rates)
        samples = ways.samples.get(name)
        print("%-44s %10.0f/s %8.1f %% %12s" % (
            name, rate, 100 * (1 - rate / alone),
            "%.1f/s" % statistics.median(samples) if samples else "-"))


def show_rows(rows, measure_one, show_row):
    """Measures each (tasks, mode, options, demands) and shows it, then what was demanded of all."""
    budgets = []
    for tasks, mode, options, demands in rows:
        name = ("%d %s %s" % (tasks, mode, options)).rstrip()
        row = measure_one(tasks, mode, options)
        show_row(name, row)
        budgets += [(name, key, row[key]) + demand for key, demand in demands.items()]
    print("\n%-44s %10s %10s" % ("budget (shares in %)", "measured", "allowed"))
    for budget in budgets:
        show_budget(*budget)


def measure(asyncspy, interpreter, make_target):
    print("\nasyncspy record, CPython %s (load %.1f on %d CPUs)" % (
        interpreter.label, os.getloadavg()[0], os.cpu_count()))
    print("%-32s %11s %8s %7s %11s %10s %21s %12s" % (
        "tasks", "samples", "errors", "torn", "late", "own CPU", "stopped, longest", "recording"))
    show_rows(ROWS, lambda *row: measure_row(asyncspy, interpreter, make_target, *row), show_row)
    measure_slowdown(asyncspy, interpreter, make_target)
