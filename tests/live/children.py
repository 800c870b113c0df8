"""asyncspy dump --children: a server with its workers, and what may be among them.

Each case is a function (context, interpreter) that yields problems, as in bad.py.
"""

import contextlib
import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import traceback

import interpreters
from bad import SECONDS, Context, Skip, accepted, refused
from ps import (HANGS, IDLE, as_nobody, become_nobody, copy_for_nobody, program, settled)
from target import TargetFailed
from tester import load_validator

INCLUDE = os.path.join(interpreters.REPOSITORY, "include", "asyncspy")
SCHEMAS = ("snapshots", "snapshot", "processes")
RESTLESS_DUMPS = 15

# Starts children, waits until all of them stand, and prints their pids by name. argv: the names.
FAMILY = """
import asyncio, json, multiprocessing, os, subprocess, sys, time
def stand(ready):
    os.write(ready, b"1")
async def work(ready, kind):
    tasks = [asyncio.ensure_future(asyncio.sleep(3600)) for _ in range(3)]
    await asyncio.sleep(0.05)
    if kind == "blocked":
        stand(ready)
        time.sleep(3600)
    asyncio.get_event_loop().call_later(0.05, stand, ready)
    await asyncio.sleep(3600)
def serve(ready, kind):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(work(ready, kind))
def child(ready, kind):
    if kind == "plain":
        stand(ready)
        time.sleep(3600)
    if kind == "zombie":
        stand(ready)
        os._exit(0)
    if kind == "parent":
        pids = start(ready, ["idle"])
        time.sleep(3600)
    serve(ready, kind)
def spawned(path, kind):
    serve(os.open(path, os.O_WRONLY), kind)
def start(ready, kinds):
    pids = []
    for kind in kinds:
        if kind == "sleep":
            pids.append(subprocess.Popen(["sleep", "3600"]).pid)
            stand(ready)
            continue
        if kind == "spawned":
            process = multiprocessing.get_context("spawn").Process(
                target=spawned, args=("/proc/%d/fd/%d" % (os.getpid(), ready), "idle"))
            process.start()
            pids.append(process.pid)
            continue
        pid = os.fork()
        if pid == 0:
            child(ready, kind)
        pids.append(pid)
    return pids
if __name__ == "__main__":
    input, ready = os.pipe()
    kinds = sys.argv[1:]
    pids = start(ready, kinds)
    for _ in pids:
        os.read(input, 1)
    if "blocked" in kinds:
        time.sleep(1.2)  # one look is not enough to call it that sooner
    print(json.dumps(pids), flush=True)
    time.sleep(3600)
"""

# Children with asyncio that come and go all the time.
RESTLESS = """
import asyncio, os, sys, time
async def main():
    tasks = [asyncio.ensure_future(asyncio.sleep(3600)) for _ in range(3)]
    await asyncio.sleep(0.05)
def serve():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main())
    os._exit(0)
running = 0
print("ready", flush=True)
while True:
    if os.fork() == 0:
        serve()
    running += 1
    if running > 4:
        os.wait()
        running -= 1
"""


class Family:
    """The program of FAMILY with the children `kinds`, for the time of a with statement."""

    def __init__(self, interpreter, *kinds, command=()):
        self.interpreter, self.kinds, self.command = interpreter, kinds, list(command)

    def __enter__(self):
        root = self.interpreter.root
        self.folder = tempfile.mkdtemp(prefix="asyncspy-live-",
                                       dir=os.path.join(root, "tmp") if root else None)
        path = os.path.join(self.folder, "family.py")
        with open(path, "w") as opened:
            opened.write(FAMILY)
        inside = path[len(root):] if root else path
        self.process = subprocess.Popen(
            self.command + self.interpreter.command + ["-W", "ignore", inside] + list(self.kinds),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            env=dict(os.environ, **self.interpreter.environment), start_new_session=True)
        line = self.process.stdout.readline()
        if not line:
            self.__exit__()
            raise TargetFailed("the family did not start")
        self.children = json.loads(line.decode())
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self):
        return self.process.pid


