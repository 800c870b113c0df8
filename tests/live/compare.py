"""Compares a snapshot with the picture a scenario printed; answers with a list of problems.

In an expectation a dict stands for "these keys, whatever else is there"; a dict with one of the
keys of MATCHERS stands for a condition.
"""

import os
import re
import resource
import unicodedata

import verdict

LINES_SHOWN = 12
TEXT_WIDTH = 100
# The schema check of every one of 10,000 equal tasks takes a minute.
VALIDATED_ITEMS = 300


def count_files(folder):
    try:
        return len(os.listdir(folder))
    except OSError:  # the thread has ended meanwhile
        return 0


def true_files(pid):
    """The files of a process that does not open any now; a thread that has ended shows none."""
    tasks = "/proc/%d/task" % pid
    return {"open": max(count_files("%s/%s/fd" % (tasks, tid)) for tid in os.listdir(tasks)),
            "limit": resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]}


def matches_any_of(options, actual, path):
    attempts = [difference(option, actual, path) for option in options]
    return [] if any(not attempt for attempt in attempts) else attempts[-1]


def matches_includes(expected, actual, path):
    lost = [item for item in expected if item not in (actual or [])]
    return ["%s: %s lacks %s" % (path, short(actual), short(lost))] if lost else []


def matches_within(expected, actual, path):
    extra = [item for item in actual or [] if item not in expected]
    return ["%s: %s should not be there" % (path, short(extra))] if extra else []


def matches_set(expected, actual, path):
    if sorted(actual or []) == sorted(expected):
        return []
    return ["%s: %s instead of %s in any order" % (path, short(actual), short(expected))]


def matches_ends_with(expected, actual, path):
    if not isinstance(actual, type(expected)) or len(actual) < len(expected):
        return ["%s: %s does not end with %s" % (path, short(actual), short(expected))]
    return difference(expected, actual[len(actual) - len(expected):], path)


def matches_any(_, __, ___):
    return []


def matches_between(limits, actual, path):
    low, high = limits
    if isinstance(actual, bool) or not isinstance(actual, (int, float)):
        return ["%s: %s instead of a number" % (path, short(actual))]
    if (low is None or actual >= low) and (high is None or actual <= high):
        return []
    return ["%s: %s is not in %s" % (path, short(actual), short(limits))]


def matches_contains(words, actual, path):
    lost = [word for word in words if word not in (actual or "")]
    return ["%s: %s lacks %s" % (path, short(actual), short(lost))] if lost else []


def matches_items(expected, actual, path):
    """The items of a list in any order, each of them a condition."""
    left = list(actual or [])
    for item in expected:
        fitting = next((other for other in left if not difference(item, other, path)), None)
        if fitting is None:
            return ["%s: %s lacks %s" % (path, short(actual), short(item))]
        left.remove(fitting)
    return ["%s: %s should not be there" % (path, short(left))] if left else []


def matches_pluck(claim, actual, path):
    """A condition on the list of what the items of a list have under a key."""
    key, expected = claim
    return difference(expected, [item.get(key) for item in actual or []], path)


MATCHERS = {"any_of": matches_any_of, "includes": matches_includes, "within": matches_within,
            "set": matches_set, "ends_with": matches_ends_with, "any": matches_any,
            "between": matches_between, "contains": matches_contains, "items": matches_items,
            "pluck": matches_pluck}
# How far apart the clocks of two processes may seem to be.
CLOCK_ERROR_S = 0.05


def at(expectation, before, after):
    """An expectation with conditions on the clock turned into ranges, for a dump that was made
    between two moments of time.monotonic()."""
    if isinstance(expectation, list):
        return [at(item, before, after) for item in expectation]
    if not isinstance(expectation, dict):
        return expectation
    if "until" in expectation:
        first, last = expectation["until"]
        return {"between": [first - after - CLOCK_ERROR_S, last - before + CLOCK_ERROR_S]}
    if "since" in expectation:
        first, last = expectation["since"]
        return {"between": [before - last - CLOCK_ERROR_S, after - first + CLOCK_ERROR_S]}
    return {key: at(value, before, after) for key, value in expectation.items()}


