"""run.py BUILD: runs every check_*.py beside this file and adds up what they count."""
import pathlib
import re
import subprocess
import sys

SECONDS = 300
HERE = pathlib.Path(__file__).resolve().parent


def run(check, build):
    """(passed, failed, skipped); shows what the check says."""
    try:
        done = subprocess.run([sys.executable, check, build], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
        output, status = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired:
        output, status = "no end within %d s\n" % SECONDS, 1
    lines = output.splitlines()
    found = re.fullmatch(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", lines[-1] if lines else "")
    counts = [int(group or 0) for group in found.groups()] if found else [0, 0, 0]
    # A crash, or nothing tested: never a success.
    if counts[1] == 0 and (status != 0 or sum(counts) == 0):
        counts[1] = 1
    print("%-32s %d passed, %d failed, %d skipped" % (check.name, *counts))
    for line in lines[:-1] if found else lines:
        print("    " + line)
    return counts


def main():
    results = [run(check, sys.argv[1]) for check in sorted(HERE.glob("check_*.py"))]
    totals = [sum(column) for column in zip(*results)]
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
