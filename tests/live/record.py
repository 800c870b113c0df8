"""asyncspy record and report: what samples say, what ends a recording, and what is left behind.

Each case is a function that yields problems, as in bad.py.
"""

import concurrent.futures
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import bad
import compare
import interpreters
import plan
import ps
from bad import Context, Skip, refused, wait_for
from target import Target, TargetFailed, TargetSkipped, kernel_can_prove_quiet

sys.path.insert(0, os.path.join(interpreters.REPOSITORY, "tests", "formats"))
import trace_rules  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
SECONDS = 60
ENDINGS = {"html": ".html", "svg": ".svg", "trace": ".json", "speedscope": ".speedscope.json",
           "collapsed": ".folded", "pprof": ".pb.gz", "jsonl": ".jsonl"}
# A share that n samples tell is off by more than this many standard deviations once in 16,000
# times; what the machine does besides is within the rest. A busy machine has fewer samples.
DEVIATIONS, REST = 4, 0.02
SAMPLES_WANTED, RECORDINGS = 150, 4
# Scenarios that stand still, with most of what a task can wait for.
FROZEN_EVERYWHERE = ("wait_locks", "wait_sockets")
FROZEN = FROZEN_EVERYWHERE + ("wait_queues", "wait_groups", "wait_sleep", "wait_executor",
                              "wait_tasks", "wait_semaphores")


# Only a search of the whole memory tells that it is one, and samples make none.
UNKNOWN_SHIELD = ((3, 6), "kind", "future")


def read_source(name):
    with open(os.path.join(PROGRAMS, "record_%s.py" % name), encoding="utf-8") as opened:
        return opened.read()


def program(context, name):
    return ps.program(context, read_source(name))


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="asyncspy-record-") as path:
        yield path


def read(path, mode="r"):
    with open(path, mode) as opened:
        return opened.read()


def stacks_of(path):
    """[(frames, seconds)] of a file of collapsed stacks."""
    rows = []
    for line in read(path).splitlines():
        stack, _, weight = line.rpartition(" ")
        rows.append((stack.split(";"), int(weight) / 1e6))
    return rows


def lines_of(path):
    return [json.loads(line) for line in read(path).splitlines()]


def samples_said(done):
    """How many samples the summary tells of."""
    found = re.match(rb"(\d+) samples in ", done.stderr)
    return int(found.group(1)) if found else 0


def done_well(done, *words):
    """Problems of a run that had to end well, with a summary that contains `words`."""
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0 or done.stdout:
        yield "exit %s, stdout %s, stderr %s" % (done.returncode, compare.short(done.stdout), said)
    for word in words:
        if word not in said:
            yield "the summary lacks %r: %s" % (word, said)


def tolerance(share, samples):
    return DEVIATIONS * (share * (1 - share) / max(samples, 1)) ** 0.5 + REST


def differs(what, share, expected, samples):
    if abs(share - expected) > tolerance(expected, samples):
        yield "%s has %.3f instead of %.3f of the time, %d samples" % (what, share, expected,
                                                                       samples)


def weigh(stacks, *names):
    """The time of the stacks with a frame that begins with each of the names."""
    return [sum(weight for stack, weight in stacks
                if any(frame.startswith(name) for frame in stack)) for name in names]


# --- what samples say ---


def shares(context, mode):
    """heavy() and light() burn 3:1."""
    with program(context, "shares") as process, folder() as path:
        count, stacks, tasks = 0, [], []
        for _ in range(RECORDINGS):
            output = os.path.join(path, "out.folded")
            done = context.run("record", "-p", process.pid, "-d", 1.5, "-r", 400, "--mode", mode,
                               "-o", output, "--keep-raw", "--force")
            yield from done_well(done)
            count += samples_said(done)
            found, others = stacks_of(output), stacks_of_tasks(context, path)
            stacks, tasks = stacks + found, tasks + others
            heavy, light = weigh(found, "heavy (", "light (")
            if mode == "running" and not 1.2 <= heavy + light <= 1.6:
                yield "they ran for %.2f of 1.5 s: %s" % (heavy + light, found)
            if count >= SAMPLES_WANTED:
                break
        heavy, light = weigh(stacks, "heavy (", "light (")
        yield from differs("heavy, " + mode, heavy / (heavy + light or 1), 0.75, count)
        if mode == "cpu" and heavy + light < 0.9 * sum(weight for _, weight in stacks):
            yield "others used the CPU: %s" % stacks
        for name, expected in (("heavy (", 0.75), ("light (", 0.25)):
            rows = [row for row in tasks if row[0][0].startswith(name)]
            runs, = weigh(rows, "spin (")
            yield from differs(name + "..., of its time", runs / (sum(row[1] for row in rows) or 1),
                               expected, count)
        yield from ps_is_left_alone(process.pid, "RS")


