"""check_trace.py BUILD: a trace against the rules of its format, and what it shows."""
import copy
import sys

import trace_rules
from formats import Checks, write

LAST = 2.0  # seconds of the recording of write_trace.c
FIRST = 0.001


def find(slices, **wanted):
    return [one for one in slices if all(getattr(one, key) == value
                                         for key, value in wanted.items())]


def check_broken(checks, trace):
    """Each rule is noticed when it is broken."""
    def find_event(events, phase):
        return next(event for event in events if event["ph"] == phase)
    spoilers = {
        "unbalanced": lambda events: events.remove(find_event(events[::-1], "E")),
        "ends twice": lambda events: events.append(copy.deepcopy(find_event(events[::-1], "E"))),
        "another ends": lambda events: find_event(events, "E").update(name="another"),
        "back in time": lambda events: find_event(events[::-1], "E").update(ts=0),
        "no name": lambda events: find_event(events, "B").pop("name"),
        "no tid": lambda events: find_event(events, "B").pop("tid"),
        "counter of text": lambda events: find_event(events, "C").update(args={"ms": "1"}),
        "track without a name": lambda events: events.remove(
            next(event for event in events if event["name"] == "thread_name")),
        "process without a name": lambda events: events.remove(find_event(events, "M")),
        "shared tid": lambda events: find_event(events, "C").update(
            tid=next(event["tid"] for event in events if event["name"] == "thread_name")),
        "negative": lambda events: events.append(
            dict(find_event(events, "B"), ph="X", dur=-1, ts=2e6)),
        "overlap": lambda events: events.extend(
            dict(find_event(events, "B"), ph="X", ts=ts, dur=10) for ts in (2e6, 2e6 + 5)),
        "array": lambda events: find_event(events, "B").update(extra=[1]),
        "phase": lambda events: find_event(events, "B").update(ph="Z"),
    }
    for name, spoil in spoilers.items():
        spoilt = copy.deepcopy(trace)
        spoil(spoilt["traceEvents"])
        checks.check("broken: " + name, [] if trace_rules.find_problems(spoilt) else ["unnoticed"])
    for name, text in {"NaN": '{"a":NaN}', "twice": '{"a":1,"a":2}'}.items():
        try:
            trace_rules.load(text)
            checks.check("broken: " + name, ["unnoticed"])
        except ValueError:
            checks.check("broken: " + name, [])


def check_tasks(checks, slices):
    worker = find(slices, track="Task-2 worker()")
    checks.expect("one slice of the worker", [(one.begin, one.end, one.depth, one.args["file"])
                                              for one in find(worker, name="worker")],
                  [(FIRST, LAST, 1, "shop.py")])
    waits = find(worker, category="wait")
    checks.expect("its waits", [one.name for one in waits][:4],
                  ["Lock#1 'pool.sem'", "sleep"] * 2)
    checks.expect("how many", len(waits), 20)
    checks.expect("no gap between them", [one.end for one in waits[:-1]],
                  [one.begin for one in waits[1:]])
    checks.expect("who waits for it", {one.args["awaited_by"] for one in waits}, {"Task-1 main()"})
    visitor = find(slices, track="Task-12 visit()")
    checks.expect("a visitor", [(one.name, one.category, round(one.begin - 0.1, 3),
                                 round(one.end - 0.1, 3), one.depth) for one in visitor],
                  [("visit", "coroutine", 0.001, 0.011, 0),
                   ("not started", "ready", 0.001, 0.011, 1),
                   ("visit", "coroutine", 0.011, 0.041, 0), ("dumps", "coroutine", 0.011, 0.021, 1),
                   ("waiting", "wait", 0.021, 0.031, 1), ("ready", "ready", 0.031, 0.041, 1)])
    hostile = [one for one in slices if one.track.startswith("</script>")]
    checks.expect("a hostile task, and a thread of the same name",
                  {(one.process, one.begin, one.end) for one in hostile if one.depth == 0},
                  {("asyncio tasks of 42", FIRST, 1.501), ("process 42", FIRST, 1.001)})


def check_rest(checks, trace, slices):
    main = find(slices, track="MainThread", name="<module>")
    checks.expect("the main thread", [(one.begin, one.end, one.depth) for one in main],
                  [(FIRST, LAST, 0)])
    checks.expect("what it runs", len(find(slices, track="MainThread", name="dumps")), 40)
    checks.expect("garbage", [(one.track, one.begin) for one in slices
                              if one.name == "collecting garbage"],
                  [(track, 0.071 + 0.5 * i) for track in
                   ("garbage collector", "garbage collector of interpreter 2") for i in range(4)])
    checks.expect("GIL", find(slices, track="GIL")[1].name, "MainThread")
    loop = find(slices, track="event loop 1: _UnixSelectorEventLoop")
    checks.expect("a loop", [(one.name, one.category) for one in loop[:4]],
                  [("idle", "loop"), ("Task-10 visit()", "loop"), ("blocked", "blocked"),
                   ("idle", "loop")])
    counts = trace_rules.list_counts(trace, "tasks")
    checks.expect("counted from the first to the last", [counts[0][0], counts[-1][0]],
                  [FIRST, LAST])
    checks.expect("states", counts[1], (0.011, {"waiting": 4, "ready": 0, "running": 1}))
    checks.expect("lag", trace_rules.list_counts(trace, "event loop 1: lag")[:3],
                  [(FIRST, {"ms": 0}), (0.011, {"ms": 4.1}), (0.021, {"ms": 0})])


def main():
    checks = Checks()
    trace = trace_rules.load(write(sys.argv[1], "write_trace", "trace"))
    checks.check("the rules", trace_rules.find_problems(trace))
    check_broken(checks, trace)
    slices = trace_rules.list_slices(trace)
    check_tasks(checks, slices)
    check_rest(checks, trace, slices)
    checks.end()


main()
