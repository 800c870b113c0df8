"""Runs cases of one subject: functions (context, interpreter) that yield problems, as in bad.py."""

import concurrent.futures
import traceback

import interpreters
from bad import Context, Skip
from target import TargetFailed, TargetSkipped


class Cases:
    """Which of them run where. Of those that run `alone`, never two at a time: another busy program
    would take the CPU of their targets."""

    def __init__(self, subject, everywhere=(), on_three=(), on_one=(), alone=()):
        self.subject, self.everywhere, self.on_three = subject, everywhere, on_three
        self.on_one, self.alone = on_one, alone

    def choose(self, case, usable, everything):
        if everything or case in self.everywhere:
            return usable
        three = interpreters.representatives(usable)
        return three if case in self.on_three else [i for i in usable if i.root is None][-1:] or \
            three[:1]

    def run(self, asyncspy, found, everything, pattern):
        """(row, column, status, details) of every case; mostly two at a time: they wait."""
        context = Context(asyncspy, found)
        context.found, context.everything = found, everything
        usable = [i for i in found if not i.copy]
        rows = [("%s: %s" % (self.subject, case.__name__), case, interpreter)
                for case in self.everywhere + self.on_three + self.on_one
                if not pattern or pattern in "%s: %s" % (self.subject, case.__name__)
                for interpreter in self.choose(case, usable, everything)]
        for name, case, interpreter in rows:
            if case in self.alone:
                yield (name, interpreter.label) + outcome(case, context, interpreter)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            futures = {pool.submit(outcome, case, context, interpreter): (name, interpreter.label)
                       for name, case, interpreter in rows if case not in self.alone}
            for future in concurrent.futures.as_completed(futures):
                yield futures[future] + future.result()


def context_of(context, interpreter):
    other = Context(context.asyncspy, context.found)
    other.found, other.interpreter, other.everything = (context.found, interpreter,
                                                        context.everything)
    return other


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
