"""Renders the snapshots beside this file and compares with the *.txt files.

run.py RENDER_SNAPSHOT RENDER_TOP           compare
run.py RENDER_SNAPSHOT RENDER_TOP --write   rewrite the *.txt files
"""
import difflib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata

import hangs
import screens
import snapshots

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent.parent / "include" / "asyncspy" / "snapshot.schema.json"
# A snapshot that has everything, as the unit tests see it written.
FULL = HERE.parent / "unit" / "full_snapshot.json"
WIDTHS = (80, 100, 160)
# Modes of one width each: what they show differs by more than the width.
MODES = {"all": ["-w", "100", "-a"], "verbose": ["-w", "100", "-v"],
         "ascii": ["-w", "80", "-A", "-a"], "color": ["-w", "100", "-c"],
         "graph": ["-w", "80", "-g"], "quiet": ["-w", "80", "-q"]}
HANGS = ("blocked_loop", "deadlock", "pool_exhausted", "executor_full", "silent_peer")
EXTRA = {"all": ("missing_rows", "two_loops", "deadlock", "executor_full"),
         "verbose": ("blocked_call", "weird_findings") + HANGS,
         "ascii": ("weird_names", "weird_findings"),
         "color": ("blocked_call", "blocked_loop", "silent_peer", "ok_busy"),
         "graph": ("weird_findings", "deep_chain", "no_asyncio") + HANGS,
         "quiet": ("weird_findings", "ok_idle", "ok_busy", "no_asyncio") + HANGS}
LINES_OF_FINDING = 7
LINES_OF_EQUAL_TASKS = 30
SGR = re.compile(r"\x1b\[[0-9;]*m")


