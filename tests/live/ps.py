"""asyncspy ps: the processes of this machine, and what must not keep it from listing them.

Each case is a function that yields problems, as in bad.py.
"""

import contextlib
import fcntl
import json
import os
import pty
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

import interpreters
from bad import NOBODY, SECONDS, Context, Running, Skip, accepted, refused, tracer, wait_for
from target import TargetFailed, kernel_can_prove_quiet

SCHEMA = os.path.join(interpreters.REPOSITORY, "include", "asyncspy", "processes.schema.json")
ANSWER_SECONDS = 5  # FIND_SECONDS of include/asyncspy/capture/find.h

# The programs say "ready" and stay as they are. Every Python from 3.6 on runs them.
PROGRAM = """
import asyncio, sys, time
def ready():
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
%s
"""
LOOP = """
async def work():
    await asyncio.sleep(3600)
async def main():
    tasks = [asyncio.ensure_future(work()) for _ in range(3)]
    await asyncio.sleep(0)
%s
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
%s
"""
IDLE = PROGRAM % LOOP % ("    asyncio.get_event_loop().call_later(0.05, ready)\n"
                         "    await asyncio.sleep(3600)", "")
BUSY = PROGRAM % LOOP % ("    ready()\n    while True: pass", "")
IN_CALL = PROGRAM % LOOP % ("    ready()\n    time.sleep(3600)", "")
LOOP_STOPPED = PROGRAM % LOOP % ("    keep.extend(tasks)", "ready()\ntime.sleep(3600)")
LOOP_STOPPED = LOOP_STOPPED.replace("async def work", "keep = []\nasync def work")
PLAIN = PROGRAM % "ready()\ntime.sleep(3600)"
NO_LEADER = PROGRAM % """
import ctypes, threading
%s
threading.Thread(target=run).start()
time.sleep(0.2)
ctypes.CDLL(None).syscall(60, 0)
""" % (LOOP % ("    asyncio.get_event_loop().call_later(0.5, ready)\n    await asyncio.sleep(3600)", "")
       ).replace("loop = asyncio.new", "def run():\n  loop = asyncio.new").replace(
           "\nasyncio.set", "\n  asyncio.set").replace("\nloop.run", "\n  loop.run")

# Reading a page of the name of its task waits for ever: userfaultfd(2).
HANGS = PROGRAM % """
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
fault = libc.syscall(323, 0o2000000)
if fault < 0: sys.exit("no userfaultfd")
def control(number, *words):
    data = ctypes.create_string_buffer(struct.pack("%dQ" % len(words), *words))
    if libc.ioctl(fault, ctypes.c_ulong(number), data): sys.exit("no userfaultfd")
async def main():
    name = "x" * (1 << 20)
    page = (id(name) // 4096 + 1) * 4096
    asyncio.current_task().set_name(name)
    control(0xc018aa3f, 0xaa, 0, 0)
    control(0xc020aa00, page, 4096, 1, 0)
    libc.madvise(page, 4096, 4)
    ready()
    await asyncio.sleep(3600)
asyncio.run(main())
"""

# Starts the programs of its arguments in a new pid namespace, and there asyncspy.
INSIDE = """
import json, subprocess, sys
python, asyncspy, programs, arguments = json.loads(sys.argv[1])
started = [subprocess.Popen(python + ["-c", program], stdout=subprocess.PIPE) for program in programs]
for process in started:
    process.stdout.readline()
done = subprocess.run([asyncspy] + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
print(json.dumps([done.returncode, done.stdout.decode(), done.stderr.decode(),
                  [process.pid for process in started]]))
for process in started:
    process.kill()
"""

NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


@contextlib.contextmanager
def program(context, source, *arguments, command=None, **keys):
    """The process of a program that is ready."""
    command = command or context.interpreter.command
    keys.setdefault("env", dict(os.environ, **context.interpreter.environment))
    with Running(*command, "-W", "ignore", "-c", source, *arguments, stdout=subprocess.PIPE,
                 **keys) as process:
        if process.stdout.readline() != b"ready\n":
            raise TargetFailed("a program of this test does not start")
        yield process


def activity(pid):
    """The kernel's state of the main thread, and how often it has run."""
    with open("/proc/%d/stat" % pid, "rb") as stat, open("/proc/%d/schedstat" % pid, "rb") as runs:
        return stat.read().rpartition(b")")[2].split()[0].decode(), runs.read()


