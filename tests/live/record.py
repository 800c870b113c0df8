"""asyncspy record and report: which cases run where. Each is a function that yields problems, as in
bad.py.
"""

import concurrent.futures
import traceback

import interpreters
import record_ends
import record_files
import record_samples
from bad import Context, Skip
from target import TargetFailed, TargetSkipped

EVERYWHERE = (record_samples.shares_running, record_samples.lock_and_sleep,
              record_samples.same_as_dump)
ON_THREE = (record_samples.shares_cpu, record_samples.hung, record_samples.births,
            record_samples.true_stacks, record_ends.recorder_killed, record_files.nonblocking)
ON_ONE = (record_ends.target_killed, record_ends.interrupted, record_ends.child_status,
          record_ends.child_as_before, record_ends.child_signals, record_ends.child_outlives,
          record_ends.no_such_command, record_files.every_format, record_files.existing_file,
          record_files.full_disk, record_files.file_limit)
# A second busy program would take the CPU of their target.
ALONE = (record_samples.shares_running, record_samples.shares_cpu)


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
