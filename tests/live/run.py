#!/usr/bin/python3
"""The live tests: asyncspy against every CPython found, on programs that say what is right.

  run.py            every scenario on three interpreters, the smoke ones on all   (--quick)
  run.py --all      everything on everything
  run.py --self-check   the scenarios and the comparison themselves, without asyncspy
"""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import bad
import children
import compare
import cores
import interpreters
import kill
import line_tables
import odd
import plan
import ps
import readers
import record
import servers
import top
import verdict
from target import Target, TargetFailed, TargetSkipped
from tester import Tester

PROBLEMS_SHOWN = 12
# What is no scenario. Each has run(asyncspy, interpreters, everything, pattern), which yields
# (row, column, "pass" / "FAIL" / "skip", [problem or reason, ...]) and leaves out rows that do
# not contain the pattern.
MORE_TESTS = (line_tables, readers, kill, bad, odd, ps, children, servers, cores, record, top)


class Result:
    def __init__(self, row, column, status, details=()):
        self.row, self.column, self.status, self.details = row, column, status, list(details)


def self_check(interpreter, scenario):
    """Whether a scenario freezes, and whether the comparison would see a wrong snapshot."""
    with Target(interpreter, scenario.path, scenario.heartbeat) as target:
        before = target.activity()
        time.sleep(0.05)
        moves = target.activity() != before
        problems = target.problems_after_dump()
        if scenario.mode in ("running", "nonblocking") and not scenario.heartbeat and moves:
            problems.append("the target does not stand still")
        complaints = target.complaints()
        if complaints:
            problems.append("the target complains: " + complaints.splitlines()[-1])
        return problems + compare_check(target.expectation)


def compare_check(expectation):
    """The comparison accepts the right snapshot and refuses wrong ones."""
    expectation = compare.at(expectation, time.monotonic(), time.monotonic())
    snapshot = compare.as_snapshot(expectation)
    problems = compare.compare(expectation, snapshot, "running")
    firm = [task for task in expectation["tasks"] if not task.get("optional") and task["notes"] == []]
    wrong = [dict(snapshot, missing=[{"what": "a", "why": "b"}])]
    if firm:
        index = expectation["tasks"].index(firm[0])
        task = snapshot["tasks"][index]
        others = snapshot["tasks"][:index] + snapshot["tasks"][index + 1:]
        wrong += [dict(snapshot, tasks=others), dict(snapshot, tasks=others + [task, task]),
                  dict(snapshot, tasks=others + [dict(task, notes=["torn"])])]
        if task["frames"]:
            frame = dict(task["frames"][0], function="other")
            wrong.append(dict(snapshot, tasks=others + [dict(
                task, frames=[frame] + task["frames"][1:])]))
    wrong += wrong_conclusions(expectation, snapshot)
    for snapshot in wrong:
        if expectation["options"].get("incomplete") or expectation["options"].get("exact") is False:
            break
        if not compare.compare(expectation, snapshot, "running"):
            problems.append("the comparison accepts a wrong snapshot")
    return problems


def wrong_conclusions(expectation, snapshot):
    """Snapshots that lack an object, a socket or a finding, or have a finding too many."""
    wrong = [dict(snapshot, **{name: snapshot[name][1:]}) for name in ("objects", "sockets")
             if snapshot[name]]
    if expectation.get("verdict"):
        more = verdict.as_finding({"keys": {"code": "OTHER"}, "contains": []})
        wrong += [dict(snapshot, findings=snapshot["findings"] + [more]),
                  dict(snapshot, verdict={"code": "OTHER"})]
    if expectation.get("findings"):
        wrong.append(dict(snapshot, findings=snapshot["findings"][1:]))
    return wrong


def run_one(test, interpreter, scenario):
    reason = scenario.reason_to_skip(interpreter)
    if reason:
        return Result(scenario.name, interpreter.label, "skip", [reason])
    try:
        problems = test(interpreter, scenario)
    except TargetSkipped as reason:
        return Result(scenario.name, interpreter.label, "skip", [str(reason)])
    except TargetFailed as error:
        problems = ["the scenario failed: %s" % error]
    except subprocess.TimeoutExpired as error:
        problems = ["no answer within %d s" % error.timeout]
    except Exception:  # pylint: disable=broad-except
        problems = traceback.format_exc().splitlines()[-6:]
    return Result(scenario.name, interpreter.label, "FAIL" if problems else "pass", problems)


def run_all(test, pairs, jobs):
    results = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(run_one, test, *pair) for pair in pairs]
        for future in concurrent.futures.as_completed(futures):
            results.append(report(future.result()))
    return results


def report(result):
    if result.status == "FAIL":
        print("FAIL %s on %s" % (result.row, result.column))
        for problem in result.details[:PROBLEMS_SHOWN]:
            print("     " + ascii(problem)[1:-1])
        if len(result.details) > PROBLEMS_SHOWN:
            print("     and %d more" % (len(result.details) - PROBLEMS_SHOWN))
        sys.stdout.flush()
    return result


