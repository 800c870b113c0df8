"""Scenarios through cores: what `dump --core` shows of a core by gcore and of one by the kernel is
what `dump --pid` showed of the process just before, but for what a core cannot know; what it shows
of one by --save-core is what the dump that saved it showed, with nothing left out.

A scenario is started once for both cores; each core has a folder of its own and is removed.
"""

import contextlib
import glob
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import traceback

import compare
import interpreters
import plan
import verdict
from target import Target, TargetFailed, TargetSkipped

SECONDS = 120
CORE_PATTERN = "/proc/sys/kernel/core_pattern"

# In the quick mode: one with all kinds of waits of its kind, and where a core knows less.
QUICK = ("await_chain", "finding_deadlocks", "finding_lost_future", "wait_locks", "wait_sockets",
         "wait_executor", "hang_silent_peer", "ok_idle_server", "uvloop_waits",
         "finding_never_awaited", "gc_only_tasks", "callback_blocked")

# What a core cannot know, of each kind of thing.
UNKNOWN = {
    "threads": ("kernel_name", "os_state", "wait_channel", "cpu_s", "moved"),
    "event_loops": ("iteration_age_s", "idle_s", "moved", "common_frames"),
    "tasks": ("moved", "idle"),
}
OF_THE_KERNEL = ("state", "receive_queue", "send_queue", "retransmits", "backlog_max",
                 "last_received_s", "last_sent_s", "registered", "moved")
# They count from the last reading of the clock, which is before now.
LATER = ("deadline_s", "next_timer_s")
EARLIER = ("overdue_s",)
ALWAYS_MISSING = {"sockets, epoll, states and CPU times of threads", "the time of the core"}
SURE = {"possible": 0, "likely": 1, "certain": 2}

# The kernel calls them all "core", in the folder where the process is.
kernel_lock = threading.Lock()


class Skip(Exception):
    pass


