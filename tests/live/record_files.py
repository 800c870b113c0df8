"""asyncspy record and report: the files that they make, and where they cannot."""

import contextlib
import os
import re
import resource
import shutil
import subprocess

from bad import Skip, refused
from recordings import (done_well, folder, program, read, samples_said, stacks_of, trace_problems)

ENDINGS = {"html": ".html", "svg": ".svg", "trace": ".json", "speedscope": ".speedscope.json",
           "collapsed": ".folded", "pprof": ".pb.gz", "jsonl": ".jsonl"}


def every_format(context, interpreter):
    """Each format of one recording, and the same from what was kept of it."""
    with program(context, "mixed") as process, folder() as path:
        raw = os.path.join(path, "first.asyncspy")
        yield from done_well(context.run("record", "-p", process.pid, "-d", 1, "-o",
                                         os.path.join(path, "first.json"), "--keep-raw"), raw)
        yield from trace_problems(path + "/first.json")
        for form, ending in ENDINGS.items():
            output = os.path.join(path, "out" + ending)
            yield from done_well(context.run("report", raw, "-o", output), output)
            again = os.path.join(path, "again")
            yield from done_well(context.run("report", raw, "--force", "-q", "-o", again,
                                             "--format", form))
            piped = context.run("report", raw, "-q", "-o", "-", "--format", form).stdout
            data = read(output, "rb")
            if not data or data != read(again, "rb") or data != piped:
                yield "%s: %d bytes, then %d, then %d" % (form, len(data), os.path.getsize(again),
                                                          len(piped))
        if read(path + "/first.json") != read(path + "/out.json"):
            yield "the trace of report is not that of record"
        for form, ending in ENDINGS.items():
            output = os.path.join(path, "direct" + ending)
            yield from done_well(context.run("record", "-p", process.pid, "-d", 0.1, "-o", output,
                                             "--format", form), output)
            if not os.path.getsize(output) or os.path.exists(path + "/direct.asyncspy"):
                yield "%s: %s" % (form, os.listdir(path))
        yield from filters(context, raw, path)


def filters(context, raw, path):
    def folded(*arguments):
        output = os.path.join(path, "filtered.folded")
        yield_problems.extend(done_well(context.run("report", raw, "--force", "-q", "-o", output,
                                                    *arguments)))
        return {frame.split(" ")[0] for stack, _ in stacks_of(output) for frame in stack[:1]}
    yield_problems = []
    whole = folded()
    for arguments, expected in ((["--include", "function:locked"], {"locked"}),
                                (["--exclude", "function:locked"], whole - {"locked"}),
                                (["--include", "function:no_such"], set())):
        found = folded(*arguments)
        if found != expected:
            yield "%s: %s instead of %s" % (arguments, found, expected)
    if "burn" not in whole or "locked" not in whole:
        yield "the functions are %s" % whole
    yield from yield_problems


def existing_file(context, interpreter):
    """Nothing is overwritten unasked, and nothing is begun that could not be written."""
    with program(context, "mixed") as process, folder() as path:
        output, raw = path + "/out.json", path + "/out.asyncspy"
        for there in (output, raw):
            with open(there, "w") as opened:
                opened.write("mine")
            yield from refused(context.run("record", "-p", process.pid, "-o", output), there,
                               "--force")
            if os.listdir(path) != [os.path.basename(there)] or read(there) != "mine":
                yield "%s: %s" % (there, os.listdir(path))
            os.unlink(there)
        begun = os.path.join(path, "begun")
        for place in (path + "/no/such/out.json", "/proc/out.json"):
            yield from refused(context.run("record", "-p", process.pid, "-o", place),
                               os.path.dirname(place))
            yield from refused(context.run("record", "-o", place, "--", "touch", begun),
                               os.path.dirname(place))
        if os.path.exists(begun):
            yield "a program was started that cannot be recorded"
        for there in (output, raw):
            with open(there, "w") as opened:
                opened.write("mine")
        yield from done_well(context.run("record", "-p", process.pid, "-d", 0.2, "-o", output,
                                         "--force"), output)
        if os.listdir(path) != ["out.json"]:
            yield "left behind: %s" % os.listdir(path)


@contextlib.contextmanager
def tiny_disk(path):
    if os.geteuid() != 0 or not shutil.which("mount"):
        raise Skip("needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", path],
                      stderr=subprocess.DEVNULL).returncode:
        raise Skip("no tmpfs may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def keeps_what_fits(context, pid, path, what, **keys):
    output, raw = path + "/out.html", path + "/out.asyncspy"
    done = context.run("record", "-p", pid, "-r", 1000, "-d", 20, "-o", output, "--keep-raw",
                       **keys)
    if done.returncode != 1 or not re.search(b"space|large", done.stderr):
        yield "%s: exit %s: %s" % (what, done.returncode, done.stderr)
    if not {"out.asyncspy"} <= set(os.listdir(path)) <= {"out.asyncspy", "out.html"}:
        yield "%s: %s" % (what, os.listdir(path))
    with folder() as elsewhere:
        reported = context.run("report", raw, "-o", elsewhere + "/out.json")
        yield from done_well(reported, "cut off")
        if samples_said(reported) < 20:
            yield "%s: %d samples" % (what, samples_said(reported))


def full_disk(context, interpreter):
    with program(context, "births") as process, folder() as path, tiny_disk(path):
        yield from keeps_what_fits(context, process.pid, path, "full disk")


def file_limit(context, interpreter):
    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
    with program(context, "births") as process, folder() as path:
        yield from keeps_what_fits(context, process.pid, path, "RLIMIT_FSIZE", preexec_fn=lower)


def nonblocking(context, interpreter):
    with program(context, "mixed") as process, folder() as path:
        output = os.path.join(path, "out.folded")
        done = context.run("record", "-p", process.pid, "-d", 1, "--nonblocking", "-o", output)
        yield from done_well(done, "the process was never stopped")
        stacks = stacks_of(output)
        if samples_said(done) < 40 or not any(stack[-1] == "Lock#1 'lock'" for stack, _ in stacks):
            yield "%d samples: %s" % (samples_said(done), stacks)
