"""asyncspy top --children: a server with its workers. Each case yields problems."""

import os
import signal

from recordings import SECONDS, left_alone
from top_lines import lacks, load, parent, start_batch
from top_screen import quits, screen, select, selected


def children_of(pid):
    """Those that have not ended, by their command's first word."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as opened:
                state, above = opened.read().rpartition(b")")[2].split()[:2]
            with open("/proc/%s/cmdline" % name, "rb") as opened:
                command = opened.read().split(b"\0")[0].decode()
        except OSError:
            continue
        if int(above) == pid and state != b"Z":
            found[int(name)] = command
    return found


def workers_of(pid):
    return sorted(child for child, command in children_of(pid).items() if command != "sleep")


def line_of(text, pid):
    return next((line for line in text.split("\n")
                 if line.lstrip("> ").startswith("%d " % pid)), "")


def family(context, interpreter):
    with parent(context) as process:
        below, workers = children_of(process.pid), workers_of(process.pid)
        others = sorted(set(below) - set(workers))
        if len(workers) != 3 or len(others) != 1:
            yield "the program of the test has children %s" % below
            return
        with screen_of_all(context, process.pid) as pane:
            text = pane.wait(lambda text: all(" idle " in line_of(text, pid) for pid in workers),
                             "line of each worker")
            for pid in workers:
                if sum(bool(line_of(line, pid)) for line in text.split("\n")) != 1:
                    yield "not one line of %d: %s" % (pid, text)
            yield from lacks("the other one", line_of(text, others[0]), "sleep 3600", "no Python")
            yield from lacks("no asyncio", line_of(text, process.pid), "no event loop")
            pane.type("d")
            pane.wait_for("Enter goes into a process; d there")
            select(pane, " %d " % others[0])
            pane.key("Enter")
            pane.wait_for("this process is not watched")
            select(pane, " %d " % workers[1])
            pane.key("Enter")
            pane.wait_for("asyncspy top  pid %d " % workers[1], "[groups]", "work")
            pane.key("Escape")
            pane.wait(lambda text: all(line_of(text, pid) for pid in workers), "list")
            yield from replaced(pane, process, workers)
            yield from quits(pane)
        for pid in workers[1:]:
            yield from left_alone(pid, "S")


def replaced(pane, process, workers):
    """The first one ends; another one comes."""
    before = set(children_of(process.pid))
    os.kill(workers[0], signal.SIGKILL)
    pane.wait(lambda text: "gone" in line_of(text, workers[0]), "worker that is gone")
    new, = set(children_of(process.pid)) - before  # its number may be less: they begin anew
    text = pane.wait(lambda text: " idle " in line_of(text, new), "new worker")
    if "gone" not in line_of(text, workers[0]):
        yield "it is not shown as gone any more: %s" % text
    select(pane, " %d " % workers[2])
    if " %d " % workers[2] not in selected(pane.text()):
        yield "it is not selected"


def screen_of_all(context, pid):
    return screen(context, pid, "--children", shows=("PID", "FINDING"))


def batch_of_all(context, interpreter):
    with parent(context) as process:
        workers = workers_of(process.pid)
        done = context.run("top", "--batch", "--children", "-p", process.pid, "-n", 2, "-d", 2)
        if done.returncode != 0 or done.stderr:
            yield "exit %s, stderr %s" % (done.returncode, done.stderr)
        last = done.stdout.decode().rpartition("\n\n")[2]
        for pid in workers:
            yield from lacks("the line of a worker", line_of(last, pid), " idle ", "no problem")


def becomes_another(context, interpreter):
    """A process that calls exec is watched again: in the list, and behind the screen of it."""
    with load(context, "execs") as process:
        with screen_of_all(context, process.pid) as pane:
            pane.wait(lambda text: " idle " in line_of(text, process.pid), "line")
            pane.key("Enter")
            pane.wait_for("asyncspy top  pid %d " % process.pid, "[groups]", "parked")
            process.send_signal(signal.SIGUSR1)
            pane.wait_for("process %d became another program" % process.pid)
            pane.key("Escape")
            pane.wait(lambda text: " idle " in line_of(text, process.pid), "line again")
            yield from quits(pane)
        yield from left_alone(process.pid, "S")
    with load(context, "execs") as process:
        watching = start_batch(context, process.pid, "--children", "-n", 16, "-d", 0.5)
        first = watching.stdout.readline()
        process.send_signal(signal.SIGUSR1)
        output, errors = watching.communicate(timeout=SECONDS)
        if watching.returncode != 0 or errors:
            yield "exit %s, stderr %s" % (watching.returncode, errors)
        text = (first + output).decode()
        yield from lacks("the list", text, "became another")
        last = text.rpartition("\n\n")[2]
        yield from lacks("its line", line_of(last, process.pid), " idle ", "no problem")


def all_end(context, interpreter):
    """The server with all its workers: the screen stays until q."""
    with parent(context) as process, screen_of_all(context, process.pid) as pane:
        workers = workers_of(process.pid)
        pane.wait(lambda text: all(" idle " in line_of(text, pid) for pid in workers), "workers")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        pane.wait(lambda text: all("gone" in line_of(text, pid)
                                   for pid in workers + [process.pid]), "end of all")
        yield from quits(pane)
