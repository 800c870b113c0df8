"""Bad input and bad moments: what asyncspy says, how it exits, and what it leaves behind.

Each case is a function that yields problems; its docstring is its name in the matrix.
"""

import glob
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import compare
import interpreters
from target import Target, TargetFailed, kernel_can_prove_quiet

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")
NOBODY = 65534
KILLS = 15
SECONDS = 60

# Traces the process argv[1] without stopping it, then says so and waits.
TRACER = """
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
PTRACE_SEIZE = 0x4206
import os
for tid in os.listdir("/proc/%s/task" % sys.argv[1]):
    if libc.ptrace(PTRACE_SEIZE, int(tid), 0, 0):
        sys.exit("PTRACE_SEIZE: errno %d" % ctypes.get_errno())
print("traced", flush=True)
time.sleep(600)
"""


class Skip(Exception):
    pass


class Context:
    """What the cases share: the program under test and an interpreter for targets."""

    def __init__(self, asyncspy, found):
        self.asyncspy, self.interpreter = asyncspy, interpreters.representatives(found)[0]

    def target(self, name, heartbeat=False):
        return Target(self.interpreter, os.path.join(SCENARIOS, name + ".py"), heartbeat)

    def run(self, *arguments, **keys):
        keys.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([self.asyncspy] + [str(a) for a in arguments],
                              stderr=subprocess.PIPE, timeout=SECONDS, **keys)


def refused(done, *words, status=1):
    """Problems of a run that had to fail with one line that contains `words`."""
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    if done.returncode != status:
        yield "exit %s instead of %s; stderr %s" % (done.returncode, status, lines)
    if len(lines) != 1:
        yield "%d lines on stderr: %s" % (len(lines), lines)
    if done.stdout:
        yield "stdout is not empty: %s" % compare.short(done.stdout)
    for word in words:
        if word.lower() not in " ".join(lines).lower():
            yield "the message lacks %r: %s" % (word, lines)


def accepted(done):
    if done.returncode != 0 or done.stderr:
        yield "exit %s, stderr %s" % (done.returncode, compare.short(done.stderr))


def spawn(*command, **keys):
    keys.setdefault("stdout", subprocess.DEVNULL)
    return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, **keys)


class Running:
    """A process for the time of a with statement."""

    def __init__(self, *command, **keys):
        self.process = spawn(*command, **keys)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def no_such_pid(context):
    process = spawn("true")
    process.wait()
    for pid in (process.pid, 2 ** 22 + 1):
        yield from refused(context.run("dump", "--pid", pid), str(pid))


def not_python(context):
    with Running("sleep", 600) as process:
        yield from refused(context.run("dump", "--pid", process.pid), str(process.pid), "python")


def kernel_thread(context):
    if not os.path.exists("/proc/2/exe") or os.path.exists(os.path.realpath("/proc/2/exe")):
        raise Skip("process 2 is no kernel thread here")
    yield from refused(context.run("dump", "--pid", 2), "2")


def zombie(context):
    process = spawn("true")
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    try:
        yield from refused(context.run("dump", "--pid", process.pid), str(process.pid))
    finally:
        process.wait()


def unsupported_versions(context):
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    paths = glob.glob(os.path.join(pyenv, "versions", "*", "bin", "python"))
    checked = 0
    for path in sorted(paths):
        version = path.split(os.sep)[-3]
        minor = version.rpartition(".")[0]
        if not minor or interpreters.parse_minors(minor)[0] in interpreters.MINORS:
            continue
        checked += 1
        with Running(path, "-c", "import os, time; os.write(1, b'1'); time.sleep(600)",
                     stdout=subprocess.PIPE) as process:
            process.stdout.read(1)
            for problem in refused(context.run("dump", "--pid", process.pid), minor):
                yield "%s: %s" % (version, problem)
    if not checked:
        raise Skip("no unsupported version under pyenv")


