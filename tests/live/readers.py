"""Objects of a live process, as the readers of the python layer see them.

`readers_program.py` makes objects inside an interpreter and tells of them; `run` asks
build/tests/read_objects the same and compares.
"""

import fnmatch
import os
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "readers_program.py")
TOOL = os.path.join("build", "tests", "read_objects")
ATTEMPTS = 10  # a thread that waits for the GIL looks every 5 ms whether it is free


def tool():
    """The reader; belongs to the build of asyncspy."""
    return os.path.join(os.path.dirname(os.path.dirname(HERE)), TOOL)


def is_right(answer, expected):
    """A `*` in an expectation stands for anything."""
    return fnmatch.fnmatchcase(answer, expected.replace("[", "[[]"))


def told_by(process):
    """[(question, answer)] as the process says."""
    lines = []
    for line in process.stdout:
        text = line.decode().rstrip("\n")
        if text == "END":
            return lines
        lines.append(text.split("\t"))
    return None


def problems_of(interpreter):
    return problems_in(interpreter, "--objects") + problems_in(interpreter, "--gil")


def problems_in(interpreter, part):
    with open(PROGRAM) as opened:
        program = opened.read()
    process = subprocess.Popen(interpreter.command + ["-c", program, part],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=dict(os.environ, **interpreter.environment))
    try:
        told = told_by(process)
        if told is None:
            return ["the program ended early"]
        for _ in range(ATTEMPTS):
            problems = wrong_answers(process.pid, told)
            if not problems:
                break
            time.sleep(0.1)
        return problems
    finally:
        process.kill()
        process.communicate()


def wrong_answers(pid, told):
    done = subprocess.run([tool(), str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60,
                          input="".join(question + "\n" for question, _ in told).encode())
    answers = done.stdout.decode().splitlines()
    if done.returncode or len(answers) != len(told):
        return ["%d answers of %d: %s" % (len(answers), len(told), done.stderr.decode())]
    return ["%s: '%s' instead of '%s'" % (question, answer, expected)
            for (question, expected), answer in zip(told, answers)
            if not is_right(answer, expected)]


def run(_, found, everything, pattern):
    """(row, column, status, details) for one interpreter of each minor, or for all."""
    if pattern and pattern not in "readers":
        return
    minors = set()
    for interpreter in found:
        if interpreter.minor in minors and not everything:
            continue
        minors.add(interpreter.minor)
        if not os.path.exists(tool()):
            yield "readers", interpreter.label, "skip", [TOOL + " does not exist"]
            continue
        try:
            problems = problems_of(interpreter)
        except (subprocess.SubprocessError, ValueError, OSError) as error:
            problems = [str(error)]
        yield "readers", interpreter.label, "FAIL" if problems else "pass", problems