def settled(pid, letters="S"):
    """Waits until the main thread is in one of the states `letters`, and is done with saying so."""
    def is_settled():
        first = activity(pid)
        time.sleep(0.03)
        second = activity(pid)
        return first[0] in letters and second[0] in letters and (letters == "R" or first == second)
    wait_for(is_settled)


def rows_of(done):
    listing = json.loads(done.stdout.decode())
    try:
        import jsonschema
        with open(SCHEMA, encoding="utf-8") as opened:
            jsonschema.validate(listing, json.load(opened))
    except ImportError:
        pass
    return {row["pid"]: row for row in listing["processes"]}


def listed(context, *arguments):
    """(rows by pid, problems) of one run; other tests' targets may be in them."""
    done = context.run("ps", "--format", "json", "--quiet", *arguments)
    return rows_of(done), list(accepted(done))


def differences(row, what, **expected):
    if row is None:
        yield "%s is not listed" % what
        return
    for key, value in expected.items():
        if row[key] != value:
            yield "%s: %s is %r instead of %r" % (what, key, row[key], value)


def states(context):
    with contextlib.ExitStack() as stack:
        expected = {}
        for source, state, loops, tasks in ((IDLE, "idle", 1, 4), (BUSY, "busy", 1, 4),
                                            (IN_CALL, "in_call", 1, 4),
                                            (LOOP_STOPPED, "loop_stopped", 1, 3),
                                            (PLAIN, "no_asyncio", 0, 0),
                                            (IDLE, "stopped", 1, 4), (BUSY, "stopped", 1, 4)):
            process = stack.enter_context(program(context, source))
            if state == "stopped":
                os.kill(process.pid, signal.SIGSTOP)
            settled(process.pid, {"busy": "R", "stopped": "T"}.get(state, "S"))
            expected[process.pid] = (state, loops, tasks)
        rows, problems = listed(context)
        yield from problems
        version = ".".join(str(n) for n in context.interpreter.version)
        for pid, (state, loops, tasks) in expected.items():
            yield from differences(rows.get(pid), state, state=state, event_loops=loops, why=None,
                                   tasks=tasks, python_version=version, user_id=os.geteuid(),
                                   container=None)
            with open("/proc/%d/stat" % pid) as opened:
                if (opened.read().rpartition(")")[2].split()[0] == "T") != (state == "stopped"):
                    yield "%s: stopped or let go" % state


def every_interpreter(context):
    with contextlib.ExitStack() as stack:
        expected = {}
        for interpreter in context.found:
            environment = dict(os.environ, **interpreter.environment)
            process = stack.enter_context(program(context, IDLE, command=interpreter.command,
                                                  env=environment))
            expected[process.pid] = interpreter
        rows, problems = listed(context)
        yield from problems
        for pid, interpreter in expected.items():
            yield from differences(rows.get(pid), interpreter.label, event_loops=1, tasks=4,
                                   python_version=".".join(str(n) for n in interpreter.version))


def on_a_terminal(context):
    """Tables of 80 columns, whatever the commands are."""
    command = context.interpreter.command + ["-X", "\x1b[2J\n" + "\u6f22" * 60]
    with program(context, PLAIN, command=command) as process, program(context, IDLE, "*" * 200):
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        done = subprocess.run([context.asyncspy, "ps", "--color=never"], stdout=follower,
                              stderr=subprocess.PIPE, timeout=SECONDS)
        os.close(follower)
        output = b""
        with contextlib.suppress(OSError), os.fdopen(leader, "rb", 0) as opened:
            while True:
                output += opened.read(65536)
        lines = output.decode().split("\r\n")
        if done.returncode != 0 or not lines[0].split()[0] == "PID" or "STATE" not in lines[0]:
            yield "exit %s, first line %r" % (done.returncode, lines[0])
        for line in lines:
            if len(line) + line.count("\u6f22") > 80 or "\x1b" in line:
                yield "too wide, or raw: %r" % line
        own = [line for line in lines if line.split()[:1] == [str(process.pid)]]
        # Processes beside may take room for a column of theirs: the end of the command is cut off.
        if len(own) != 1 or "\\x1b[2" not in own[0]:
            yield "no row, or another: %r" % own


