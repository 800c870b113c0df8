"""asyncspy top on a terminal: what its keys do, what it shows. Each case yields problems."""

import contextlib
import glob
import os
import re
import stat
import time

import ps
from recordings import left_alone
from tmux import Tmux
from top_lines import lacks, load

TABS = ("groups", "tasks", "locks", "sockets", "threads")
COLOR = re.compile(r"(?:^|;)(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;|$)")


@contextlib.contextmanager
def screen(context, pid, *more, columns=100, rows=30, shows=None, **environment):
    """The pane in which `top` shows its first numbers, or the words of `shows`."""
    with Tmux(columns, rows, **environment) as pane:
        pane.run(context.asyncspy, "top", "-p", pid, *more)
        pane.wait_for(*shows or ("asyncspy top  pid %d " % pid, "samples, "))
        yield pane


def quits(pane):
    pane.key("q")
    status = pane.wait_for_status()
    if status != 0:
        yield "q: exit %d" % status


def selected(text):
    return next((line for line in text.split("\n") if line.startswith(">")), "")


def clock(text):
    return re.search(r"\d\d:\d\d:\d\d", text.split("\n")[0]).group(0)


def starts(context, interpreter):
    """The first screen on each version."""
    with load(context, "busy") as process, screen(context, process.pid) as pane:
        text = pane.wait_for("EXECUTOR FULL", "Pool.wait")
        yield from lacks("the header", text.split("\n")[0], "CPython %d.%d.%d" %
                         interpreter.version)
        yield from lacks("the screen", text, "Loop ", "Tasks ", "[lock 5]", "[groups]",
                         "Executor 2/2 busy, 3 queued", "q quit")
        yield from quits(pane)
        yield from left_alone(process.pid, "RS")


def tabs(context, interpreter):
    with load(context, "busy") as process, screen(context, process.pid) as pane:
        for name, words in zip(TABS[1:] + TABS[:1], (("NAME", "AGE"), ("HELD BY", "Lock#1"),
                                                     ("LOCAL", "PEER"), ("TID", "MainThread"),
                                                     ("COUNT", "OLDEST"))):
            pane.key("Tab")
            pane.wait_for("[%s]" % name, *words)
        for number, name in enumerate(TABS, 1):
            pane.type(str(number))
            pane.wait_for("[%s]" % name)
        pane.key("Left")
        pane.wait_for("[sockets]")
        yield from quits(pane)


def moves_selection(context, interpreter):
    with load(context, "busy") as process, screen(context, process.pid, rows=24) as pane:
        pane.type("2")
        pane.wait_for("[tasks]")
        pane.type("f")
        pane.wait_for("FROZEN")
        seen = [selected(pane.text())]
        for key in ("Down", "PageDown", "End", "PageUp", "Home"):
            pane.key(key)
            seen.append(selected(pane.wait(lambda text: selected(text) != seen[-1],
                                           "other selection after " + key)))
        if seen[-1] != seen[0] or "" in seen:
            yield "Home does not lead to the first one: %s" % seen
        yield from quits(pane)


def select(pane, word):
    """Goes down to the row with the word."""
    pane.key("Home")
    before = None
    while word not in selected(pane.text()):
        if selected(pane.text()) == before:
            raise AssertionError("no row with %s: %s" % (word, pane.text()))
        before = selected(pane.text())
        pane.key("Down")
        with contextlib.suppress(TimeoutError):
            pane.wait(lambda text: selected(text) != before, "other row")


def details(context, interpreter):
    with load(context, "lock") as process, screen(context, process.pid) as pane:
        select(pane, "Pool.wait")
        pane.key("Enter")
        text = pane.wait_for("5 tasks", "Lock#1 'Pool.guard'", "Esc back")
        yield from lacks("the whole stack", text, "Pool.wait", "acquire")
        pane.key("Escape")
        pane.wait_for("[groups]")
        pane.type("3")
        pane.wait_for("[locks]", "HELD BY")
        pane.key("Enter")
        text = pane.wait_for("Esc back")
        yield from lacks("who holds it, who waits", text, "Lock#1", "Pool.hold", "waiters     5: ")
        pane.key("Escape")
        pane.wait_for("[locks]")
        yield from quits(pane)


