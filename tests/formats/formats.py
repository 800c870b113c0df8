"""What the checks of the formats share: counting, and running the programs that write them."""
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


class Skipped(Exception):
    """Something that the check needs is not there; says what."""


class Checks:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, problems):
        """`problems` is empty when all is well."""
        if problems:
            self.failed += 1
            print("FAIL %s\n  %s" % (name, "\n  ".join(str(problem) for problem in problems[:20])))
        else:
            self.passed += 1

    def expect(self, name, value, expected):
        self.check(name, [] if value == expected else ["%r instead of %r" % (value, expected)])

    def skip(self, name, why):
        self.skipped += 1
        print("skipped %s: %s" % (name, why))

    def end(self):
        print("%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped))
        sys.exit(1 if self.failed else 0)


def write(build, program, *arguments):
    """What a program of the build folder writes."""
    return subprocess.run([pathlib.Path(build) / "tests" / program, *arguments], timeout=60,
                          stdout=subprocess.PIPE, check=True).stdout.decode("utf-8")
