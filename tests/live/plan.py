"""The scenarios, what they say about themselves, and which of them run where."""

import ast
import glob
import os

import interpreters

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")

# What a scenario file may set at its top level, with what holds where it does not.
DEFAULTS = {
    "SMOKE": False,          # runs on every interpreter, in every mode
    "MIN_VERSION": (0, 0),   # first minor it applies to
    "MAX_VERSION": (99, 0),  # last one
    "MODE": "running",       # capture.mode of the snapshot; None: any
    "SECOND_LOOK": False,    # dumped without --once, for findings that take two looks
    "SETTLE": 0,             # seconds from the picture to the first dump
    "DUMP": [],              # more options for `asyncspy dump`
    "REPEAT": 1,             # so many dumps of the one target
    "REPEAT_ALL": 0,         # with --all, where that is more
    "HEARTBEAT": False,      # it counts in a file while it runs
}


class Scenario:
    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as opened:
            tree = ast.parse(opened.read())
        self.summary = " ".join((ast.get_docstring(tree) or "").split())
        facts = dict(DEFAULTS)
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if node.targets[0].id in facts:
                    facts[node.targets[0].id] = ast.literal_eval(node.value)
        self.smoke, self.mode, self.repeat = facts["SMOKE"], facts["MODE"], facts["REPEAT"]
        self.repeat_all = max(facts["REPEAT_ALL"], self.repeat)
        self.minimum, self.maximum = facts["MIN_VERSION"], facts["MAX_VERSION"]
        self.second_look, self.settle = facts["SECOND_LOOK"], facts["SETTLE"]
        self.dump, self.heartbeat = facts["DUMP"], facts["HEARTBEAT"]

    def reason_to_skip(self, interpreter):
        if interpreter.minor < self.minimum:
            return "needs CPython %d.%d" % self.minimum
        if interpreter.minor > self.maximum:
            return "not after CPython %d.%d" % self.maximum
        return None


def scenarios(pattern=None):
    found = [Scenario(path) for path in sorted(glob.glob(os.path.join(SCENARIOS, "*.py")))]
    return [s for s in found if not pattern or pattern in s.name]


def pairs(found, chosen, everything):
    """(interpreter, scenario) to run: all of them, or all on three and the smoke ones on all."""
    main = found if everything else interpreters.representatives(found)
    if everything:
        for scenario in chosen:
            scenario.repeat = scenario.repeat_all
    return [(interpreter, scenario) for scenario in chosen for interpreter in found
            if scenario.smoke or interpreter in main and not interpreter.copy]