def in_order(label):
    """A label as what it is sorted by: 3.6 before 3.10."""
    return [(int(part), "") if part.isdigit() else (99, part)
            for part in label.replace("-", ".").split(".")]


def print_matrix(results):
    columns = sorted({r.column for r in results}, key=in_order)
    rows = list(dict.fromkeys(r.row for r in sorted(results, key=lambda r: r.row)))
    marks = {(r.row, r.column): {"pass": "+", "FAIL": "F", "skip": "-"}[r.status] for r in results}
    print("\nmatrix: + pass, F fail, - skipped, blank: not in this mode")
    for number, column in enumerate(columns):
        print("  %s %s" % (" | " * number, column))
    for row in rows:
        print("  %s %s" % ("  ".join(marks.get((row, column), " ") for column in columns), row))
    reasons = {}
    for result in results:
        if result.status == "skip":
            reasons.setdefault(result.details[0], []).append("%s on %s" % (result.row,
                                                                           result.column))
    for reason, skipped in sorted(reasons.items()):
        print("skipped: %s: %s" % (reason, ", ".join(sorted(skipped))))


def missing_minors(found, required):
    return [minor for minor in required if minor not in {i.minor for i in found}]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the default")
    parser.add_argument("--all", action="store_true", help="everything on everything")
    parser.add_argument("--self-check", action="store_true", help="without asyncspy")
    parser.add_argument("-k", metavar="PATTERN", help="only what has PATTERN in its name")
    parser.add_argument("--interpreter", metavar="TEXT", help="only labels that contain TEXT")
    parser.add_argument("--require", metavar="MINORS", type=interpreters.parse_minors,
                        default=(), help="fail when one of e.g. 3.11,3.12 is absent")
    parser.add_argument("--jobs", type=int, default=min(8, 3 * (os.cpu_count() or 1)),
                        help="scenarios at a time: mostly they wait")
    parser.add_argument("--list", action="store_true", help="list interpreters and scenarios")
    return parser.parse_args()


def gather_interpreters(arguments, folder):
    """(interpreters, lines about what is not among them)."""
    found, unused = interpreters.find()
    copies, not_copied = interpreters.stripped_copies(found, folder)
    found = sorted(found + copies, key=lambda i: (i.version, i.debug, i.label))
    remarks = ["not used: %s: %s" % remark for remark in unused + not_copied]
    absent = missing_minors(found, interpreters.MINORS)
    if absent:
        remarks.append("not found: " + ", ".join("CPython %d.%d" % minor for minor in absent))
    if arguments.interpreter:
        found = [i for i in found if arguments.interpreter in i.label]
    return found, remarks


def execute(arguments, found):
    """All results, None when nothing can be run."""
    chosen = plan.scenarios(arguments.k)
    if arguments.list:
        for item in found:
            print("%-28s %s" % (item.label, " ".join(item.command)))
        for item in chosen:
            print("%-28s %s%s" % (item.name, "[smoke] " if item.smoke else "", item.summary))
        return []
    if not found:
        print("no interpreter to test with")
        return None
    pairs = plan.pairs(found, chosen, arguments.all)
    if arguments.self_check:
        return run_all(self_check, pairs, arguments.jobs)
    asyncspy = os.environ.get("ASYNCSPY") or os.path.join(interpreters.REPOSITORY, "build",
                                                          "asyncspy")
    if not shutil.which(asyncspy):
        print("%s does not exist: build it first, or use --self-check" % asyncspy)
        return None
    tester = Tester(os.path.abspath(asyncspy))
    if tester.no_schema:
        print("the JSON Schema is not checked: " + tester.no_schema)
    began = time.monotonic()
    results = run_all(tester, pairs, arguments.jobs)
    times = {"scenarios": time.monotonic() - began}
    for module in MORE_TESTS:
        began = time.monotonic()
        for outcome in module.run(tester.asyncspy, found, arguments.all, arguments.k):
            results.append(report(Result(*outcome)))
        times[module.__name__] = time.monotonic() - began
    print("seconds: " + ", ".join("%s %.0f" % item for item in times.items() if item[1] >= 1))
    return results


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="asyncspy-live-") as folder:
        found, remarks = gather_interpreters(arguments, folder)
        results = execute(arguments, found)
    if results is None:
        return 1
    if arguments.list:
        return 0
    print_matrix(results)
    print("\n".join(remarks))
    count = {status: sum(r.status == status for r in results) for status in ("pass", "FAIL",
                                                                             "skip")}
    lost = missing_minors_of(results, arguments)
    for minor in lost:
        print("FAIL: required CPython %d.%d was not found" % minor)
    print("%d passed, %d failed, %d skipped" % (count["pass"], count["FAIL"] + len(lost),
                                                count["skip"]))
    return 1 if count["FAIL"] or lost else 0


def missing_minors_of(results, arguments):
    """Required minors that no result is about."""
    present = {tuple(int(n) for n in r.column.split("-")[0].split(".")[:2])
               for r in results if r.column[0].isdigit()}
    return [minor for minor in arguments.require if minor not in present]


if __name__ == "__main__":
    sys.exit(main())