def not_permitted(context):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv")
    with tempfile.TemporaryDirectory() as folder, context.target("sleepers") as target:
        os.chmod(folder, 0o755)
        program = shutil.copy(context.asyncspy, folder)
        done = subprocess.run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
                               "--clear-groups", program, "dump", "--pid", str(target.pid)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
        yield from refused(done, "permi", str(target.pid))
        if not any(word in done.stderr.lower() for word in (b"uid", b"user", b"root")):
            yield "the reason (another user) is not named: %s" % compare.short(done.stderr)


def traced_and_quiet(context):
    with context.target("sleepers") as target, tracer(target.pid):
        yield from accepted(context.run("dump", "--pid", target.pid))


def traced_and_busy(context):
    with context.target("spinning_thread", True) as target, tracer(target.pid) as process:
        with open("/proc/%d/comm" % process.pid) as opened:
            name = opened.read().strip()
        yield from refused(context.run("dump", "--pid", target.pid), str(process.pid), name)
        yield from accepted(context.run("dump", "--pid", target.pid, "--nonblocking"))


class tracer(Running):  # pylint: disable=invalid-name
    def __init__(self, pid):
        super().__init__(sys.executable, "-c", TRACER, pid, stdout=subprocess.PIPE)

    def __enter__(self):
        if self.process.stdout.readline() != b"traced\n":
            self.__exit__()
            raise Skip("this machine does not allow PTRACE_SEIZE")
        return self.process


def stopped_by_a_signal(context):
    for name in ("sleepers", "spinning_thread"):
        with context.target(name, name != "sleepers") as target:
            os.kill(target.pid, signal.SIGSTOP)
            wait_for(lambda: target.states() == {"T"})
            done = context.run("dump", "--pid", target.pid, "--format", "json")
            yield from accepted(done)
            if target.states() != {"T"}:
                yield "%s: not stopped any more: %s" % (name, target.states())
            os.kill(target.pid, signal.SIGCONT)
            wait_for(lambda: not target.states() & set("tT"))
            yield from target.problems_after_dump()


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise TargetFailed("waited in vain")
        time.sleep(0.005)


def target_ends(context):
    chance = random.Random(1)
    for _ in range(KILLS):
        with context.target("churn", True) as target:
            process = subprocess.Popen([context.asyncspy, "dump", "--pid", str(target.pid)],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(chance.random() * 0.008)
            os.kill(target.pid, signal.SIGKILL)
            _, errors = process.communicate(timeout=SECONDS)
            lines = errors.decode("utf-8", "replace").splitlines()
            if process.returncode not in (0, 1):
                yield "exit %s: %s" % (process.returncode, lines)
            if process.returncode == 0:  # it ended after the first look
                lines = [line for line in lines if "no second look" not in line]
            if len(lines) != process.returncode:
                yield "exit %s with %d lines on stderr: %s" % (process.returncode, len(lines),
                                                               lines)


def interrupted(context):
    """Whatever ends asyncspy, the target runs on."""
    chance = random.Random(2)
    with context.target("churn", True) as target:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL) * 12:
            process = spawn(context.asyncspy, "dump", "--pid", target.pid)
            time.sleep(chance.random() * 0.012)
            process.send_signal(number)
            process.wait(SECONDS)
            if process.returncode not in (0, 1, 130, 143, -number):
                yield "exit %s after signal %d" % (process.returncode, number)
            wait_for(lambda: not target.tracer())
            yield from target.problems_after_dump()


def few_files(context):
    """The soft limit on open files does not keep a dump from proving that nothing ran."""
    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(
            resource.RLIMIT_NOFILE)[1]))
    with context.target("threads_200") as target:
        if not kernel_can_prove_quiet():
            raise Skip("this kernel has no schedstat")
        done = context.run("dump", "--pid", target.pid, "--format", "json", preexec_fn=lower)
        yield from accepted(done)
        if json.loads(done.stdout)["capture"]["mode"] != "running":
            yield "the target was stopped: %s" % json.loads(done.stdout)["capture"]