def stacks_of_tasks(context, path):
    """The same recording as tasks: each of them runs or is ready."""
    output = os.path.join(path, "tasks.folded")
    context.run("report", os.path.join(path, "out.asyncspy"), "--mode", "tasks", "--force", "-o",
                output)
    return stacks_of(output)


def shares_running(context, interpreter):
    yield from shares(context, "running")


def shares_cpu(context, interpreter):
    yield from shares(context, "cpu")


def lock_and_sleep(context, interpreter):
    with program(context, "lock") as process, folder() as path:
        output = os.path.join(path, "out.folded")
        done = context.run("record", "-p", process.pid, "-d", 2, "-r", 200, "-o", output)
        yield from done_well(done)
        count, leaves = samples_said(done), {}
        for stack, weight in stacks_of(output):
            leaves[stack[-1]] = leaves.get(stack[-1], 0) + weight
            if not stack[0].startswith("worker ("):
                yield "the stack of another task: %s" % stack
        whole = sum(leaves.values())
        lock, sleep = leaves.pop("Lock#1 'pool.guard'", 0), leaves.pop("sleep", 0)
        yield from differs("the lock", lock / whole, 0.75, count)
        yield from differs("the sleep", sleep / whole, 0.25, count)
        if sum(leaves.values()) > 0.1 * whole or not 1.8 <= whole <= 2.1:
            yield "more leaves, of %.2f s in all: %s" % (whole, leaves)


def hung(context, interpreter):
    """Everything waits, nothing runs."""
    if not kernel_can_prove_quiet():
        raise Skip("this kernel has no schedstat")
    with scenario(interpreter, "hang_two_locks") as target, folder() as path:
        output = os.path.join(path, "out.folded")
        done = context.run("record", "-p", target.pid, "-d", 1, "-o", output)
        yield from done_well(done, "the process was never stopped", "errors: 0 ", "nothing ran",
                             output)
        if not 50 <= samples_said(done) <= 150:
            yield "%d samples in 1 s" % samples_said(done)
        stacks = stacks_of(output)
        if not any(stack[-1].startswith("Lock#") for stack, _ in stacks):
            yield "no stack waits for a lock: %s" % stacks
        yield from ("a leaf that is no wait: %s" % stack for stack, _ in stacks
                    if stack[-1].endswith(")") and ".py:" in stack[-1])
        yield from target.problems_after_dump()


def follow_tasks(lines):
    """(tasks by number that are there at the end, all numbers, problems): each life is whole."""
    living, seen, problems, number = {}, set(), [], 0
    for sample in (line["sample"] for line in lines if "sample" in line):
        if sample["number"] != number + 1:
            problems.append("sample %d follows %d" % (sample["number"], number))
        number = sample["number"]
        for change in sample["changes"]:
            task, kind = change["number"], change["change"]
            if kind == "new" and task in seen:
                problems.append("task %d is born again" % task)
            if kind != "new" and task not in living:
                problems.append("task %d is %s, but not there" % (task, kind))
            seen.add(task)
            if kind == "gone":
                living.pop(task, None)
            elif change["task"]["number"] != task:
                problems.append("task %d is %d" % (task, change["task"]["number"]))
            else:
                living[task] = change["task"]
        for loop in sample["loops"]:
            if loop["task"] is not None and loop["task"] not in living:
                problems.append("a loop runs task %d, which is not there" % loop["task"])
    return living, seen, problems


def named_twice(lines):
    """No task is shown that never was, and none is two: each has another name."""
    numbers = {}
    for change in (change for line in lines if "sample" in line
                   for change in line["sample"]["changes"] if change["task"]):
        name = change["task"]["name"]
        if not change["task"]["event_loop"] or change["task"]["coroutine"] not in ("child", "main"):
            yield "there was no such task: %s" % change["task"]
            return
        if name and numbers.setdefault(name, change["number"]) != change["number"]:
            yield "%s is %d and %d" % (name, numbers[name], change["number"])
            return


