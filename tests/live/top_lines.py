"""What the tests of `asyncspy top` share: its targets, its text, and what stands in it."""

import contextlib
import os
import re
import signal
import subprocess

import ps
from recordings import PROGRAMS, SECONDS

UNITS = {"ms": 0.001, "s": 1, "m": 60}


def read_source(name):
    with open(os.path.join(PROGRAMS, "top_%s.py" % name), encoding="utf-8") as opened:
        return opened.read()


@contextlib.contextmanager
def load(context, *what):
    """A target that does what programs/top_load.py calls so."""
    with ps.program(context, read_source("load"), *what) as process:
        yield process


@contextlib.contextmanager
def parent(context):
    """A server with workers, which go with it."""
    with ps.program(context, read_source("parent"), start_new_session=True) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def has_sanitizers(context):
    with open(context.asyncspy, "rb") as opened:
        return b"__asan_init" in opened.read()


def batch(context, pid, *more):
    """`top --batch` as it ends by itself."""
    return context.run("top", "--batch", "--pid", pid, *more)


def start_batch(context, pid, *more):
    return subprocess.Popen([context.asyncspy, "top", "--batch", "--pid", str(pid)] +
                            [str(word) for word in more], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def blocks_of(text):
    return [Block(part) for part in re.split(r"(?m)^(?=asyncspy top  pid )", text) if part]


def watch(context, pid, *more):
    """The blocks of a run that had to end well."""
    done = batch(context, pid, *more)
    if done.returncode != 0 or done.stderr:
        raise AssertionError("exit %s, stderr %s" % (done.returncode, done.stderr))
    return blocks_of(done.stdout.decode())


def seconds(text):
    """Of a duration as it is shown: ">=2.4 s", "146 ms"."""
    found = re.search(r"([\d.]+) (ms|s)\b", text)
    if found:
        return float(found.group(1)) * UNITS[found.group(2)]
    found = re.search(r"(\d+)m(\d+)s", text)
    return int(found.group(1)) * 60 + int(found.group(2)) if found else None


class Block:
    """The text of one interval."""

    def __init__(self, text):
        self.text, self.lines = text, text.rstrip("\n").split("\n")

    def find(self, pattern, default=None):
        """The first group of the pattern (all, where there are more) as numbers."""
        found = re.search(pattern, self.text)
        if not found:
            return default
        numbers = [float(group) for group in found.groups()]
        return numbers[0] if len(numbers) == 1 else numbers

    def line(self, *words):
        """The first line with these words, or ""."""
        return next((line for line in self.lines if all(word in line for word in words)), "")

    def row(self, *words):
        """The columns of the first row of the table with these words: {title: text}, or {}."""
        return next(iter(self.rows(*words)), {})

    def rows(self, *words):
        return [self.cells(line) for line in self.lines if all(word in line for word in words)]

    def cells(self, row):
        titles = next((line for line in self.lines if "COUNT" in line and "WHERE" in line), "")
        ends = {found.group(0): found.end() for found in re.finditer(r"\S+", titles)}
        cells = dict(zip(("COUNT", "+/-s", "STATE"), row.split()))
        cells["WAITS FOR"] = row[titles.index("WAITS"):]
        for title in ("OLDEST", "MOVED", "CPU%"):
            # A duration may have a space in it.
            found = re.search(r"(?:>=)?[\d.]+ m?s$|\S+$", row[:ends[title]])
            cells[title] = found.group(0) if found else ""
        return cells


def mean(blocks, pattern):
    numbers = [block.find(pattern) for block in blocks]
    numbers = [number for number in numbers if number is not None]
    return sum(numbers) / len(numbers) if numbers else None


def outside(what, value, low, high, blocks):
    """A problem where the value is not from low to high."""
    if value is None or not low <= value <= high:
        yield "%s is %s instead of %s .. %s: %s" % (what, value, low, high, blocks[-1].text[:900])


def lacks(what, text, *words):
    for word in words:
        if word not in text:
            yield "%s: no %r: %s" % (what, word, text[:900])