def dump(asyncspy, *arguments):
    done = subprocess.run([asyncspy, "dump", "--format=json", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS)
    if done.returncode:
        raise TargetFailed("%s: exit %d: %s" % (" ".join(arguments), done.returncode,
                                                done.stderr.decode(errors="replace").strip()))
    return json.loads(done.stdout.decode())


def run_gcore(pid, path):
    """What it says. A script that runs gdb: both end with it."""
    with subprocess.Popen(["gcore", "-o", path, str(pid)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          start_new_session=True) as gcore:
        try:
            return gcore.communicate(timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            os.killpg(gcore.pid, signal.SIGKILL)
            raise


def by_gcore(target, folder):
    if not shutil.which("gcore"):
        raise Skip("gcore (gdb) is not installed")
    output = run_gcore(target.pid, os.path.join(folder, "core"))
    # gdb 13 gives up a whole mapping with a guard page in it (MADV_GUARD_INSTALL: the stacks of
    # threads with glibc 2.42), and writes zeros.
    if re.search(rb"Memory read failed for corefile section, \d+ bytes at 0x[0-7]", output):
        raise Skip("this gdb cannot read the stacks of threads of this C library")
    found = glob.glob(os.path.join(folder, "core.*"))
    if not found and b"zombie" in output:
        raise Skip("gdb does not attach to a process whose main thread has ended")
    if not found:
        raise TargetFailed("gcore: " + output.decode(errors="replace").strip()[-300:])
    return found[0]


def by_kernel(target, folder):
    """Ends the target."""
    with open(CORE_PATTERN) as opened:
        pattern = opened.read().strip()
    if "/" in pattern or "%" in pattern or pattern.startswith("|"):
        raise Skip("the kernel's core_pattern is %s" % pattern)
    pid = target.pid
    place = os.path.join("/proc/%d/cwd" % pid)
    limits = resource.prlimit(pid, resource.RLIMIT_CORE)
    if limits[1] != resource.RLIM_INFINITY and os.geteuid() != 0:
        raise Skip("the hard limit for cores is %d" % limits[1])
    resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        where = os.open(place, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        raise Skip("where it runs is not known: its main thread has ended") from None
    try:
        os.kill(pid, signal.SIGABRT)
        wait_for_end(target, pid)
        names = [name for name in (pattern, "%s.%d" % (pattern, pid))
                 if os.path.exists("/proc/self/fd/%d/%s" % (where, name))]
        if not names:
            raise TargetFailed("the kernel wrote no core")
        return shutil.move("/proc/self/fd/%d/%s" % (where, names[0]), os.path.join(folder, "core"))
    finally:
        os.close(where)


def wait_for_end(target, pid):
    """A process that ends is there until its core is written."""
    if pid == target.process.pid:
        target.process.wait(SECONDS)
        return
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            import select
            select.select([descriptor], [], [], SECONDS)
        finally:
            os.close(descriptor)


def without(items, keys):
    return [{key: value for key, value in item.items() if key not in keys} for item in items]


def timed(value, path=""):
    """(path, key, number) of everything that counts in time, which goes out of `value`."""
    found = []
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += timed(item, "%s[%d]" % (path, index))
    elif isinstance(value, dict):
        for key in list(value):
            if key in LATER + EARLIER + ("overdue_timers",):
                found.append((path, key, value.pop(key)))
            elif key == "text" and "kind" in value:
                value.pop(key)  # has them in words
            else:
                found += timed(value[key], "%s.%s" % (path, key))
    return found


def compare_times(live, core, elapsed):
    """`elapsed`: the loop may have looked at its clock after the live dump."""
    problems = []
    for (path, key, before), (_, __, after) in zip(live, core):
        if key == "overdue_timers" or before is None and after is None:
            continue
        if before is None or after is None:
            # What is overdue now may have been in time at the last reading.
            if key not in EARLIER + LATER:
                problems.append("%s.%s: %s instead of %s" % (path, key, after, before))
        elif (key in LATER and after < before - elapsed) or \
                (key in EARLIER and after > before + elapsed):
            problems.append("%s.%s: %s in the core, %s before it" % (path, key, after, before))
    return problems


def compare_findings(live, core):
    """A core may be less sure of what it finds, and finds nothing that the process has not: in two
    looks, or in one."""
    sure = {}
    for finding in live["findings"] + live["once"]["findings"]:
        level = SURE[finding["confidence"]]
        sure[finding["code"]] = max(level, sure.get(finding["code"], 0))
    return ["finding %s (%s) is invented: %s" % (finding["code"], finding["confidence"],
                                                 compare.short(finding["summary"]))
            for finding in core["findings"]
            if SURE[finding["confidence"]] > sure.get(finding["code"], -1)]


def forget_interruptions(live, core):
    """gcore stops the threads; a sleep then goes on under another name."""
    before = {thread["tid"]: thread for thread in live["threads"]}
    for thread in core["threads"]:
        if thread["syscall"] == "restart_syscall" and thread["tid"] in before:
            for key in ("syscall", "waits_for_gil"):
                thread[key] = before[thread["tid"]][key]


def forget_second_look(live):
    """That a loop is blocked takes two looks to tell."""
    for loop in live["event_loops"]:
        loop["state"] = "running" if loop["state"] == "blocked" else loop["state"]


def compare_things(live, core, elapsed):
    """`live` and `core` are changed."""
    problems = []
    forget_second_look(live)
    forget_second_look(core)
    forget_interruptions(live, core)
    for name in ("tasks", "event_loops", "threads", "objects", "interpreters", "coroutines"):
        before = without(live[name] or [], UNKNOWN.get(name, ()))
        after = without(core[name] or [], UNKNOWN.get(name, ()))
        times = timed(before), timed(after)
        found = compare.difference(before, after, name)
        problems += found or compare_times(*times, elapsed)
    return problems


def port(address):
    return address.rpartition(":")[2] if address and ":" in address else None


def stream_files(snapshot):
    """Those of which a transport of asyncio's own must know the ends."""
    own = {loop["id"] for loop in snapshot["event_loops"] if not loop["type"].startswith("uvloop")}
    return {task["awaiting"]["fd"] for task in snapshot["tasks"]
            if task["awaiting"] and task["awaiting"]["kind"] in ("stream_read", "stream_drain")
            and task["event_loop"] in own}


def compare_sockets(live, core):
    """The ends that transports know are those that the kernel knows; else a core tells nothing."""
    kernel = {row["fd"]: row for row in live["sockets"]}
    listening = {port(row["local"]) for row in live["sockets"] if row["state"] == "LISTEN"}
    problems, known = [], set()
    for row in core["sockets"]:
        known.add(row["fd"])
        truth = kernel.get(row["fd"], {})
        for key in ("family", "local", "peer"):
            if row[key] is not None and row[key] != truth.get(key) and not (
                    row["family"] == "unix" and truth.get(key) is None):  # of a peer it tells none
                problems.append("fd %d: %s %s instead of %s" % (row["fd"], key, row[key],
                                                                truth.get(key)))
        if row["accepted"] is not None and truth.get("family") != "unix" and \
                row["accepted"] != (port(truth.get("local")) in listening):
            problems.append("fd %d: accepted %s" % (row["fd"], row["accepted"]))
        problems += ["fd %d: %s %s" % (row["fd"], key, row[key]) for key in OF_THE_KERNEL
                     if row[key] is not None]
    return problems + ["fd %d: the ends are not known" % fd for fd in stream_files(live) - known
                       if kernel.get(fd, {}).get("family") in ("inet", "inet6")
                       and kernel[fd]["peer"]]


def compare_core(live, core, path, elapsed):
    target = dict(live["target"], kind="core", core=path, started_at=None,
                  signal="SIGABRT" if path.endswith("core") else None)
    problems = compare.difference(target, core["target"], "target")
    problems += compare.difference("core", core["capture"]["mode"], "capture.mode")
    missing = {row["what"] for row in core["missing"]}
    known = {row["what"] for row in live["missing"]} | ALWAYS_MISSING
    problems += ["missing: %s" % compare.short(row) for row in core["missing"]
                 if row["what"] not in known]
    problems += ["missing has no row about %s" % what for what in ALWAYS_MISSING - missing]
    problems += compare_sockets(live, core)
    problems += compare_findings(live, core)
    problems += compare_things(live, core, elapsed)
    return problems + verdict.consistency(core) + compare.grouped_once(core)


def hides_files(interpreter):
    """A command in front of asyncspy that hides the interpreter's files, or None."""
    prefix = interpreter.base_prefix
    if os.geteuid() != 0 or interpreter.root or prefix == "/usr" or interpreter.copy:
        return None
    return ["unshare", "--mount", "--propagation=private", "sh", "-c",
            'mount -t tmpfs none "$0" && exec "$@"', prefix]


# What comes from a core alone, of all versions.
WITHOUT_FILES = {"tasks": ("id", "name", "state", "coroutine", "frames", "event_loop"),
                 "event_loops": ("id", "type", "tid", "ready", "timers"),
                 "threads": ("tid", "ident", "name", "syscall", "frames")}


def less_named(frames):
    """Up to 3.10 only a coroutine has a qualified name, and that of a library in C, as Cython makes
    them, is none without the library."""
    return [dict(frame, qualified_name={"any_of": [frame["qualified_name"], None]})
            for frame in frames]


def outer_part(frames):
    """A chain ends before an async generator's asend() and the like, which no module knows."""
    return {"any_of": [frames[start:] for start in range(max(1, len(frames)))]}


def by_asyncspy(asyncspy, target, folder, options):
    """The core and the picture that it was saved with."""
    path = os.path.join(folder, "saved.core")
    return path, dump(asyncspy, "--pid", str(target.pid), "--save-core", path, *options)


# Of another moment, or of another file.
OF_ITS_OWN = ("mode", "pause_s", "duration_s", "reads", "bytes_read")


def as_saved(live, path):
    """What a core that was saved is to show."""
    target = dict(live["target"], kind="core", core=path)
    return dict(live, target=target, capture=without([live["capture"]], OF_ITS_OWN)[0])


def tools_problems(path):
    """What those say who know nothing of asyncspy."""
    readelf = ("readelf", "--notes", "--program-headers", "--wide", path)
    gdb = ("gdb", "-batch", "-nx", "-ex", "info threads", "-c", path)
    for command, words in ((readelf, "NT_FILE"), (gdb, "LWP")):
        if not shutil.which(command[0]):
            continue
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=SECONDS)
        problems = [line for line in done.stderr.decode(errors="replace").splitlines()
                    if re.search("(?i)error|corrupt|not a core|BFD", line)]
        if done.returncode or problems or words not in done.stdout.decode(errors="replace"):
            yield "%s: exit %d: %s" % (command[0], done.returncode, problems[:3])


def through_saved_core(asyncspy, target, options, validator):
    with tempfile.TemporaryDirectory(prefix="asyncspy-core-") as folder:
        path, live = by_asyncspy(asyncspy, target, folder, options)
        core = dump(asyncspy, "--core", path, *options)
        problems = compare.schema_problems(validator, core) if validator else []
        if os.stat(path).st_mode & 0o777 != 0o600:
            problems.append("anybody may read it")
        if core["capture"]["mode"] != "core":
            problems.append("capture.mode: %s" % core["capture"]["mode"])
        core["capture"] = without([core["capture"]], OF_ITS_OWN)[0]
        problems += compare.difference(as_saved(live, path), core, "saved")
        again = os.path.join(folder, "again.core")
        dump(asyncspy, "--core", path, "--save-core", again, *options)
        twice = dump(asyncspy, "--core", again, *options)
        twice["capture"] = core["capture"]
        problems += compare.difference(as_saved(live, again), twice, "saved twice")
        return problems + list(tools_problems(path))


def without_files(asyncspy, hide, path, live, options):
    """The core as another machine shows it, which has no such Python."""
    asyncspy = os.path.abspath(asyncspy)
    done = subprocess.run(hide + [asyncspy, "dump", "--format=json", "--core", path, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
    if done.returncode:
        return ["without files: exit %d: %s" % (done.returncode, done.stderr.decode())]
    core, problems = json.loads(done.stdout.decode()), []
    if not any("memory that is mapped from" in row["what"] for row in core["missing"]):
        problems.append("missing names no file")
    forget_interruptions(live, core)
    for name, keys in WITHOUT_FILES.items():
        before, after = ([{key: item[key] for key in keys} for item in snapshot[name]]
                         for snapshot in (live, core))
        if name == "tasks":
            before = [dict(task, frames=outer_part(task["frames"])) for task in before]
        if name == "threads":
            before = [dict(thread, frames=less_named(thread["frames"])) for thread in before]
        problems += compare.difference(before, after, name)
    return ["without files: " + problem for problem in problems + compare_findings(live, core)]


def through_cores(asyncspy, interpreter, scenario, validator, kinds):
    """{"saved": problems, "gcore": problems, "kernel": problems} of one scenario; a Skip in place
    of problems."""
    results = {}
    with Target(interpreter, scenario.path) as target:
        options = ["--sysroot=" + interpreter.root] if interpreter.root else []
        options += scenario.dump
        results["saved"] = through_saved_core(asyncspy, target, scenario.dump, validator)
        if kinds == SAVED:
            return results
        since = time.monotonic()
        live = dump(asyncspy, "--pid", str(target.pid), *scenario.dump)
        live["once"] = dump(asyncspy, "--pid", str(target.pid), "--once", *scenario.dump)
        for name, make in (("gcore", by_gcore), ("kernel", by_kernel)):
            results[name] = through_core(asyncspy, target, make, options, (live, since), validator)
    return results


def through_core(asyncspy, target, make, options, seen, validator):
    live, since = json.loads(json.dumps(seen[0])), seen[1]
    lock = kernel_lock if make is by_kernel else contextlib.nullcontext()
    with tempfile.TemporaryDirectory(prefix="asyncspy-core-") as folder, lock:
        try:
            path = make(target, folder)
        except Skip as reason:
            return reason
        try:
            core = dump(asyncspy, "--core", path, *options)
        except TargetFailed as failure:
            return [str(failure)]
        problems = compare.schema_problems(validator, core) if validator else []
        hide = hides_files(target.interpreter) if make is by_kernel else None
        if hide:
            problems += without_files(asyncspy, hide, path, live, options)
        if target.interpreter.root:  # it may be called as inside or as outside of it
            core["target"]["executable"] = live["target"]["executable"]
        return problems + compare_core(live, core, path, time.monotonic() - since)


SAVED = ("saved",)
KINDS = SAVED + ("gcore", "kernel")


def outcome(asyncspy, interpreter, scenario, validator):
    """[(kind of core, status, details)]"""
    kinds = KINDS if usable(scenario) else SAVED
    reason = scenario.reason_to_skip(interpreter)
    if reason:
        return [(kind, "skip", [reason]) for kind in kinds]
    try:
        results = through_cores(asyncspy, interpreter, scenario, validator, kinds)
    except TargetSkipped as skipped:
        return [(kind, "skip", [str(skipped)]) for kind in kinds]
    except (TargetFailed, OSError, ValueError, subprocess.SubprocessError) as error:
        lines = [str(error)] if isinstance(error, TargetFailed) else \
            traceback.format_exc().splitlines()[-4:]
        return [(kind, "FAIL", lines) for kind in kinds]
    return [(kind, "skip", [str(found)]) if isinstance(found, Skip) else
            (kind, "FAIL" if found else "pass", found) for kind, found in results.items()]


def usable(scenario):
    """Whether it stands still, so that a core shows what was seen before."""
    return (scenario.mode == "running" and not scenario.heartbeat and not scenario.settle
            and not scenario.name.startswith("uninterruptible"))  # gdb waits for ever


# --- cores that are not as they should be ---

PACKERS = (("gzip", "-1"), ("lz4", "-1"), ("xz", "-0"), ("zstd", "-1"))


def show(asyncspy, path, *options):
    done = subprocess.run([asyncspy, "dump", "--format=json", "--core", path, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
    return done, json.loads(done.stdout.decode()) if done.returncode == 0 else None


def refused(asyncspy, path, words, *options):
    done, _ = show(asyncspy, path, *options)
    message = done.stderr.decode(errors="replace")
    if done.returncode != 1 or done.stdout or message.count("\n") != 1 or words not in message:
        yield "%s: exit %d: %s" % (words, done.returncode, message.strip())


def plain_of(snapshot):
    """What does not depend on the file."""
    return {key: value for key, value in snapshot.items()
            if key not in ("captured_at", "capture", "target")}


def packed(context, path):
    whole = show(context.asyncspy, path)[1]
    for program, level in PACKERS:
        if not shutil.which(program):
            continue
        other = os.path.join(context.folder, "packed")
        with open(path, "rb") as opened, open(other, "wb") as out:
            subprocess.run([program, level, "-c"], stdin=opened, stdout=out, check=True)
        done, snapshot = show(context.asyncspy, other)
        if done.returncode or done.stderr and b"missing" not in done.stderr:
            yield "%s: exit %d: %s" % (program, done.returncode, done.stderr.decode())
        elif plain_of(snapshot) != plain_of(whole):
            yield "%s: another picture" % program
        os.truncate(other, os.path.getsize(other) * 3 // 4)
        yield from cut_one(context, other, whole)
        os.unlink(other)


def cut_one(context, path, whole):
    """What is there is shown, with the loss, or it is refused in one line."""
    done, snapshot = show(context.asyncspy, path)
    if done.returncode:
        yield from refused(context.asyncspy, path, "cut off")
        return
    if not any("of memory" in row["what"] for row in snapshot["missing"]):
        yield "no row of missing tells that the core is cut off"
    yield from ("invented: %s" % finding["summary"] for finding in snapshot["findings"]
                if finding["code"] not in {found["code"] for found in whole["findings"]})


def cut_off(context, path):
    whole, size = show(context.asyncspy, path)[1], os.path.getsize(path)
    for share in (0.97, 0.8, 0.5, 0.2, 0.001, 0.00001):
        os.truncate(path, int(size * share))
        yield from cut_one(context, path, whole)


def other_executable(context, path):
    """The files of another build are not used, and that is said."""
    done, snapshot = show(context.asyncspy, path, "--executable=/bin/true")
    if snapshot is None:
        if b"is of another build" not in done.stderr and context.interpreter.library is None:
            yield done.stderr.decode()
    elif not any("is of another build" in row["why"] for row in snapshot["missing"]):
        yield "missing does not name the other build: %s" % compare.short(snapshot["missing"])
    _, same = show(context.asyncspy, path, "--executable=" + context.interpreter.executable)
    if same is None or len(same["missing"]) != len(ALWAYS_MISSING):
        yield "the right executable does not do"


def no_core(context, path):
    yield from refused(context.asyncspy, "/etc/passwd", "no core file")
    yield from refused(context.asyncspy, "/bin/true", "a program or a library")
    yield from refused(context.asyncspy, "/tmp", "a folder")
    yield from refused(context.asyncspy, path + ".gone", "No such file")
    empty = os.path.join(context.folder, "empty")
    open(empty, "w").close()
    yield from refused(context.asyncspy, empty, "empty")
    yield from refused(context.asyncspy, "/dev/zero", "no core file")
    yield from refused(context.asyncspy, path, "No such file", "--executable=" + path + ".gone")
    yield from refused(context.asyncspy, path, "no regular file", "--executable=/tmp")
    yield from refused(context.asyncspy, path, "No such file", "--sysroot=" + path + ".gone")
    yield from refused(context.asyncspy, path, "no folder", "--sysroot=" + empty)


def no_python(context, _):
    with subprocess.Popen(["sleep", "600"]) as sleeper:
        try:
            path = os.path.join(context.folder, "sleep")
            run_gcore(sleeper.pid, path)
            found = "%s.%d" % (path, sleeper.pid)
            yield from refused(context.asyncspy, found, "is not Python")
            os.unlink(found)
        finally:
            sleeper.kill()


def cut_off_by_gcore(context, path):
    """It writes the notes last."""
    yield from cut_off(context, path)


def shrinks(context, path):
    """Cut off while it is read."""
    with subprocess.Popen([context.asyncspy, "dump", "--format=json", "--core", path],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as reader:
        os.truncate(path, 1 << 20)
        words = reader.communicate(timeout=SECONDS)[1]
        if reader.returncode not in (0, 1):
            yield "exit %d: %s" % (reader.returncode, words.decode(errors="replace"))


# With a core by gcore and by the kernel; the last ones spoil it.
CASES = ((packed, "gcore"), (other_executable, "gcore"), (no_core, "gcore"), (no_python, "gcore"),
         (cut_off_by_gcore, "gcore"), (packed, "kernel"), (cut_off, "kernel"), (shrinks, "kernel"))


class Context:
    def __init__(self, asyncspy, interpreter, folder):
        self.asyncspy, self.interpreter, self.folder = asyncspy, interpreter, folder


def odd_cores(asyncspy, interpreter):
    """(case, status, details)"""
    scenario = next(s for s in plan.scenarios() if s.name == "wait_locks")
    with tempfile.TemporaryDirectory(prefix="asyncspy-core-") as folder:
        try:
            with Target(interpreter, scenario.path) as target:
                paths = {"gcore": by_gcore(target, folder), "kernel": by_kernel(target, folder)}
                with open(paths["kernel"], "rb") as opened:
                    whole = opened.read()
        except (Skip, TargetFailed) as reason:
            yield "odd ones", "skip" if isinstance(reason, Skip) else "FAIL", [str(reason)]
            return
        context = Context(asyncspy, interpreter, folder)
        for case, kind in CASES:
            if case is shrinks:
                with open(paths[kind], "wb") as opened:
                    opened.write(whole)
            try:
                problems = list(case(context, paths[kind]))
            except (OSError, ValueError, subprocess.SubprocessError):
                problems = traceback.format_exc().splitlines()[-4:]
            yield "%s, %s" % (case.__name__, kind), "FAIL" if problems else "pass", problems


def run(asyncspy, found, everything, pattern):
    """(row, column, status, details): few scenarios on three interpreters, or all on all."""
    from tester import load_validator
    validator, _ = load_validator()
    chosen = [s for s in plan.scenarios() if (everything or s.name in QUICK)
              or pattern and pattern == "cores: " + s.name]
    chosen = [s for s in chosen if not pattern or pattern in "cores: " + s.name]
    where = found if everything else interpreters.representatives(found)
    plain = [i for i in where if not i.root and not i.copy]
    if not pattern or pattern in "cores: odd ones":
        for interpreter in plain if everything else plain[-1:]:
            for case, status, details in odd_cores(asyncspy, interpreter):
                yield "cores: " + case, interpreter.label, status, details
    for scenario in chosen:
        for interpreter in where:
            for kind, status, details in outcome(asyncspy, interpreter, scenario, validator):
                yield ("cores: %s, %s" % (scenario.name, kind), interpreter.label, status, details)