def births(context, interpreter):
    with program(context, "births") as process, folder() as path:
        output = os.path.join(path, "out.jsonl")
        done = context.run("record", "-p", process.pid, "-d", 2, "-r", 200, "-o", output)
        yield from done_well(done, "errors: 0 ")
        lines = lines_of(output)
        living, seen, problems = follow_tasks(lines)
        yield from problems[:5]
        if lines[-1].get("end", {}).get("failed") != 0:
            yield "the last line: %s" % compare.short(json.dumps(lines[-1]))
        # 400 a second are made; each lives for 10 to 70 ms, 400 * 0.04 at a time.
        if not 100 < len(seen) < 1200 or not 4 <= len(living) <= 60:
            yield "%d tasks, %d of them at the end" % (len(seen), len(living))
        yield from named_twice(lines)


@contextlib.contextmanager
def scenario(interpreter, name):
    path = os.path.join(bad.SCENARIOS, name + ".py")
    reason = plan.Scenario(path).reason_to_skip(interpreter)
    if reason:
        raise TargetSkipped(reason)
    with Target(interpreter, path) as target:
        yield target


def plain_task(task):
    """What a dump and a recording both say of a task."""
    wait = task["awaiting"] or {}
    return {"id": task["id"], "name": task["name"], "coroutine": task["coroutine"],
            "state": task["state"], "kind": wait.get("kind"), "pid": wait.get("pid"),
            "event_loop": task["event_loop"],
            "file": wait.get("text", "").partition(",")[0]
                    if wait.get("kind", "").startswith("socket") else None,
            "frames": [[frame[key] for key in ("function", "qualified_name", "file", "line")]
                       for frame in task["frames"]]}


def dump_frames(snapshot):
    """The tasks of a snapshot with their frames in place of numbers."""
    tasks = []
    for task in snapshot["tasks"]:
        frames = [snapshot["frames"][i] if isinstance(i, int) else i for i in task["frames"]]
        tasks.append(plain_task(dict(task, frames=frames)))
    return {task["id"]: task for task in tasks}


def compare_with_dump(context, interpreter, name):
    with scenario(interpreter, name) as target, folder() as path:
        output = os.path.join(path, "out.jsonl")
        yield from done_well(context.run("record", "-p", target.pid, "-d", 0.2, "-o", output),
                             "errors: 0 ")
        dumped = context.run("dump", "-p", target.pid, "--once", "--format", "json")
        yield from bad.accepted(dumped)
        living, seen, problems = follow_tasks(lines_of(output))
        yield from problems[:5]
        if len(seen) != len(living):
            yield "%d tasks were seen, %d are there" % (len(seen), len(living))
        said = {task["id"]: plain_task(task) for task in living.values()}
        expected = dump_frames(json.loads(dumped.stdout))
        for key in sorted(set(said) ^ set(expected)):
            yield "only the %s has %s" % ("recording" if key in said else "dump",
                                          said.get(key) or expected.get(key))
        for key in sorted(set(said) & set(expected)):
            yield from ("%s of %s: %s instead of %s" % (part, expected[key]["name"],
                                                        said[key][part], expected[key][part])
                        for part in said[key] if said[key][part] != expected[key][part]
                        and (interpreter.minor, part, said[key][part]) != UNKNOWN_SHIELD)
        dumped_tasks = {task["id"]: task for task in json.loads(dumped.stdout)["tasks"]}
        yield from objects_differ(living.values(), dumped_tasks)


def objects_differ(tasks, dumped):
    """Tasks wait for the same object in the recording where they do in the dump; its number is
    another one."""
    pairs = set()
    for task in tasks:
        wait = task["awaiting"] or {"object": None}
        other = (dumped.get(task["id"], {}).get("awaiting") or {}).get("object")
        if (wait["object"] is None) != (other is None):
            yield "%s waits for object %s, in the dump for %s" % (task["name"], wait["object"],
                                                                  other)
        pairs.add((wait["object"], other))
    for side in (0, 1):
        if len({pair[side] for pair in pairs}) != len(pairs):
            yield "the objects are not those of the dump: %s" % sorted(map(str, pairs))
            return


def same_as_dump(context, interpreter):
    """What is frozen is in a recording what it is in a dump."""
    main = context.everything or interpreter in interpreters.representatives(context.found)
    for name in FROZEN if main else FROZEN_EVERYWHERE:
        try:
            for problem in compare_with_dump(context, interpreter, name):
                yield "%s: %s" % (name, problem)
        except TargetSkipped:
            pass


# --- what ends a recording ---