def is_descending(text):
    """Whether the rows are; a screen is seen, at times, of which a part is still as it was."""
    counts = [int(found) for found in re.findall(r"(?m)^[> ] +(\d+) +[-+\d.]+ \w+ ", text)]
    return len(counts) >= 5 and counts == sorted(counts, reverse=True)


def filters_and_sorts(context, interpreter):
    with load(context, "busy") as process, screen(context, process.pid) as pane:
        pane.type("f")
        pane.wait_for("FROZEN")
        pane.type("/PARKed")
        pane.wait(lambda text: "/PARKed" in text and "Pool.wait" not in text, "filtered rows")
        pane.key("Enter")
        pane.wait_for("/PARKed", "[groups]")
        pane.key("Escape")
        pane.wait_for("Pool.wait")
        pane.type("s")
        pane.wait(lambda text: "COUNT v" in text and is_descending(text), "order by COUNT")
        pane.type("r")
        text = pane.wait(lambda text: not re.search(r"COUNT v", text), "order the other way")
        pane.type("?")
        pane.wait_for("KEYS", "select a row", "Esc back")
        pane.key("PageDown")
        pane.wait_without("select a row")
        pane.key("Escape")
        pane.wait_for("[groups]")
        yield from quits(pane)


def freezes(context, interpreter):
    with load(context, "busy") as process, screen(context, process.pid, "-d", 0.2) as pane:
        pane.type("f")
        pane.wait_for("FROZEN")
        first, ran = pane.text(), ps.activity(process.pid)[1]
        time.sleep(2.2)
        if pane.text() != first:
            yield "what is frozen changes: %s / %s" % (first, pane.text())
        if ps.activity(process.pid)[1] == ran:
            yield "the target does not go on"
        pane.type("f")
        pane.wait_without("FROZEN")
        pane.wait(lambda text: clock(text) != clock(first), "clock that goes on")
        yield from quits(pane)


def writes_dump(context, interpreter):
    with load(context, "lock") as process, screen(context, process.pid) as pane:
        for count in (1, 2):
            pane.type("d")
            pane.wait_for("wrote asyncspy-%d-" % process.pid)
            pane.wait(lambda _: len(glob.glob(pane.folder + "/asyncspy-*.json")) == count, "file")
            for path in glob.glob(pane.folder + "/asyncspy-*.json"):
                if stat.S_IMODE(os.stat(path).st_mode) != 0o600:
                    yield "its mode is %o" % os.stat(path).st_mode
                done = context.run("dump", "--load", path)
                if done.returncode != 0 or b"Lock#1 'Pool.guard'" not in done.stdout:
                    yield "--load: exit %s, %s" % (done.returncode, done.stderr)
        yield from quits(pane)


def resized(context, interpreter):
    with load(context, "busy") as process, screen(context, process.pid) as pane:
        pane.wait_for("Pool.wait")
        pane.type("f")
        whole = pane.wait_for("FROZEN", "q quit")
        for columns, rows in ((20, 5), (1, 1), (250, 70), (40, 3), (100, 30)):
            pane.resize(columns, rows)
            if columns >= 20:
                pane.wait(lambda text: "pid %d" % process.pid in text, "screen again")
            lines = pane.lines()
            if len(lines) > rows or max(map(len, lines)) > columns:
                yield "not %dx%d: %s" % (columns, rows, lines)
            if columns >= 20 and rows > 3:
                pane.wait_for("FROZEN")
        pane.wait(lambda text: text == whole, "screen that is whole again")
        pane.type("f")
        pane.wait_without("FROZEN")
        yield from quits(pane)


