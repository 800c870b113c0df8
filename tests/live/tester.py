"""Dumps one target with asyncspy and compares with the picture it printed."""

import json
import os
import subprocess
import time

import compare
import interpreters
import verdict
from target import Target, kernel_can_prove_quiet

SCHEMA = os.path.join(interpreters.REPOSITORY, "include", "asyncspy", "snapshot.schema.json")
DUMP_SECONDS = 120


class Tester:
    """Runs one scenario in one interpreter."""

    def __init__(self, asyncspy):
        self.asyncspy = asyncspy
        self.validator, self.no_schema = load_validator()
        self.proves_quiet = kernel_can_prove_quiet()

    def __call__(self, interpreter, scenario):
        with Target(interpreter, scenario.path, scenario.heartbeat) as target:
            return self.check(target, scenario)

    def check(self, target, scenario):
        """Problems of the dumps of a target that stands where the scenario wants it."""
        problems = []
        time.sleep(scenario.settle)
        for _ in range(scenario.repeat):
            problems = self.dump(target, scenario)
            if problems:
                break
        problems += self.text(target, scenario)
        complaints = target.complaints()
        if complaints:
            problems.append("the target complains: " + complaints.splitlines()[-1])
        return problems

    def run(self, target, scenario, form, *more):
        command = [self.asyncspy, "dump", "--pid", str(target.pid), "--format", form] + list(more)
        command += [] if scenario.second_look else ["--once"]
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
        done = subprocess.run(command + scenario.dump, stdout=subprocess.PIPE, env=environment,
                              stderr=subprocess.PIPE, timeout=DUMP_SECONDS)
        problems = target.problems_after_dump()
        if done.returncode != 0:
            problems.append("%s: exit %d: %s" % (form, done.returncode,
                                                 compare.short(done.stderr.decode("utf-8",
                                                                                  "replace"))))
        elif done.stderr:
            problems.append("%s: stderr: %s" % (form, compare.short(done.stderr)))
        return done, problems

    def dump(self, target, scenario):
        before = time.monotonic()
        done, problems = self.run(target, scenario, "json")
        expectation = compare.at(target.expectation, before, time.monotonic())
        if done.returncode != 0:
            return problems
        try:
            snapshot = json.loads(done.stdout.decode("utf-8"))
        except ValueError as error:
            return problems + ["json: %s" % error]
        mode = scenario.mode if self.proves_quiet or scenario.mode != "running" else None
        problems += compare.compare(expectation, snapshot, mode, target.pid)
        problems += compare.grouped_once(snapshot)
        if scenario.mode != "nonblocking":
            problems += verdict.consistency(snapshot)
        if self.validator:
            problems += compare.schema_problems(self.validator, snapshot)
        return problems

    def text(self, target, scenario):
        done, problems = self.run(target, scenario, "text")
        if done.returncode != 0 or target.expectation["options"].get("incomplete"):
            return problems
        problems += compare.text_problems(done.stdout)
        every, more = self.run(target, scenario, "text", "--all-tasks", "--verbose", "--once")
        problems += more + compare.text_problems(every.stdout, target.expectation)
        return problems + verdict.text_problems(done.stdout, target.expectation)


def load_validator():
    """(validator or None, the reason for None)."""
    try:
        import jsonschema
        with open(SCHEMA, encoding="utf-8") as opened:
            schema = json.load(opened)
    except ImportError:
        return None, "python3-jsonschema is not installed"
    except OSError:
        return None, "%s does not exist" % os.path.relpath(SCHEMA, interpreters.REPOSITORY)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema), None