def start_record(context, *arguments, **keys):
    keys.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen([context.asyncspy, "record"] + [str(a) for a in arguments],
                            stdout=subprocess.PIPE, **keys)


def finish(process):
    output, errors = process.communicate(timeout=SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def wait_for_size(path, size=1):
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path) >= size)


def ps_is_left_alone(pid, letters):
    """The process runs on: neither stopped nor traced."""
    wait_for(lambda: b"TracerPid:\t0\n" in read("/proc/%d/status" % pid, "rb"))
    state, _ = ps.activity(pid)
    if state not in letters:
        yield "the process is in state %s" % state


def target_killed(context, interpreter):
    with program(context, "mixed") as process, folder() as path:
        output = os.path.join(path, "out.folded")
        recorder = start_record(context, "-p", process.pid, "-o", output)
        wait_for_size(os.path.join(path, "out.asyncspy"))
        time.sleep(0.5)
        process.kill()
        done = finish(recorder)
        yield from done_well(done, "until it ended")
        if not stacks_of(output) or os.listdir(path) != ["out.folded"]:
            yield "the files: %s" % os.listdir(path)


def recorder_killed(context, interpreter):
    with program(context, "mixed") as process, folder() as path:
        for number in range(3):
            raw = os.path.join(path, "out%d.asyncspy" % number)
            output = os.path.join(path, "trace%d.json" % number)
            recorder = start_record(context, "-p", process.pid, "-r", 1000, "-o",
                                    raw.replace(".asyncspy", ".html"))
            wait_for_size(raw)
            time.sleep(0.4 + 0.0123 * number)
            recorder.kill()
            finish(recorder)
            yield from ps_is_left_alone(process.pid, "RS")
            done = context.run("report", raw, "-o", output)
            yield from done_well(done, "cut off", output)
            if samples_said(done) < 1:
                yield "no sample is left"
            yield from trace_rules.find_problems(trace_rules.load(read(output)))[:5]


def interrupted(context, interpreter):
    with program(context, "mixed") as process, folder() as path:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            output = os.path.join(path, "out%d.json" % number)
            recorder = start_record(context, "-p", process.pid, "-o", output)
            wait_for_size(output.replace(".json", ".asyncspy"))
            time.sleep(0.3)
            recorder.send_signal(number)
            yield from done_well(finish(recorder), "until interrupted", output)
            yield from trace_rules.find_problems(trace_rules.load(read(output)))[:5]
            yield from ps_is_left_alone(process.pid, "RS")


# --- a program that is started ---


def start_child(context, path, word, *options, **keys):
    keys.setdefault("env", dict(os.environ, **context.interpreter.environment))
    return start_record(context, "-o", path, *options, "--", *context.interpreter.command,
                        "-W", "ignore", "-c", read_source("child"), word, stdin=subprocess.PIPE,
                        **keys)


def child_status(context, interpreter):
    """Its exit status is passed on; its input and output are its own."""
    for word, status in (("exit 0", 0), ("exit 7", 7), ("signal 9", 137), ("signal 15", 143)):
        with folder() as path:
            output = os.path.join(path, "out.json")
            process = start_child(context, output, word)
            out, errors = process.communicate(b"some input\n", timeout=SECONDS)
            first = json.loads((out.splitlines() or [b"{}"])[0].decode())
            if process.returncode != status:
                yield "%s: exit %s: %s" % (word, process.returncode, errors)
            if first.get("input") != "some input\n" or b"this is stderr\n" not in errors:
                yield "%s: stdout %s, stderr %s" % (word, out, errors)
            if b"until it ended" not in errors or os.listdir(path) != ["out.json"]:
                yield "%s: %s, %s" % (word, os.listdir(path), errors)
            else:
                yield from trace_rules.find_problems(trace_rules.load(read(output)))[:5]


