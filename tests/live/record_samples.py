"""asyncspy record: what its samples say. Each case is a function that yields problems, as in bad.py."""

import json
import os
import re
import time

import bad
import compare
import interpreters
from bad import Skip
from recordings import (done_well, folder, left_alone, lines_of, program, samples_said, scenario,
                        stacks_of)
from target import TargetSkipped, kernel_can_prove_quiet

# A share that n samples tell is off by more than this many standard deviations once in 16,000
# times; what the machine does besides is within the rest. A busy machine has fewer samples.
DEVIATIONS, REST = 4, 0.02
SAMPLES_WANTED, RECORDINGS = 150, 3
# Scenarios that stand still, with most of what a task can wait for.
FROZEN_EVERYWHERE = ("wait_locks", "wait_sockets")
FROZEN = FROZEN_EVERYWHERE + ("wait_queues", "wait_groups", "wait_sleep", "wait_executor",
                              "wait_tasks", "wait_semaphores")


# Only a search of the whole memory tells that it is one, and samples make none.
UNKNOWN_SHIELD = ((3, 6), "kind", "future")


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


def shares(context, mode):
    """heavy() and light() burn 3:1."""
    with program(context, "shares") as process, folder() as path:
        count, stacks, tasks = 0, [], []
        for _ in range(RECORDINGS):
            output = os.path.join(path, "out.folded")
            began = time.monotonic()
            done = context.run("record", "-p", process.pid, "-d", 1.5, "-r", 400, "--mode", mode,
                               "-o", output, "--keep-raw", "--force")
            yield from done_well(done)
            passed = time.monotonic() - began
            count += samples_said(done)
            found, others = stacks_of(output), stacks_of_tasks(context, path)
            stacks, tasks = stacks + found, tasks + others
            heavy, light = weigh(found, "heavy (", "light (")
            if mode == "running" and not 1.2 <= heavy + light <= passed:
                yield "they ran for %.2f of %.2f s: %s" % (heavy + light, passed, found)
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
        yield from left_alone(process.pid, "RS")


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
        began = time.monotonic()
        done = context.run("record", "-p", process.pid, "-d", 2, "-r", 200, "-o", output)
        passed = time.monotonic() - began
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
        if sum(leaves.values()) > 0.1 * whole or not 1.8 <= whole <= passed:
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


# Which function of record_churn.py, or of asyncio under it, may await which; "#" for digits.
AWAITS = {
    "leaf": {"sleep", "__aenter__", "wait_for", "dyn#"},
    "dyn#": {"sleep"}, "spawner": {"wait"}, "wait": {"_wait"}, "__aenter__": {"acquire"},
    "wait_for": {"wait", "_cancel_and_wait"}, "sleep": set(), "acquire": {"locked"},
}
# What the innermost of them may wait for.
LEAVES = {
    "sleep": {"sleep"}, "acquire": {"lock"}, "_wait": {"wait"}, "wait": {"event"},
    "wait_for": {"timeout", "event"}, "_cancel_and_wait": {"timeout", "task"}, "leaf": {"gather"},
    "main": {"gather"},
}


def name_of(frame):
    return re.sub(r"\d+", "#", frame["function"])


def false_stack(task):
    """Why the stack of a task that does not run cannot have been; None: it can."""
    names = [name_of(frame) for frame in task["frames"]]
    for inner, outer in zip(names, names[1:]):
        if inner not in AWAITS.get(outer, {inner}):
            return "%s awaits %s" % (outer, inner)
    wait = task["awaiting"]
    if task["state"] == "waiting" and (not names or not wait):
        return "it waits in %s for %s" % (names, wait)
    if wait and wait["kind"] not in LEAVES.get(names[0], {"future"}) | {"future"}:
        return "%s waits for %s" % (names[0], wait["kind"])
    return None


def true_stacks(context, interpreter):
    """Tasks that live for milliseconds, and functions made anew for each: what is seen of them in the
    middle of a change is not shown."""
    for options in ((), ("--nonblocking",)):
        with program(context, "churn") as process, folder() as path:
            output = os.path.join(path, "out.jsonl")
            done = context.run("record", "-p", process.pid, "-d", 3, "-r", 300, "-o", output, *options)
            yield from done_well(done)
            shown, unknown = 0, 0
            for line in lines_of(output):
                for change in line.get("sample", {}).get("changes", ()):
                    task = change.get("task")
                    if not task or task["state"] == "running":
                        continue
                    shown += 1
                    unknown += bool(task["awaiting"]) and task["awaiting"]["kind"] == "future"
                    why = false_stack(task)
                    if why:
                        yield "%s, task %s: %s" % (" ".join(options), task["name"], why)
            if shown < 200:
                yield "only %d states of tasks were shown" % shown
            # A future whose maker has not come to wait for it yet belongs to nobody for a moment.
            if unknown > shown / 100:
                yield "%d of %d waits are for nobody knows what" % (unknown, shown)