def close(schema):
    """The schema without keys that it does not tell of."""
    if isinstance(schema, list):
        return [close(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: close(value) for key, value in schema.items()}
    if closed.get("type") == "object" and "required" in closed:
        closed["additionalProperties"] = False
    return closed


def load_validator(change=lambda schema: schema):
    """A function that gives the problems of a snapshot; None without python3-jsonschema."""
    try:
        import jsonschema
    except ImportError:
        return None
    schema = change(json.loads(SCHEMA.read_text()))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda value: ["%s: %s" % (error.json_path, error.message[:200])
                          for error in validator.iter_errors(value)]


def list_values(value, key, values):
    """All values of each key, at any depth."""
    values.setdefault(key, []).append(value)
    if isinstance(value, dict):
        for name, item in value.items():
            list_values(item, name, values)
    elif isinstance(value, list):
        for item in value:
            list_values(item, key, values)
    return values


def columns(line):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def is_unsafe(character):
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def check_lines(text, width):
    """Problems that no golden file may have: long lines, raw control characters."""
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        if columns(line) > width:
            problems.append("line %d has %d columns" % (number, columns(line)))
        if line != line.rstrip():
            problems.append("line %d ends in spaces" % number)
        if any(map(is_unsafe, line)):
            problems.append("line %d holds a control character" % number)
    return problems


class Run:
    def __init__(self, program, top, write):
        self.program = program
        self.top = top
        self.write = write
        self.passed = self.failed = 0

    def count(self, name, problems):
        if problems:
            self.failed += 1
            print("FAIL %s\n  %s" % (name, "\n  ".join(problems)))
        else:
            self.passed += 1

    def render(self, text, options, program=None):
        done = subprocess.run([program or self.program] + options, input=text.encode("utf-8"),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        problems = [] if done.returncode == 0 and not done.stderr else [
            "exit %d: %s" % (done.returncode, done.stderr.decode()[-2000:])]
        return done.stdout.decode("utf-8"), problems

    def compare(self, path, text):
        if self.write:
            path.write_text(text)
            return []
        known = path.read_text() if path.exists() else ""
        return list(difflib.unified_diff(known.split("\n"), text.split("\n"), path.name,
                                         "now", lineterm=""))

    def check_text(self, source, suffix, options):
        text, problems = self.render(source.read_text(), options)
        width = int(options[options.index("-w") + 1])
        problems += check_lines(SGR.sub("", text) if "-c" in options else text, width)
        path = source.with_name("%s.%s.txt" % (source.stem, suffix))
        self.count(path.name, problems + self.compare(path, text))

    def check_source(self, source, validate):
        for width in WIDTHS:
            self.check_text(source, str(width), ["-w", str(width)])
        for mode, names in EXTRA.items():
            if source.stem in names:
                self.check_text(source, mode, MODES[mode])
        self.check_json(source.name, source.read_text(), validate)

    def check_screens(self, folder):
        """The screens of top: as many lines as they have rows; none is left over from before."""
        known = set(screens.FOLDER.glob("*.txt"))
        for path, size, options in screens.list_files(folder):
            known.discard(path)
            text, problems = self.render("", options, self.top)
            width, rows = map(int, size.split("x"))
            lines = text.count("\n")
            if lines != rows * (2 if "--styles" in options else 1):
                problems.append("%d lines" % lines)
            problems += check_lines(text, width) + self.compare(path, text)
            self.count("%s/%s" % (path.parent.name, path.name), problems)
        for path in known:
            if self.write:
                path.unlink()
            else:
                self.count(path.name, ["no scene makes it"])

    def check_json(self, name, text, validate):
        """Read and written again, the snapshot says the same, and both obey the schema."""
        written, problems = self.render(text, ["-j"])
        given, result = json.loads(text), json.loads(written or "{}")
        for tasks in (given.get("tasks", []), result.get("tasks", [])):
            for task in tasks:
                task["awaited_by"] = []  # analysis fills them
        if validate:
            problems += validate(given) + validate(result)
        groups = result.pop("groups", [])
        given.pop("groups")
        if given != result:
            problems.append("the snapshot changed when it was read and written")
        if sum(group["count"] for group in groups) != len(given["tasks"]):
            problems.append("the groups do not hold every task once")
        self.count(name, problems)

    def check_full(self, validate):
        """The schema tells of every key that is ever written, and requires it."""
        full = json.loads(FULL.read_text())
        problems = ["%s has no value" % key for key, values in list_values(full, "", {}).items()
                    if all(value in (None, [], {}) for value in values)]
        self.count(FULL.name, problems + (validate(full) if validate else []))

    def check_equal_tasks(self):
        """10,000 equal tasks fit on a screen, with all that was found, and as a graph."""
        for make in (snapshots.equal_tasks, hangs.pool_exhausted):
            source = json.dumps(make(10000))
            for options in ([], ["-g"]):
                text, problems = self.render(source, ["-w", "80"] + options)
                if text.count("\n") > LINES_OF_EQUAL_TASKS:
                    problems.append("%d lines" % text.count("\n"))
                self.count("10,000 equal tasks " + make.__name__ + " ".join(options),
                           problems + check_lines(text, 80))

    def check_verdicts(self):
        """Of each hang the first seven lines below the header say what it is; the verdict alone
        takes no more of them for one finding."""
        for name in HANGS:
            source = json.dumps(getattr(hangs, name)())
            code = json.loads(source)["findings"][0]["code"].replace("_", " ")
            text, problems = self.render(source, ["-w", "80"])
            if code not in "".join(text.split("\n")[:7]):
                problems.append("%s is not in the first lines" % code)
            text, more = self.render(source, ["-w", "80", "-q"])
            lines = len(re.split(r"\n(?=!!| !| \?|OK)", text)[0].rstrip("\n").split("\n"))
            if lines > LINES_OF_FINDING:
                problems.append("%d lines for one finding" % lines)
            self.count("the verdict of " + name, problems + more)


def main():
    run = Run(sys.argv[1], sys.argv[2], "--write" in sys.argv[3:])
    validate = load_validator()
    if not validate:
        print("python3-jsonschema is not installed: the schema is not checked")
    if run.write:
        snapshots.main()
        hangs.main()
    for source in sorted(HERE.glob("*.json")):
        run.check_source(source, validate)
    with tempfile.TemporaryDirectory() as folder:
        run.check_screens(folder)
    run.check_full(load_validator(close))
    run.check_equal_tasks()
    run.check_verdicts()
    print("%d passed, %d failed" % (run.passed, run.failed))
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