def schema_problems(tree):
    """The list by its schema, and each snapshot by that of a single one; none without jsonschema."""
    validator, _ = load_validator()
    if not validator:
        return []
    import jsonschema
    schemas = []
    for name in SCHEMAS:
        with open(os.path.join(INCLUDE, name + ".schema.json"), encoding="utf-8") as opened:
            schemas.append(json.load(opened))
    resolver = jsonschema.RefResolver.from_schema(
        schemas[0], store={schema["$id"]: schema for schema in schemas})
    # The resolver loses its way in a document within another: each snapshot is checked alone.
    rows = [dict(row, snapshot=None) for row in tree["processes"]]
    whole = jsonschema.Draft202012Validator(schemas[0], resolver=resolver)
    errors = list(whole.iter_errors(dict(tree, processes=rows)))
    for row in tree["processes"]:
        if row["snapshot"]:
            errors += validator.iter_errors(row["snapshot"])
    return ["schema: %s" % error.message[:200] for error in errors]


def dump(context, pid, *arguments):
    return context.run("dump", "--children", "--pid", pid, *arguments)


def tree_of(context, done):
    """(the whole, rows by pid, problems)."""
    tree = json.loads(done.stdout.decode())
    problems = list(accepted(done)) + schema_problems(tree)
    return tree, {row["pid"]: row for row in tree["processes"]}, problems


def differences(row, what, state, verdict=None, **expected):
    if row is None:
        yield "%s is not listed" % what
        return
    expected["state"] = state
    for key, value in expected.items():
        if row[key] != value:
            yield "%s: %s is %r instead of %r" % (what, key, row[key], value)
    code = row["snapshot"] and row["snapshot"]["verdict"]["code"]
    if code != verdict:
        yield "%s: the verdict is %s instead of %s" % (what, code, verdict)
    if row["snapshot"] and row["snapshot"]["target"]["pid"] != row["pid"]:
        yield "%s: it is the snapshot of another one" % what


def all_kinds(context, interpreter):
    """A parent without asyncio; workers, one of them blocked; and what is none of them."""
    kinds = ("idle", "blocked", "idle", "plain", "sleep", "zombie", "parent")
    with Family(interpreter, *kinds) as family:
        tree, rows, problems = tree_of(context, dump(context, family.pid, "--format", "json"))
        yield from problems
        expected = {"idle": ("idle", "OK"), "blocked": ("in_call", "LOOP_BLOCKED"),
                    "plain": ("no_asyncio",), "parent": ("no_asyncio",), "sleep": ("not_python",),
                    "zombie": ("ended",)}
        yield from differences(rows.get(family.pid), "the first", "no_asyncio", parent=None)
        for pid, kind in zip(family.children, kinds):
            yield from differences(rows.get(pid), kind, *expected[kind], parent=family.pid)
        if not tree["complete"] or tree["processes"][0]["pid"] != family.pid:
            yield "not complete, or the first one is not the first"
        last = tree["processes"][-1]
        yield from differences(last, "the grandchild", "idle", "OK", parent=family.children[-1])
        for row in rows.values():
            if row["snapshot"] and not 0.2 <= row["snapshot"]["capture"]["second_look_s"] < 60:
                yield "no second look: %s" % row["snapshot"]["capture"]
            if row["snapshot"] and row["tasks"] != 4:
                yield "%d: %s tasks" % (row["pid"], row["tasks"])


def spawned(context, interpreter):
    """Workers of multiprocessing that are no copies of their parent."""
    with Family(interpreter, "spawned", "spawned") as family:
        text = dump(context, family.pid, "-q").stdout.decode()
        for number, pid in enumerate(family.children, 1):
            row = [line for line in text.splitlines() if line.startswith("OK %d" % pid)]
            if len(row) != 1 or "worker %d" % number not in row[0]:
                yield "no row of worker %d: %s" % (number, text)
        if "tracker" not in text:
            yield "no tracker: %s" % text


