"""The rules of the Trace Event format that a trace of ours has to keep, and what it shows.

    trace = load(text)              a document; ValueError: it is no JSON
    find_problems(trace)            what is wrong with it, in words
    list_slices(trace)              what it shows
"""
import collections
import json
import math

PHASES = "BEXCM"
METADATA = {"process_name": "name", "process_labels": "labels", "process_sort_index": "sort_index",
            "thread_name": "name", "thread_sort_index": "sort_index"}
# Perfetto drops slices that lie deeper, but not their ends.
DEPTH_MAX = 255
TID_MAX = 2 ** 32 - 1

Slice = collections.namedtuple("Slice", "process track name category begin end depth args")


def load(text):
    def refuse(name):
        raise ValueError("%s is no JSON" % name)

    def make(pairs):
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a key stands twice in one object: %s" % [key for key, _ in pairs])
        return made
    return json.loads(text, parse_constant=refuse, object_pairs_hook=make)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def find_event_problems(event):
    """What one event lacks as its phase demands."""
    phase = event.get("ph")
    if phase not in PHASES or len(phase) != 1:
        yield "unknown phase %r" % phase
        return
    if list(event)[:4] != ["ph", "ts", "pid", "tid"]:
        yield "its keys begin with %s" % list(event)[:4]
    if any(isinstance(value, list) for value in event.values()):
        yield "an array in an event"
    for key in ("pid", "tid"):
        if not isinstance(event.get(key), int) or not 0 < event[key] <= TID_MAX:
            yield "%s is %r" % (key, event.get(key))
    if not is_number(event.get("ts")) or event["ts"] < 0:
        yield "ts is %r" % event.get("ts")
    if not (isinstance(event.get("name"), str) and event["name"]):
        yield "name is %r" % event.get("name")
    if phase in "BX" and not (isinstance(event.get("cat"), str) and event["cat"]):
        yield "cat is %r" % event.get("cat")
    if not isinstance(event.get("args", {}), dict):
        yield "args is %r" % event["args"]
    elif phase == "X" and not (is_number(event.get("dur")) and event["dur"] >= 0):
        yield "dur is %r" % event.get("dur")
    elif phase == "C" and not (event.get("args") and all(map(is_number, event["args"].values()))):
        yield "a counter of %r" % event.get("args")
    elif phase == "M" and METADATA.get(event.get("name")) not in event.get("args", {}):
        yield "metadata %r with %r" % (event.get("name"), event.get("args"))


def find_name_problems(events):
    """Every process and every track has a name, and no two processes share a tid."""
    named = {(event["name"], event["pid"], event["tid"]) for event in events if event["ph"] == "M"}
    processes = {pid for name, pid, _ in named if name == "process_name"}
    owners = {}
    for event in events:
        pid, tid = event["pid"], event["tid"]
        if pid not in processes:
            yield "process %d has no name" % pid
        if event["ph"] in "BEX" and ("thread_name", pid, tid) not in named:
            yield "track %d of process %d has no name" % (tid, pid)
        if owners.setdefault(tid, pid) != pid:
            yield "tid %d stands in two processes" % tid


def find_order_problems(events):
    last = {}
    for event in events:
        track = event["pid"], event["tid"], event["ph"] == "C"
        if event["ph"] != "M" and event["ts"] < last.get(track, 0):
            yield "ts goes back from %s to %s on track %s" % (last[track], event["ts"], track)
        if event["ph"] != "M":
            last[track] = event["ts"]


def match_slices(events):
    """(begin event, begin, end) of each slice in the order of their begins, and the problems of
    their pairs."""
    open_slices, slices, problems = collections.defaultdict(list), [], []
    for event in events:
        track = event["pid"], event["tid"]
        if event["ph"] == "B":
            open_slices[track].append(len(slices))
            slices.append((event, event["ts"], None))
        elif event["ph"] == "X":
            slices.append((event, event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] == "E" and not open_slices[track]:
            problems.append("an end without a begin on track %s at %s" % (track, event["ts"]))
        elif event["ph"] == "E":
            index = open_slices[track].pop()
            if event["name"] != slices[index][0]["name"]:
                problems.append("%r ends %r" % (event["name"], slices[index][0]["name"]))
            slices[index] = slices[index][:2] + (event["ts"],)
    problems += ["%r on track %d does not end" % (event["name"], event["tid"])
                 for event, _, end in slices if end is None]
    problems += ["%r ends before it begins" % event["name"] for event, begin, end in slices
                 if end is not None and end < begin]
    return [one for one in slices if one[2] is not None], problems


def nest_slices(slices):
    """(begin event, begin, end, depth) of the slices of one track, and where they overlap."""
    nested, problems, around = [], [], []
    for event, begin, end in sorted(slices, key=lambda one: (one[1], -one[2])):
        while around and around[-1][1] <= begin:
            around.pop()
        if around and end > around[-1][1]:
            problems.append("%r and %r overlap" % (around[-1][0]["name"], event["name"]))
        nested.append((event, begin, end, len(around)))
        around.append((event, end))
        if len(around) > DEPTH_MAX:
            problems.append("%r lies %d slices deep" % (event["name"], len(around)))
    return nested, problems


def split_tracks(slices):
    tracks = collections.defaultdict(list)
    for one in slices:
        tracks[one[0]["pid"], one[0]["tid"]].append(one)
    return tracks


def find_problems(trace):
    if not isinstance(trace, dict) or not isinstance(trace.get("traceEvents"), list):
        return ["there is no traceEvents"]
    problems = []
    if list(trace)[0] != "displayTimeUnit" or trace["displayTimeUnit"] not in ("ms", "ns"):
        problems.append("displayTimeUnit does not stand first")  # Perfetto: else it is too late
    if not isinstance(trace.get("otherData", {}), dict):
        problems.append("otherData is no object")
    events = trace["traceEvents"]
    for number, event in enumerate(events):
        problems += ["event %d: %s" % (number, problem) for problem in find_event_problems(event)]
    if problems:
        return problems
    problems += sorted(set(find_name_problems(events)))
    problems += find_order_problems(events)
    slices, unmatched = match_slices(events)
    problems += unmatched
    for track in split_tracks(slices).values():
        problems += nest_slices(track)[1]
    return problems


def get_names(trace):
    """What processes and tracks are called last: of a pid, of a (pid, tid)."""
    processes, tracks = {}, {}
    for event in trace["traceEvents"]:
        if event["ph"] == "M" and event["name"] == "process_name":
            processes[event["pid"]] = event["args"]["name"]
        elif event["ph"] == "M" and event["name"] == "thread_name":
            tracks[event["pid"], event["tid"]] = event["args"]["name"]
    return processes, tracks


def list_slices(trace):
    """Of a trace that keeps the rules; times in seconds."""
    processes, tracks = get_names(trace)
    return [Slice(processes[track[0]], tracks[track], event["name"], event["cat"], begin / 1e6,
                  end / 1e6, depth, event.get("args", {}))
            for track, slices in split_tracks(match_slices(trace["traceEvents"])[0]).items()
            for event, begin, end, depth in nest_slices(slices)[0]]


def list_counts(trace, name):
    """(time, values) of a counter."""
    return [(event["ts"] / 1e6, event["args"]) for event in trace["traceEvents"]
            if event["ph"] == "C" and event["name"] == name]