def not_permitted(context):
    with contextlib.ExitStack() as stack:
        asyncspy = stack.enter_context(copy_for_nobody(context))
        process = stack.enter_context(program(context, IDLE))
        done = as_nobody(asyncspy, "ps", "--format", "json")
        if done.returncode != 0 or b"may not be read" not in done.stderr:
            yield "exit %s, stderr %r" % (done.returncode, done.stderr)
        yield from differences(rows_of(done).get(process.pid), "the one of root", user_id=0,
                               state="not_permitted", why="not yours", event_loops=None,
                               tasks=None, python_version=None)
        text = as_nobody(asyncspy, "ps", "--quiet")
        if b"not yours" not in text.stdout or text.stderr:
            yield "the text: %r, stderr %r" % (text.stdout, text.stderr)


def not_dumpable(context):
    if context.interpreter.executable.startswith("/root/"):
        raise Skip("nobody may not run that interpreter")
    source = PLAIN.replace("ready()\ntime", "__import__('ctypes').CDLL(None).prctl(4, 0)\n"
                           "ready()\ntime")
    with contextlib.ExitStack() as stack:
        asyncspy = stack.enter_context(copy_for_nobody(context))
        process = stack.enter_context(program(context, source, preexec_fn=become_nobody, cwd="/"))
        rows = rows_of(as_nobody(asyncspy, "ps", "--format", "json"))
        yield from differences(rows.get(process.pid), "one that is not dumpable", why="not dumpable",
                               state="not_permitted")


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@contextlib.contextmanager
def copy_for_nobody(context):
    if os.geteuid() != 0:
        raise Skip("needs root")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(context.asyncspy, folder)


def as_nobody(asyncspy, *arguments):
    return subprocess.run([asyncspy] + list(arguments), stdout=subprocess.PIPE, cwd="/",
                          stderr=subprocess.PIPE, timeout=SECONDS, preexec_fn=become_nobody)


def need_namespaces():
    if not shutil.which("unshare") or subprocess.call(NAMESPACE + ["true"],
                                                      stderr=subprocess.DEVNULL):
        raise Skip("no pid namespaces here (not root?)")


def other_pid_namespace(context):
    need_namespaces()
    command = NAMESPACE + context.interpreter.command
    with program(context, IDLE, command=command) as process:
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as opened:
            child = int(opened.read().split()[0])
        settled(child)
        inode = os.stat("/proc/%d/ns/pid" % child).st_ino
        rows, problems = listed(context)
        yield from problems
        yield from differences(rows.get(child), "one of another namespace", state="idle",
                               event_loops=1, tasks=4, container="pidns-%d" % inode)
        if process.pid in rows:
            yield "unshare is listed as Python"