def on_a_terminal(context, *arguments):
    """(lines, exit status) on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen([context.asyncspy] + [str(a) for a in arguments], stdout=follower,
                               stderr=subprocess.PIPE)
    os.close(follower)
    output = b""
    with contextlib.suppress(OSError), os.fdopen(leader, "rb", 0) as opened:
        while True:
            output += opened.read(65536)
    process.stderr.close()
    return output.decode().split("\r\n"), process.wait(SECONDS)


def text(context, interpreter):
    with Family(interpreter, "idle", "idle", "blocked", "idle", "sleep") as family:
        blocked, healthy = family.children[2], [family.children[i] for i in (0, 1, 3)]
        options = ("dump", "--children", "--pid", family.pid, "--color=never", "--ascii")
        lines, status = on_a_terminal(context, *options)
        said = "\n".join(lines)
        if status != 0 or not lines[0].startswith("PROCESSES  6, 4 with asyncio"):
            yield "exit %s, first line %r" % (status, lines[0])
        yield from ("too wide: %r" % line for line in lines if len(line) > 80)
        for words in (["!! %d " % blocked, "worker 3", "LOOP BLOCKED"], ["3 workers", "12", "OK "],
                      ["no asyncio", str(family.pid)], ["no Python", "sleep 3600"],
                      ["pids"] + [str(pid) for pid in healthy]):
            if not any(all(word in line for word in words) for line in lines):
                yield "no line with %s" % words
        order = [said.find("=== pid %d, " % pid) for pid in [blocked] + healthy]
        if order != sorted(order) or order[0] < 0:
            yield "the reports are not in their order: %s" % order
        quiet, _ = on_a_terminal(context, *options, "-q")
        place = lines.index("") if "" in lines else len(lines)
        if [line.split("for")[0] for line in quiet[:-1]] != [line.split("for")[0]
                                                             for line in lines[:place]]:
            yield "-q is not the lines alone: %s" % quiet


def exit_codes(context, interpreter):
    with Family(interpreter, "idle", "blocked") as family:
        for arguments, status in (([], 0), (["--exit-code"], 4), (["--exit-code", "--once"], 3)):
            done = dump(context, family.pid, "-q", *arguments)
            if done.returncode != status or done.stderr:
                yield "%s: exit %s, stderr %s" % (arguments, done.returncode, done.stderr)
    with Family(interpreter, "idle", "idle") as family:
        yield from accepted(dump(context, family.pid, "-q", "--exit-code"))


def loaded(context, interpreter):
    with Family(interpreter, "idle", "blocked", "sleep") as family:
        with tempfile.NamedTemporaryFile(suffix=".json") as saved:
            yield from accepted(dump(context, family.pid, "--format=json", "-o", saved.name))
            again = context.run("dump", "--load", saved.name, "--format=json")
            with open(saved.name, "rb") as opened:
                if again.stdout != opened.read():
                    yield "loaded and written it is another text"
            shown = context.run("dump", "--load", saved.name, "--exit-code")
            if shown.returncode != 4 or b"PROCESSES  4, 2 with asyncio" not in shown.stdout:
                yield "exit %s: %s" % (shown.returncode, shown.stdout[:200])
            both = context.run("dump", "--load", saved.name, "--children")
            if both.returncode != 2 or both.stdout or b"is for running processes" not in both.stderr:
                yield "--load and --children: exit %s, %s" % (both.returncode, both.stderr)


def alone(context, interpreter):
    """A process with asyncio and without children; the parent of it, which is no Python."""
    context = context_of(context, interpreter)
    with program(context, IDLE) as process:
        _, rows, problems = tree_of(context, dump(context, process.pid, "--format", "json"))
        yield from problems
        if list(rows) != [process.pid]:
            yield "others are listed: %s" % rows.keys()
        yield from differences(rows.get(process.pid), "it", "idle", "OK", parent=None)
    with Family(interpreter, command=["sh", "-c", '"$@"; true', "sh"]) as family:
        _, rows, problems = tree_of(context, dump(context, family.pid, "--format", "json"))
        yield from problems
        yield from differences(rows.get(family.pid), "the shell", "not_python", parent=None)
        if sorted(row["state"] for row in rows.values()) != ["no_asyncio", "not_python"]:
            yield "other states: %s" % rows


def nothing_to_read(context, interpreter):
    process = subprocess.Popen(["true"])
    process.wait()
    yield from refused(dump(context, process.pid), str(process.pid))
    process = subprocess.Popen(["sh", "-c", "sleep 600; true"], start_new_session=True)
    try:
        settled(process.pid)
        time.sleep(0.2)
        yield from refused(dump(context, process.pid), "none of 2", str(process.pid), "python")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def not_permitted(context, interpreter):
    with copy_for_nobody(context) as asyncspy, Family(interpreter, "idle") as family:
        done = as_nobody(asyncspy, "dump", "--children", "--pid", str(family.pid))
        yield from refused(done, "none of 2", "permi", str(family.pid))


def partly_permitted(context, interpreter):
    """One of root below one of nobody."""
    if interpreter.executable.startswith("/root/") or interpreter.root:
        raise Skip("nobody may not run that interpreter")
    context = context_of(context, interpreter)
    source = ("import os, sys, time\nif os.fork() == 0:\n    time.sleep(3600)\nos.setgroups([])\n"
              "os.setgid(65534)\nos.setuid(65534)\nos.chdir('/')\n"
              "os.execv(sys.executable, [sys.executable, '-c', %r])\n" % IDLE)
    with copy_for_nobody(context) as asyncspy, program(context, source) as process:
        done = as_nobody(asyncspy, "dump", "--children", "--pid", str(process.pid), "--format",
                         "json")
        _, rows, problems = tree_of(context, done)
        yield from problems
        yield from differences(rows.get(process.pid), "the one of nobody", "idle", "OK")
        others = [row for pid, row in rows.items() if pid != process.pid]
        yield from differences(others[0], "the one of root", "not_permitted", why="not yours")
        for row in others:
            os.kill(row["pid"], signal.SIGKILL)


def restless(context, interpreter):
    """Workers that begin and end while they are looked at."""
    context = context_of(context, interpreter)
    states = set()
    with program(context, RESTLESS) as process:
        for _ in range(RESTLESS_DUMPS):
            done = dump(context, process.pid, "--format", "json", "--quiet")
            tree, rows, problems = tree_of(context, done)
            yield from problems
            yield from differences(rows.get(process.pid), "the parent", "no_asyncio")
            states |= {row["state"] for row in tree["processes"]}
    if states - {"no_asyncio", "idle", "busy", "in_call", "loop_stopped", "unknown", "ended",
                 "not_python", "not_read", "no_interpreter"}:
        yield "states: %s" % states


def one_that_hangs(context, interpreter):
    """It holds up the others for some seconds and costs only itself."""
    context = context_of(context, interpreter)
    source = ("import os, subprocess, sys, time\n"
              "first = subprocess.Popen([sys.executable, '-c', %r], stdout=subprocess.PIPE)\n"
              "if not first.stdout.readline(): sys.exit()\n"
              "second = subprocess.Popen([sys.executable, '-c', %r], stdout=subprocess.PIPE)\n"
              "second.stdout.readline()\nprint('ready', flush=True)\n"
              "try:\n    time.sleep(3600)\nfinally:\n    first.kill()\n    second.kill()\n"
              % (HANGS, IDLE))
    if interpreter.minor < (3, 8):
        raise Skip("no names of tasks")
    try:
        with program(context, source, start_new_session=True) as process:
            done = dump(context, process.pid, "--format", "json")
            _, rows, problems = tree_of(context, done)
            os.killpg(process.pid, signal.SIGKILL)
    except TargetFailed as reason:
        raise Skip("no userfaultfd") from reason
    yield from problems
    states = sorted((row["state"], row["why"]) for row in rows.values())
    if states != [("idle", None), ("no_asyncio", None), ("not_read", "no answer")]:
        yield "states: %s" % states


def context_of(context, interpreter):
    other = Context(context.asyncspy, context.found)
    other.found, other.interpreter = context.found, interpreter
    return other


EVERYWHERE = (all_kinds, spawned)
CASES = EVERYWHERE + (text, exit_codes, loaded, alone, nothing_to_read, not_permitted,
                      partly_permitted, restless, one_that_hangs)


def run(asyncspy, found, everything, pattern):
    """(row, column, status, details): some cases on every interpreter, the others on one."""
    context = Context(asyncspy, found)
    context.found = found
    usable = [i for i in found if not i.copy]
    outside = [i for i in usable if i.root is None] or usable
    for case in CASES:
        name = "children: " + case.__name__
        if pattern and pattern not in name:
            continue
        single = [i for i in outside if not i.executable.startswith("/root/")] or outside
        chosen = usable if everything or case in EVERYWHERE else (
            single[:1] if case is partly_permitted else interpreters.representatives(outside)[-1:])
        for interpreter in chosen:
            yield (name, interpreter.label) + outcome(case, context, interpreter)


def outcome(case, context, interpreter):
    try:
        problems = list(case(context, interpreter))
    except Skip as reason:
        return "skip", [str(reason)]
    except Exception:  # pylint: disable=broad-except
        return "FAIL", traceback.format_exc().splitlines()[-4:]
    return ("FAIL" if problems else "pass"), problems
