"""Odd processes: programs and files that are not where or what they seem to be, other tracers, and
processes that become something else while they are read.

Each case is a function (context, interpreter) that yields problems; its name is its row.
"""

import copy
import glob
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import traceback

import compare
import interpreters
import plan
from target import Target, TargetFailed
from tester import Tester

SECONDS = 60
MOMENTS = 30

EMBEDDING = r"""
#include <Python.h>
int main(int count, char **words) {
    FILE *file = count > 1 ? fopen(words[1], "r") : NULL;
    if (!file)
        return 2;
    Py_Initialize();
    return PyRun_SimpleFile(file, words[1]);
}
"""

# Prints "ready" once, then forks or replaces itself again and again.
RESTLESS = """
import asyncio, os, signal, sys, time
signal.alarm(120)

async def sleeps():
    await asyncio.sleep(3600)

async def main():
    tasks = [asyncio.ensure_future(sleeps()) for _ in range(20)]
    await asyncio.sleep(0)
    if len(sys.argv) < 3:
        print("ready", flush=True)
    while True:
        if sys.argv[1] == "fork":
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
        else:
            await asyncio.sleep(0.002)
            os.execv(sys.executable, [sys.executable, __file__, "exec", "again"])

asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main())
"""


class Skip(Exception):
    pass


class Context:
    """What the cases share."""

    def __init__(self, asyncspy, found, folder):
        self.asyncspy, self.found, self.folder = asyncspy, found, folder
        self.tester = Tester(asyncspy)
        self.scenarios = {scenario.name: scenario for scenario in plan.scenarios()}

    def new_folder(self):
        return tempfile.mkdtemp(dir=self.folder)

    def copied(self, interpreter, copy_file=shutil.copy):
        """A copy of an interpreter in a folder of its own, and the folder."""
        folder = self.new_folder()
        copied, why = interpreters.copy(interpreter, folder, copy_file)
        if not copied:
            raise Skip(why)
        return copied, folder

    def check(self, interpreter, name="blocked_sync", kind=Target, change=None):
        """Problems of the dumps of a scenario; `change` is called once it stands."""
        scenario = self.scenarios[name]
        with kind(interpreter, scenario.path, scenario.heartbeat) as target:
            if change:
                change()
            return self.tester.check(target, scenario)

    def dump(self, pid):
        return subprocess.run([self.asyncspy, "dump", "--pid", str(pid), "--format", "json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip("no " + program)


def needs_namespaces():
    needs("unshare")
    if os.geteuid() != 0:
        raise Skip("needs root")
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"],
                          stderr=subprocess.PIPE)
    if done.returncode:
        raise Skip("no namespaces here: " + compare.short(done.stderr))


def files_of(interpreter, folder):
    """The executable and the libpython of a copy."""
    return [path for path in glob.glob(os.path.join(folder, "*")) if os.path.isfile(path)]


def other_libpython(context, interpreter):
    for other in context.found:
        if other.library and not other.root and other.minor != interpreter.minor:
            return other.library
    raise Skip("no libpython of another version")


def deleted(context, interpreter):
    """The files of the interpreter are gone."""
    copied, folder = context.copied(interpreter)

    def delete():
        for path in files_of(copied, folder):
            os.unlink(path)
    return context.check(copied, change=delete)


def replaced(context, interpreter):
    """An upgrade under a running server: other files stand in the place of those it runs."""
    copied, folder = context.copied(interpreter)
    other = other_libpython(context, interpreter)

    def replace():
        for path in files_of(copied, folder):
            shutil.copy(other, path + ".new")
            os.replace(path + ".new", path)
    return context.check(copied, change=replace)


def no_section_headers(context, interpreter):
    """Executable and libraries without section headers."""
    def without_sections(path, to):
        with open(path, "rb") as opened:
            data = bytearray(opened.read())
        data[40:48] = bytes(8)   # e_shoff
        data[60:64] = bytes(4)   # e_shnum, e_shstrndx
        with open(to, "wb") as opened:
            opened.write(data)
        os.chmod(to, 0o755)
    return context.check(context.copied(interpreter, without_sections)[0])


def other_mount_namespace(context, interpreter):
    """Where the target has its libpython, everybody else has one of another version."""
    needs_namespaces()
    copied, folder = context.copied(interpreter)
    real = folder + "-real"
    shutil.copytree(folder, real)
    other = other_libpython(context, interpreter)
    for path in files_of(copied, folder):
        shutil.copy(other, path)
    copied.command = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                      'mount --bind "$0" "$1" && shift && exec "$@"', real, folder
                      ] + copied.command
    return context.check(copied)


class InPidNamespace(Target):
    """It is process 1 of a namespace and knows no other numbers; nobody outside does."""

    @property
    def pid(self):
        path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        with open(path) as opened:
            return int(opened.read().split()[0])

    def _read_picture(self):
        picture = super()._read_picture()
        for item in picture["threads"] + picture["event_loops"]:
            item.pop("tid", None)
        return picture


def pid_namespace(context, interpreter):
    needs_namespaces()
    inside = copy.copy(interpreter)
    inside.command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"
                      ] + interpreter.command
    return context.check(inside, "loops_in_threads", InPidNamespace)