def inside(context, programs, *arguments):
    """asyncspy where nothing else runs but `programs` and one Python that waits for it."""
    need_namespaces()
    parameter = json.dumps([context.interpreter.command, context.asyncspy, programs,
                            list(arguments)])
    done = subprocess.run(NAMESPACE + [sys.executable, "-c", INSIDE, parameter],
                          stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    return json.loads(done.stdout.decode())


def nothing_found(context):
    need_namespaces()
    done = subprocess.run(NAMESPACE + [context.asyncspy, "ps"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS)
    if done.returncode != 0 or done.stdout or b"no Python process" not in done.stderr:
        yield "exit %s, %r, stderr %r" % (done.returncode, done.stdout, done.stderr)


def choice_without_pid(context):
    """A command without --pid: none, one, two candidates."""
    code, _, errors, _ = inside(context, [PLAIN], "dump")
    if code != 2 or "no process that runs asyncio" not in errors:
        yield "none: exit %s, stderr %s" % (code, errors)
    code, output, errors, pids = inside(context, [IDLE, PLAIN], "dump", "--format=json")
    if code != 0 or errors or json.loads(output)["target"]["pid"] != pids[0]:
        yield "one: exit %s, stderr %s" % (code, errors)
    code, output, errors, pids = inside(context, [IDLE, IDLE], "dump")
    words = [line.split()[0] for line in errors.splitlines()[2:]]
    if code != 2 or output or words != [str(pid) for pid in sorted(pids)]:
        yield "two: exit %s, stderr %s" % (code, errors)


def main_thread_ended(context):
    with program(context, NO_LEADER) as process:
        settled(process.pid, "Z")
        rows, problems = listed(context)
        yield from problems
        yield from differences(rows.get(process.pid), "one without main thread", state="idle",
                               event_loops=1, tasks=4)


def zombie(context):
    with program(context, PLAIN) as process:
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        rows, problems = listed(context)
        yield from problems
        if process.pid in rows:
            yield "a zombie is listed: %s" % rows[process.pid]


def traced(context):
    """None is stopped: one that another program traces could not be."""
    for source, state, letter in ((IDLE, "idle", "S"), (BUSY, "busy", "R")):
        with program(context, source) as process, tracer(process.pid):
            settled(process.pid, letter)
            rows, problems = listed(context)
            yield from problems
            yield from differences(rows.get(process.pid), "a traced one", state=state, tasks=4)


def one_that_hangs(context):
    named = [i for i in context.found if i.minor >= (3, 8)]  # Task.set_name
    with contextlib.ExitStack() as stack:
        good = [stack.enter_context(program(context, IDLE))]
        try:
            bad = stack.enter_context(program(context, HANGS, command=named[0].command))
        except (TargetFailed, IndexError) as reason:
            raise Skip("no userfaultfd, or no Python with names of tasks") from reason
        good.append(stack.enter_context(program(context, IDLE)))
        settled(good[1].pid)
        begin = time.monotonic()
        rows, problems = listed(context)
        yield from problems
        if time.monotonic() - begin < ANSWER_SECONDS:
            yield "it did not hang: this test proves nothing"
        yield from differences(rows.get(bad.pid), "the one that hangs", state="not_read",
                               why="no answer", event_loops=None, tasks=None)
        for process in good:
            yield from differences(rows.get(process.pid), "one beside it", state="idle", tasks=4)


def churn(context):
    """Processes that begin and end all the time cost nothing but their rows."""
    chance = random.Random(3)
    command = context.interpreter.command + ["-c", "import asyncio; asyncio.new_event_loop()"]
    environment = dict(os.environ, **context.interpreter.environment)
    with program(context, IDLE) as process:
        for _ in range(15):
            started = [subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment,
                                        stderr=subprocess.DEVNULL) for _ in range(3)]
            time.sleep(chance.random() * 0.1)
            rows, problems = listed(context)
            for other in started:
                other.kill()
                other.wait()
            yield from problems
            yield from differences(rows.get(process.pid), "the one that stays", tasks=4)


def closed_pipe(context):
    for form in ("text", "json"):
        process = subprocess.Popen([context.asyncspy, "ps", "--format", form],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(SECONDS)
        process.stderr.close()
        if process.returncode != 0 or b"writing" in errors:
            yield "%s: exit %s, stderr %r" % (form, process.returncode, errors)
    with open("/dev/full", "w") as full:
        done = context.run("ps", "--quiet", stdout=full)
    done.stdout = b""
    yield from refused(done)


def usage(context):
    for arguments in (["--format", "xml"], ["--no-such-option"], ["extra"], ["--color=blue"]):
        done = context.run("ps", *arguments)
        if done.returncode != 2 or not done.stderr or done.stdout:
            yield "%s: exit %s, stderr %r" % (" ".join(arguments), done.returncode, done.stderr)


CASES = (states, every_interpreter, on_a_terminal, not_permitted, not_dumpable, other_pid_namespace,
         nothing_found, choice_without_pid, main_thread_ended, zombie, traced, one_that_hangs,
         churn, closed_pipe, usage)


def run(asyncspy, found, _, pattern):
    """(row, column, status, details) of every case."""
    context = Context(asyncspy, found)
    context.found = found
    # A program in a root of its own is told as one of a container: the cases expect none.
    outside = [interpreter for interpreter in found if interpreter.root is None]
    context.interpreter = (outside or found)[0]
    for case in CASES:
        name = "ps: " + case.__name__
        if pattern and pattern not in name:
            continue
        if not outside:
            yield name, context.interpreter.label, "skip", ["every interpreter is in another root"]
            continue
        try:
            problems = list(case(context))
        except Skip as reason:
            yield name, context.interpreter.label, "skip", [str(reason)]
            continue
        except (TargetFailed, OSError, ValueError, subprocess.SubprocessError):
            problems = traceback.format_exc().splitlines()[-4:]
        yield name, context.interpreter.label, "FAIL" if problems else "pass", problems