def closed_pipe(context):
    with context.target("sleepers_10000") as target:
        for form in ("json", "text"):
            process = subprocess.Popen([context.asyncspy, "dump", "--pid", str(target.pid),
                                        "--format", form], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            process.stdout.read(1)
            process.stdout.close()
            errors = process.stderr.read()
            process.wait(SECONDS)
            process.stderr.close()
            if errors or process.returncode not in (0, -signal.SIGPIPE, 128 + signal.SIGPIPE):
                yield "%s: exit %s, stderr %s" % (form, process.returncode,
                                                  compare.short(errors))


def output_file(context):
    with tempfile.TemporaryDirectory() as folder, context.target("sleepers") as target:
        wanted = os.path.join(folder, "out.json")
        done = context.run("dump", "--pid", target.pid, "--format", "json", "-o", wanted)
        yield from accepted(done)
        if done.stdout:
            yield "-o FILE writes to stdout too"
        with open(wanted) as opened:
            if '"asyncspy.snapshot/1"' not in opened.read(4096):
                yield "-o FILE: no snapshot in it"
        for path in (os.path.join(folder, "no", "such", "folder"), folder, "/dev/full"):
            yield from refused(context.run("dump", "--pid", target.pid, "-o", path), path)
        with open("/dev/full", "w") as full:
            done = context.run("dump", "--pid", target.pid, "--format", "json", stdout=full)
        done.stdout = b""
        yield from refused(done)


def usage(context):
    wrong = [["--no-such-option"], ["no-such-command"], [], ["dump", "--no-such-option"],
             ["dump", "--pid"], ["dump", "--pid", "abc"], ["dump", "--pid", "-1"],
             ["dump", "--pid", "0"], ["dump", "--pid", "99999999999999999999"],
             ["dump", "--pid", "1", "--format", "no-such-format"], ["dump", "--pid", "1", "extra"],
             ["doctor", "--no-such-option"]]
    for arguments in wrong:
        done = context.run(*arguments)
        if done.returncode != 2 or not done.stderr or done.stdout:
            yield "%s: exit %s, stderr %s" % (" ".join(arguments) or "no argument",
                                              done.returncode, compare.short(done.stderr))


def help_and_version(context):
    for arguments in (["--help"], ["dump", "--help"], ["doctor", "--help"], ["--version"],
                      ["dump", "--version"], ["doctor", "--version"]):
        done = context.run(*arguments)
        if done.returncode != 0 or done.stderr or not done.stdout:
            yield "%s: exit %s, stderr %s" % (" ".join(arguments), done.returncode,
                                              compare.short(done.stderr))


def doctor(context):
    with context.target("sleepers") as target:
        done = context.run("doctor", "--pid", target.pid)
        yield from accepted(done)
        if target.expectation["python_version"].encode() not in done.stdout:
            yield "doctor does not name the version: %s" % compare.short(done.stdout)


CASES = (no_such_pid, not_python, kernel_thread, zombie, unsupported_versions, not_permitted,
         traced_and_quiet, traced_and_busy, stopped_by_a_signal, target_ends, interrupted,
         few_files, closed_pipe, output_file, usage, help_and_version, doctor)


def run(asyncspy, found, _, pattern):
    """(row, column, status, details) of every case."""
    context = Context(asyncspy, found)
    for case in CASES:
        name = "bad: " + case.__name__
        if pattern and pattern not in name:
            continue
        try:
            problems = list(case(context))
        except Skip as reason:
            yield name, context.interpreter.label, "skip", [str(reason)]
            continue
        except (TargetFailed, OSError, subprocess.SubprocessError):
            problems = traceback.format_exc().splitlines()[-4:]
        yield name, context.interpreter.label, "FAIL" if problems else "pass", problems