def embedded(context, interpreter):
    """A program with libpython inside that is not called python."""
    needs("cc")
    version = "python%d.%d" % interpreter.minor
    headers = glob.glob(os.path.join(interpreter.base_prefix, "include", version + "*"))
    if not headers:
        raise Skip("no headers of " + interpreter.label)
    folder = context.new_folder()
    source, program = os.path.join(folder, "server.c"), os.path.join(folder, "billing-server")
    with open(source, "w") as opened:
        opened.write(EMBEDDING)
    libraries = os.path.dirname(interpreter.library)
    done = subprocess.run(["cc", "-I", headers[0], "-o", program, source, interpreter.library,
                           "-Wl,-rpath," + libraries], stderr=subprocess.PIPE)
    if done.returncode:
        raise Skip("cc fails: " + compare.short(done.stderr))
    embedding = copy.copy(interpreter)
    embedding.command = [program]
    embedding.environment = {"PYTHONHOME": interpreter.base_prefix}
    for name in ("blocked_sync", "task_awaits_task"):
        yield from context.check(embedding, name)


def traced_by_gdb(context, interpreter):
    """gdb has stopped the target: it is read as it stands, and left to gdb."""
    needs("gdb")
    scenario = context.scenarios["loops_in_threads"]
    attached = os.path.join(context.new_folder(), "attached")
    with Target(interpreter, scenario.path) as target:
        gdb = subprocess.Popen(["gdb", "-q", "-nx", "-iex", "set auto-load no", "-iex",
                                "set debuginfod enabled off", "-iex", "set auto-solib-add off",
                                "-p", str(target.pid), "-ex", "shell touch " + attached],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: os.path.exists(attached) and target.states() == {"t"})
            before = time.monotonic()
            done = context.dump(target.pid)
            expectation = compare.at(target.expectation, before, time.monotonic())
            if done.returncode != 0 or done.stderr:
                yield "exit %s, stderr %s" % (done.returncode, compare.short(done.stderr))
            else:
                yield from compare.compare(expectation, json.loads(done.stdout.decode()))
            if target.states() != {"t"} or target.tracer() != gdb.pid:
                yield "gdb does not hold it any more: %s" % target.states()
        finally:
            gdb.communicate(b"detach\nquit\n", timeout=SECONDS)
        yield from target.problems_after_dump()


def restless(context, interpreter, how):
    """Dumps of a process that does not stay what it is: an answer, or one line about what lacks."""
    program = os.path.join(context.new_folder(), "restless.py")
    with open(program, "w") as opened:
        opened.write(RESTLESS)
    chance = random.Random(3)
    process = subprocess.Popen(interpreter.command + [program, how], stdout=subprocess.PIPE,
                               env=dict(os.environ, **interpreter.environment),
                               start_new_session=True)
    try:
        process.stdout.readline()
        answers = 0
        for _ in range(MOMENTS):
            time.sleep(chance.random() * 0.01)
            done = context.dump(process.pid)
            lines = done.stderr.decode("utf-8", "replace").splitlines()
            if done.returncode == 0:  # seen once, and another program at the second look
                lines = [line for line in lines if "no second look" not in line]
            incomplete = 0
            if done.returncode == 0:
                incomplete = json.loads(done.stdout.decode())["missing"] != []
                answers += not incomplete
            if done.returncode not in (0, 1) or len(lines) != (done.returncode or incomplete):
                yield "exit %s, stderr %s" % (done.returncode, lines)
        if how == "fork" and answers < MOMENTS:
            yield "only %d of %d dumps are complete" % (answers, MOMENTS)
        if process.poll() is not None:
            yield "the target ended: %s" % process.returncode
        else:
            wait_for(lambda: not stopped_or_traced(process.pid))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def forks(context, interpreter):
    return restless(context, interpreter, "fork")


def execs(context, interpreter):
    return restless(context, interpreter, "exec")


def stopped_or_traced(pid):
    with open("/proc/%d/status" % pid) as opened:
        facts = dict(line.split(":", 1) for line in opened if ":" in line)
    return facts["State"].split()[0] in "tT" or int(facts["TracerPid"])


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            raise TargetFailed("waited in vain")
        time.sleep(0.01)


CASES = (deleted, replaced, no_section_headers, other_mount_namespace, pid_namespace, embedded,
         traced_by_gdb, forks, execs)


def run(asyncspy, found, everything, pattern):
    """(row, column, status, details) of every case on three interpreters, or on all."""
    cases = [case for case in CASES if not pattern or pattern in "odd: " + case.__name__]
    usable = [i for i in found if i.library and not i.root and not i.copy]
    chosen = usable if everything else interpreters.representatives(usable)
    with tempfile.TemporaryDirectory(prefix="asyncspy-live-") as folder:
        os.chmod(folder, 0o755)
        context = Context(asyncspy, found, folder)
        for case in cases:
            for interpreter in chosen:
                yield ("odd: " + case.__name__, interpreter.label) + outcome(case, context,
                                                                             interpreter)


def outcome(case, context, interpreter):
    try:
        problems = list(case(context, interpreter))
    except Skip as reason:
        return "skip", [str(reason)]
    except (TargetFailed, OSError, ValueError, subprocess.SubprocessError):
        problems = traceback.format_exc().splitlines()[-4:]
    return "FAIL" if problems else "pass", problems