def target_killed(context, interpreter):
    with load(context, "lock") as process, screen(context, process.pid) as pane:
        pane.wait_for("Pool.wait")
        process.kill()
        process.wait()
        pane.wait_for("process %d ended at" % process.pid, "Pool.wait")
        pane.key("Tab")
        pane.wait_for("NAME", "Pool.hold")
        pane.type("d")
        pane.wait_for("wrote asyncspy-")
        yield from quits(pane)


def colors(context, interpreter):
    def has_colors(pane):
        return any(COLOR.search(found) for found in re.findall("\x1b\\[([\\d;]*)m", pane.styled()))
    with load(context, "executor") as process:
        for arguments, environment, expected in (
                ((), {}, True), ((), {"NO_COLOR": "1"}, False),
                (("--color=never",), {}, False)):
            with screen(context, process.pid, *arguments, **environment) as pane:
                pane.wait_for("EXECUTOR FULL", "!!")
                if has_colors(pane) != expected:
                    yield "%s %s: colours: %s" % (arguments, environment, not expected)
                yield from quits(pane)


def ascii_only(context, interpreter):
    with load(context, "hostile") as process:
        for arguments, expected in (((), False), (("--ascii",), True)):
            with screen(context, process.pid, *arguments, columns=200) as pane:
                pane.type("2")
                pane.wait_for("[tasks]", "owned")
                pane.key("Enter")
                text = pane.wait_for("Esc back")
                if text.isascii() != expected:
                    yield "%s: %s" % (arguments, ascii(text))
                pane.key("Escape")
                pane.wait_for("[tasks]")
                yield from quits(pane)


def hostile_names(context, interpreter):
    """Escape sequences, newlines and the like in names: the terminal gets none of them."""
    with load(context, "hostile") as process, screen(context, process.pid, columns=200,
                                                      rows=24) as pane:
        raw = os.path.join(pane.folder, "raw")
        pane.ask("pipe-pane", "-o", "cat >" + raw)
        title = pane.get("pane_title")
        for number, _ in enumerate(TABS, 1):
            pane.type(str(number))
            text = pane.wait_for("[%s]" % TABS[number - 1])
            if not text.startswith("asyncspy top  pid"):
                yield "the screen is not whole: %s" % text
            if not selected(text):
                continue
            pane.key("Enter")
            pane.wait_for("Esc back")
            pane.key("Escape")
            pane.wait_for("[%s]" % TABS[number - 1])
        pane.type("2")
        yield from lacks("the names", pane.wait_for("evil"), "owned")
        yield from quits(pane)
        with open(raw, "rb") as opened:
            sent = opened.read()
        for bad in (b"\x1b]", b"\x1b[31mred", b"\x1b[2Jred", b"\x9b5m", "\u202e".encode(), b"\0",
                    "\x9b".encode()):
            if bad in sent:
                yield "the terminal got %r" % bad
        if pane.get("pane_title") != title or not sent:
            yield "the title of the terminal became %s" % pane.get("pane_title")


def spinning_thread(context, interpreter):
    """The CPU of another thread, as the kernel tells it."""
    with load(context, "thread") as process, screen(context, process.pid) as pane:
        pane.type("5")
        pane.wait_for("[threads]", "burner")
        began = time.monotonic()
        first = thread_times(process.pid)
        shown = []
        for _ in range(3):
            then = clock(pane.text())
            text = pane.wait(lambda text: clock(text) != then, "next numbers")
            row = next(line for line in text.split("\n") if "burner" in line)
            shown.append(float(re.search(r"burner +([\d.]+)", row).group(1)))
        true = 100 * (thread_times(process.pid) - first) / (time.monotonic() - began)
        found = sum(shown) / len(shown)
        if abs(found - true) > 25:
            yield "the thread uses %s %% of a CPU, %.0f are shown: %s" % (true, found, text)
        yield from quits(pane)


def thread_times(pid):
    """CPU seconds of the thread that used most."""
    used = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, tid), "rb") as opened:
            fields = opened.read().rpartition(b")")[2].split()
        used.append((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    return max(used)