def short(value):
    text = ascii(value)
    return text if len(text) <= 160 else text[:100] + "..." + text[-50:]


def is_condition(expected):
    """Whether a dict stands for a condition; the state of an event has a key "set" as well."""
    return (bool(expected) and set(expected) <= set(MATCHERS)
            and isinstance(expected.get("set", []), list))


def difference(expected, actual, path):
    """Problems, [] when `actual` is as expected."""
    if isinstance(expected, dict):
        if is_condition(expected):
            return [problem for key, value in expected.items()
                    for problem in MATCHERS[key](value, actual, path)]
        if not isinstance(actual, dict):
            return ["%s: %s instead of an object" % (path, short(actual))]
        problems = []
        for key, value in expected.items():
            if key not in actual:
                problems.append("%s: key %s is missing" % (path, key))
            else:
                problems += difference(value, actual[key], "%s.%s" % (path, key))
        return problems
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return ["%s: %s instead of %s" % (path, short(outline(actual)),
                                              short(outline(expected)))]
        return [problem for index, pair in enumerate(zip(expected, actual))
                for problem in difference(pair[0], pair[1], "%s[%d]" % (path, index))]
    if expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        return ["%s: %s instead of %s" % (path, short(actual), short(expected))]
    return []


def outline(value):
    """Frames as function names, for messages."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "function" in value[0]:
        return [frame.get("function") for frame in value]
    return value


def resolve(expected, stacks):
    """An expected task or thread with its stack in place of the number of one."""
    frames = expected.get("frames")
    if isinstance(frames, dict) and "stack" in frames:
        expected = dict(expected, frames=stacks[frames["stack"]])
    return expected


def listed(expected, actual, key, what, extra_allowed, stacks, extra_states=()):
    """Matches two lists of objects by a key: each once, none lost, none too many."""
    problems = []
    by_key = {}
    for item in actual:
        if item.get(key) in by_key:
            problems.append("%s %s is listed twice" % (what, item.get(key)))
        by_key[item.get(key)] = item
    for item in expected:
        optional = item.get("optional")
        wanted = {name: value for name, value in resolve(item, stacks).items()
                  if name != "optional"}
        label = "%s %s" % (what, short(item.get("name") or item[key]))
        if item[key] not in by_key:
            if not optional:
                problems.append("%s is missing" % label)
            continue
        problems += difference(wanted, by_key.pop(item[key]), label)
    if not extra_allowed:
        expected_keys = {item[key] for item in expected}
        for item in actual:
            if item.get(key) not in expected_keys and item.get("state") not in extra_states:
                problems.append("%s %s (%s) was not expected" % (what, item.get(key),
                                                                 short(item.get("name"))))
    return problems


def compare(expectation, snapshot, mode=None, pid=None):
    """All problems of a snapshot."""
    options = expectation["options"]
    stacks = expectation["stacks"]
    problems = []
    if not options.get("incomplete") and snapshot.get("missing") != []:
        problems.append("missing: %s" % short(snapshot.get("missing")))
    problems += listed(expectation["tasks"], snapshot["tasks"], "id", "task",
                       options.get("extra_tasks"), stacks,
                       ("done", "cancelled") if options.get("extra_finished") else ())
    if options.get("loops", True):
        problems += listed(expectation["event_loops"], snapshot["event_loops"], "id", "loop",
                           options.get("extra_loops"), stacks)
    if options.get("threads", True):
        problems += listed(expectation["threads"], snapshot["threads"], "ident", "thread",
                           options.get("extra_threads"), stacks)
    for name, key in (("objects", "id"), ("sockets", "fd")):
        problems += listed(expectation.get(name, []), snapshot[name], key, name[:-1], True, stacks)
    problems += verdict.problems(expectation, snapshot)
    target = {"kind": "process", "python_version": expectation["python_version"], "core": None}
    if pid is not None:
        target["pid"] = pid
        problems += difference(true_files(pid), snapshot["files"], "files")
    problems += difference(target, snapshot["target"], "target")
    if mode is not None:
        problems += difference(mode, snapshot["capture"]["mode"], "capture.mode")
    if snapshot["capture"]["mode"] != "paused" and snapshot["capture"]["pause_s"]:
        problems.append("capture.pause_s: %s without a pause" % snapshot["capture"]["pause_s"])
    return problems


def grouped_once(snapshot):
    """Every task is in at most one group, and groups name only tasks that are listed."""
    ids = [task for group in snapshot["groups"] for task in group["tasks"]]
    problems = [] if len(ids) == len(set(ids)) else ["a task is in two groups"]
    if not set(ids) <= {task["id"] for task in snapshot["tasks"]}:
        problems.append("a group names a task that is not listed")
    for group in snapshot["groups"]:
        if group["count"] != len(group["tasks"]):
            problems.append("a group of %s has %d tasks" % (group["count"], len(group["tasks"])))
    return problems


def schema_problems(validator, snapshot):
    """What the JSON Schema says; long lists are cut."""
    cut = dict(snapshot)
    for key in ("tasks", "threads", "groups"):
        cut[key] = [dict(item, tasks=item["tasks"][:5]) if key == "groups" else item
                    for item in snapshot.get(key, [])[:VALIDATED_ITEMS]]
    return ["schema: %s: %s" % ("/".join(map(str, error.path)), short(error.message))
            for error in list(validator.iter_errors(cut))[:LINES_SHOWN]]


def display_width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else
               0 if unicodedata.combining(c) else 1 for c in line)


def names_root(name, frames):
    """Whether the outermost frame is called as the coroutine is."""
    return name.rpartition(".")[2] == frames[-1]["function"]


def text_problems(text, expectation=None, width=TEXT_WIDTH):
    """What is wrong with the form for people; with an expectation: that shows every task."""
    problems = []
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        return ["text: not UTF-8: %s" % error]
    control = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]",
                        decoded)
    if control:
        problems.append("text: control character %r in %s" % (
            control.group(), short(decoded[max(0, control.start() - 40):control.end() + 20])))
    for number, line in enumerate(decoded.split("\n"), 1):
        if display_width(line) > width:
            problems.append("text: line %d has %d columns" % (number, display_width(line)))
            break
    for task in expectation["tasks"] if expectation else ():
        name = task.get("coroutine")
        if task.get("optional") or not isinstance(name, str) or len(name) > 40:
            continue
        frames = resolve(task, expectation["stacks"])["frames"]
        if not isinstance(frames, list) or not frames or not names_root(name, frames):
            continue
        if name not in decoded and name.rpartition(".")[2] not in decoded:
            problems.append("text: coroutine %s does not appear" % short(name))
    return problems[:LINES_SHOWN]


def plain(value):
    """What fulfils a condition."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_condition(value):
        return {key: plain(item) for key, item in value.items() if key != "optional"}
    kind, expected = next(iter(value.items()))
    if kind == "any_of":
        return plain(expected[0])
    if kind == "pluck":
        return [{expected[0]: item} for item in plain(expected[1])]
    if kind == "between":
        return next((limit for limit in expected if limit is not None), 0)
    if kind == "contains":
        return " ".join(expected)
    return None if kind == "any" else plain(expected)


def as_snapshot(expectation, mode="running"):
    """A snapshot that fulfils an expectation, to test this module itself."""
    def items(name):
        return [plain(resolve(item, expectation["stacks"])) for item in expectation.get(name, [])]
    return {"tasks": items("tasks"), "event_loops": items("event_loops"),
            "threads": items("threads"), "missing": [], "groups": [],
            "objects": items("objects"), "sockets": items("sockets"),
            "findings": [verdict.as_finding(plain(claim))
                         for claim in expectation.get("findings", [])],
            "verdict": expectation.get("verdict"),
            "capture": {"mode": mode, "pause_s": 0.0},
            "target": {"kind": "process", "python_version": expectation["python_version"],
                       "core": None, "pid": expectation["pid"]}}
