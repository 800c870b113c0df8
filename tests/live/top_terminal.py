"""asyncspy top: the terminal is as before, whatever ends it. Each case yields problems."""

import os
import signal
import subprocess

from bad import refused, wait_for
from recordings import left_alone
from tmux import Tmux
from top_lines import lacks, load
from top_screen import screen

# By which it may end, and the exit status of a shell's child that does.
ENDINGS = {"q": 0, "C-c": 0, "TERM": 0, "HUP": 0, "QUIT": 0, "SEGV": 139, "ABRT": 134, "USR1": 138,
           "KILL of the target": 0}


def as_before(pane, what):
    if pane.read("before") != pane.read("after"):
        yield "%s: stty -g was %s, and is %s" % (what, pane.read("before"), pane.read("after"))
    for name, value in (("alternate_on", "0"), ("cursor_flag", "1"), ("mouse_any_flag", "0")):
        if pane.get(name) != value:
            yield "%s: %s is %s" % (what, name, pane.get(name))
    yield from lacks(what, pane.text(), "earlier text")


def end(pane, process, how):
    if how == "KILL of the target":
        process.kill()
        process.wait()
        pane.wait_for("process %d ended at" % process.pid)
        pane.key("q")
    elif how in ("q", "C-c"):
        pane.key(how)
    else:
        os.kill(pane.pid(), getattr(signal, "SIG" + how))


def restored(context, interpreter):
    for how, expected in ENDINGS.items():
        with load(context, "idle") as process, screen(context, process.pid) as pane:
            if (pane.get("alternate_on"), pane.get("mouse_any_flag")) != ("1", "1"):
                yield "it is no screen of its own"
            end(pane, process, how)
            status = pane.wait_for_status()
            if status != expected:
                yield "%s: exit %d instead of %d" % (how, status, expected)
            yield from as_before(pane, how)
            if how != "KILL of the target":
                yield from left_alone(process.pid, "S")


def is_there(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb") as opened:
            return opened.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def terminal_goes(context, interpreter):
    """The window is closed: it ends, and the target goes on."""
    with load(context, "busy") as process:
        with screen(context, process.pid) as pane:
            pid = pane.pid()
            pane.ask("kill-session", check=False)
            wait_for(lambda: not is_there(pid))
        yield from left_alone(process.pid, "RS")


def suspended(context, interpreter):
    """Ctrl-Z gives the shell its terminal; fg brings the screen back."""
    with load(context, "idle") as process, Tmux() as pane:
        pane.type("clear; echo earlier text; %s top -p %d" % (context.asyncspy, process.pid))
        pane.key("Enter")
        for _ in range(2):
            pane.wait_for("asyncspy top  pid %d " % process.pid, "samples, ", "parked")
            pane.key("C-z")
            pane.wait(lambda text: "Stopped" in text and text.rstrip().endswith("$"), "shell")
            yield from lacks("the shell", pane.text(), "earlier text")
            for name, value in (("alternate_on", "0"), ("cursor_flag", "1"),
                                ("mouse_any_flag", "0")):
                if pane.get(name) != value:
                    yield "stopped: %s is %s" % (name, pane.get(name))
            yield from left_alone(process.pid, "S")
            pane.type("fg")
            pane.key("Enter")
        pane.wait_for("asyncspy top  pid %d " % process.pid, "[groups]")
        pane.wait_without("Stopped")
        pane.key("q")
        pane.wait(lambda text: text.rstrip().endswith("$"), "shell")
        pane.type("echo status=$?")
        pane.key("Enter")
        pane.wait_for("status=0")
        if pane.get("alternate_on") != "0":
            yield "the screen was not left"


def no_terminfo(context, interpreter):
    """A terminal of which nothing is known, or that can do nothing: one line."""
    with load(context, "idle") as process, Tmux() as pane:
        for change, words in ((("-u", "TERM"), ("TERM is not set",)),
                              (("TERM=",), ("TERM is not set",)),
                              (("TERM=no-such-thing",), ("no-such-thing", "--batch")),
                              (("TERM=dumb",), ("dumb", "--batch"))):
            # What ncurses itself forgets to free is not ours.
            pane.run("sh", "-c", '"$@" 2>errors', "sh", "env", *change,
                     "ASAN_OPTIONS=detect_leaks=0", context.asyncspy, "top", "-p", process.pid)
            status = pane.wait_for_status()
            lines = pane.read("errors").splitlines()
            if status != 2 or len(lines) != 1:
                yield "%s: exit %d, %s" % (change, status, lines)
            yield from lacks("the line", "".join(lines), *words)
            shown = [line for line in pane.lines() if line.strip()]
            if shown[-2:-1] != ["earlier text"] and shown[:2] != ["earlier text",
                                                                 "status=%d" % status]:
                yield "%s: the terminal shows %s" % (change, shown)
            yield from as_before(pane, change)
            pane.type("clear")
            pane.key("Enter")
            pane.wait_without("status=")
        pane.run("env", "-u", "TERM", context.asyncspy, "top", "-p", process.pid, "--batch", "-n",
                 1)
        if pane.wait_for_status() != 0:
            yield "--batch needs it too"
        yield from lacks("--batch", pane.text(), "parked")


def no_input(context, interpreter):
    """Standard output is a terminal, standard input none."""
    with load(context, "idle") as process, Tmux() as pane:
        pane.run("sh", "-c", '"$@" </dev/null 2>errors', "sh", context.asyncspy, "top", "-p",
                 process.pid)
        status = pane.wait_for_status()
        done = subprocess.CompletedProcess((), status, b"", pane.read("errors").encode())
        yield from refused(done, "--batch", status=2)