def child_as_before(context, interpreter):
    """Limits and signals of the program are those without asyncspy."""
    def lower():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2})
    with folder() as path:
        process = start_child(context, os.path.join(path, "out.json"), "exit 0",
                              preexec_fn=lower)
        out, errors = process.communicate(b"\n", timeout=SECONDS)
        said = json.loads(out.decode() or "{}")
        plain = subprocess.run(context.interpreter.command + ["-W", "ignore", "-c",
                                                              read_source("child"), "exit 0"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, input=b"\n",
                               timeout=SECONDS, preexec_fn=lower,
                               env=dict(os.environ, **context.interpreter.environment))
        expected = json.loads(plain.stdout.decode())
        for key in ("limit", "masks"):
            if said.get(key) != expected[key]:
                yield "%s: %s instead of %s: %s" % (key, said.get(key), expected[key], errors)


def child_signals(context, interpreter):
    """A signal that asyncspy alone gets is for the program, which ends as it wants to."""
    for number, status in ((signal.SIGTERM, 41), (signal.SIGINT, 42)):
        with folder() as path:
            output = os.path.join(path, "out.folded")
            process = start_child(context, output, "wait", start_new_session=True)
            process.stdin.write(b"\n")
            process.stdin.flush()
            first = process.stdout.readline()
            wait_for_size(os.path.join(path, "out.asyncspy"))
            time.sleep(0.4)
            process.send_signal(number)
            done = finish(process)
            if done.returncode != status or done.stdout != b"signal %d\n" % number:
                yield "signal %d: exit %s, %s, %s" % (number, done.returncode, first + done.stdout,
                                                      done.stderr)
            if os.listdir(path) != ["out.folded"] or not stacks_of(output):
                yield "signal %d: %s" % (number, os.listdir(path))


def child_outlives(context, interpreter):
    """The recording ends before the program: that runs on, and its status is passed on."""
    with folder() as path:
        output = os.path.join(path, "out.folded")
        process = start_child(context, output, "exit 3", "-d", "0.1")
        out, errors = process.communicate(b"\n", timeout=SECONDS)
        if process.returncode != 3 or b"until the time was over" not in errors:
            yield "exit %s, %s, %s" % (process.returncode, out, errors)


def no_such_command(context, interpreter):
    with folder() as path:
        output = os.path.join(path, "out.json")
        yield from refused(context.run("record", "-o", output, "--", "/no/such/command"),
                           "/no/such/command")
        done = context.run("record", "-o", output, "--", "sleep", "0.5")
        yield from refused(done, "python")
        if os.listdir(path):
            yield "left behind: %s" % os.listdir(path)


# --- files ---


def every_format(context, interpreter):
    """Each format of one recording, and the same from what was kept of it."""
    with program(context, "mixed") as process, folder() as path:
        raw = os.path.join(path, "first.asyncspy")
        yield from done_well(context.run("record", "-p", process.pid, "-d", 1, "-o",
                                         os.path.join(path, "first.json"), "--keep-raw"), raw)
        yield from trace_rules.find_problems(trace_rules.load(read(path + "/first.json")))[:5]
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


EVERYWHERE = (shares_running, lock_and_sleep, same_as_dump)
ON_THREE = (shares_cpu, hung, births, recorder_killed, nonblocking)
ON_ONE = (target_killed, interrupted, child_status, child_as_before, child_signals,
          child_outlives, no_such_command, every_format, existing_file, full_disk, file_limit)


ALONE = (shares_running, shares_cpu)  # a second busy program would take their CPU


def context_of(context, interpreter):
    other = Context(context.asyncspy, context.found)
    other.found, other.interpreter, other.everything = (context.found, interpreter,
                                                        context.everything)
    return other


def choose(context, case, usable):
    if context.everything or case in EVERYWHERE:
        return usable
    three = interpreters.representatives(usable)
    return three if case in ON_THREE else [i for i in three if i.root is None][-1:] or three[:1]


def outcome(case, context, interpreter):
    try:
        problems = list(case(context_of(context, interpreter), interpreter))
    except (Skip, TargetSkipped) as reason:
        return "skip", [str(reason)]
    except TargetFailed as error:
        return "FAIL", ["the program failed: %s" % error]
    except Exception:  # pylint: disable=broad-except
        return "FAIL", traceback.format_exc().splitlines()[-4:]
    return ("FAIL" if problems else "pass"), problems


def run(asyncspy, found, everything, pattern):
    """(row, column, status, details) of every case; mostly two at a time: they wait."""
    context = Context(asyncspy, found)
    context.found, context.everything = found, everything
    usable = [i for i in found if not i.copy]
    rows = [("record: " + case.__name__, case, interpreter)
            for case in EVERYWHERE + ON_THREE + ON_ONE
            if not pattern or pattern in "record: " + case.__name__
            for interpreter in choose(context, case, usable)]
    for name, case, interpreter in rows:
        if case in ALONE:
            yield (name, interpreter.label) + outcome(case, context, interpreter)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = {pool.submit(outcome, case, context, interpreter): (name, interpreter.label)
                   for name, case, interpreter in rows if case not in ALONE}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future] + future.result()
