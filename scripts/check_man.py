#!/usr/bin/env python3
"""The man pages say what --help says: every command has a page, every option is in both. Also runs
mandoc's own check. ASYNCSPY names the program (default build/asyncspy)."""

import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ASYNCSPY = os.environ.get("ASYNCSPY") or os.path.join(TOP, "build", "asyncspy")


def say_help(command):
    return subprocess.run([ASYNCSPY] + command + ["--help"], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout


def options_of_help(text):
    """{"-p", "--pid", ...}: the left column of argp's list."""
    found = set()
    for line in re.findall(r"(?m)^ {2,6}(-.*)$", text):
        found |= set(re.findall(r"(?:^|, )(--?[\w?-]+)", re.split(r" {2,}", line)[0]))
    return found


def options_of_page(page):
    """The options of the tagged lists: what stands in `.It Fl` lines."""
    found = set()
    for line in re.findall(r"(?m)^\.It (Fl .*)$", page):
        for name in re.findall(r"Fl (?:\\&)?(-?[\w?-]+)", line):
            found.add("-" + name)
    return found


def compare(name, page, text):
    """Problems of one page."""
    said, written = options_of_help(text), options_of_page(page)
    return (["%s: %s is in --help and not in the page" % (name, o) for o in sorted(said - written)] +
            ["%s: %s is in the page and not in --help" % (name, o) for o in sorted(written - said)])


def check_findings(page):
    """The page has the codes of the header, in its order, with its words."""
    with open(os.path.join(TOP, "include/asyncspy/snapshot/finding.h"), encoding="utf-8") as opened:
        rows = re.findall(r'X\((\w+),\s*"([^"]*)"\)', opened.read())
    wanted = "".join(".It Li %s\n%s%s.\n" % (code, text[0].upper(), text[1:]) for code, text in rows)
    return [] if rows and wanted in page else ["FINDINGS differs from snapshot/finding.h"]


def lint(path):
    if not shutil.which("mandoc"):
        return None
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, check=False)
    return done.stdout.splitlines()


def read_page(name):
    path = os.path.join(TOP, "man", name + ".1")
    try:
        with open(path, encoding="utf-8") as opened:
            return path, opened.read()
    except OSError:
        return path, None


def check_overview(page, overview, commands):
    written = re.findall(r"(?m)^\.It Cm (\w+)$", page)
    problems = ["asyncspy.1 does not list %s" % c for c in sorted(set(commands) - set(written))]
    problems += ["asyncspy.1 lists %s" % c for c in sorted(set(written) - set(commands))]
    for option in ("--help", "--version"):
        if option not in options_of_page(page):
            problems.append("asyncspy.1 does not list " + option)
    return problems + ([] if overview else ["asyncspy --help says nothing"])


def main():
    overview = say_help([])
    commands = re.findall(r"(?m)^  (\w+) {2,}\w", overview)
    outcomes = []
    for command in [None] + commands:
        name = "asyncspy-" + command if command else "asyncspy"
        path, page = read_page(name)
        if page is None:
            outcomes.append((name, ["man/%s.1 does not exist" % name]))
            continue
        if command:
            outcomes.append((name + ": options", compare(name, page, say_help([command]))))
        else:
            outcomes.append((name + ": commands", check_overview(page, overview, commands)))
        if command == "dump":
            outcomes.append((name + ": findings", check_findings(page)))
        outcomes.append((name + ": mandoc -Tlint", lint(path)))
    passed = failed = skipped = 0
    for name, problems in outcomes:
        print("%s  %s" % ("skip" if problems is None else "FAIL" if problems else "ok  ", name))
        for problem in problems or ():
            print("      " + problem)
        skipped += problems is None
        failed += bool(problems)
        passed += problems == []
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
