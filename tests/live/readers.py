"""Objects of a live process, as the readers of the python layer see them.

Run inside an interpreter it makes objects and prints for each a line `WHAT ADDRESS<TAB>answer`, then
waits for the end of stdin. `run` asks build/tests/read_objects the same and compares.
"""

import collections
import functools
import os
import subprocess
import sys

TOOL = os.path.join("build", "tests", "read_objects")

KEPT = []  # what was told of must live on


# --- inside the interpreter ---------------------------------------------------------------

def tell(what, thing, answer):
    KEPT.append(thing)
    print("%s %x\t%s" % (what, id(thing), answer))


def items(*things):
    return "".join(shown(thing) + ", " for thing in things)


def shown(thing):
    KEPT.append(thing)
    if isinstance(thing, str):
        return "'%s'" % thing
    if isinstance(thing, int):
        return "%d" % thing
    if isinstance(thing, float):
        return "%.17g" % thing
    kind = type(thing)
    name = kind.__qualname__ if kind.__module__ == "builtins" else \
        kind.__module__ + "." + kind.__qualname__
    return "%s@%x" % (name, id(thing))


class Deque(collections.deque):
    pass


class Fewer(set):
    pass


def make_closure():
    a_variable, free_variable, third = 1, "of a closure", 3

    def inner(argument):
        return a_variable, free_variable, third, argument
    return inner


def tell_callables():
    closure = make_closure()
    tell("function", closure, "inner make_closure.<locals>.inner closure 'of a closure'")
    tell("function", tell, "tell tell closure ")
    method = Deque([1]).copy
    bound = subprocess.Popen.poll.__get__(KEPT)
    tell("method", bound, "%x %x" % (id(bound.__func__), id(KEPT)))
    tell("builtin", KEPT.append, "append %x" % id(KEPT))
    tell("builtin", method, "copy %x" % id(method.__self__))
    tell("builtin", len, "len %x" % id(sys.modules["builtins"]))
    partial = functools.partial(closure, 1, 2, a=3)
    tell("partial", partial, "%x %x" % (id(closure), id(partial.args)))


def tell_values():
    for number in (0.0, 1.5, -2.25e300, float("inf")):
        tell("object", number, "%.17g" % number)
    tell("tuple", (1, "b", 2.5), items(1, "b", 2.5))
    tell("tuple", (), "")
    for sized in ([1, 2], (1, 2, 3), {1: 2}, {1, 2, 3}, frozenset((1, 2)), Deque(range(100)),
                  collections.deque(), Fewer((1, 2, 3, 4)), collections.OrderedDict(a=1, b=2)):
        tell("count", sized, len(sized))
    tell("count", object(), "0 ERROR *")


def tell_deques():
    for length in (0, 1, 31, 64, 65, 1000):
        tell("deque", Deque(range(length)), items(*range(length)))
    moving = collections.deque(maxlen=100)
    for i in range(1000):
        moving.append(i)
    tell("deque", moving, items(*range(900, 1000)))
    left = collections.deque()
    for i in range(300):
        left.appendleft(i)
    tell("deque", left, items(*reversed(range(300))))


def tell_queues():
    import queue
    if not hasattr(queue, "SimpleQueue"):
        return
    for taken, length in ((0, 0), (0, 5), (3, 5), (7, 7), (5, 40), (100, 120)):
        simple = queue.SimpleQueue()
        for i in range(length):
            simple.put(i)
        for i in range(taken):
            simple.get()
        tell("queue", simple, items(*range(taken, length)))
    ring = queue.SimpleQueue()
    for i in range(6):
        ring.put(i)
    for i in range(6, 200):
        ring.put(ring.get() * 0 + i)
    tell("queue", ring, items(*range(194, 200)))


def locals_of(generator, names):
    frame = generator.gi_frame
    return "".join("%s=%s, " % (name, shown(frame.f_locals[name])) for name in names)


def in_cells(wanted, argument, later=None):
    def inner():
        return argument, later
    yield wanted
    later = 8
    del wanted
    yield inner


def make_free():
    free = "free"

    def generator(plain):
        cell = [plain]
        yield lambda: cell
        yield free
    return generator


def tell_locals():
    for steps in range(3):
        generator = in_cells("it is", 2.5)
        for _ in range(steps):
            next(generator)
        frame = generator.gi_frame
        names = ["wanted", "argument", "later", "inner"]
        if frame.f_code.co_cellvars and not hasattr(frame.f_code, "co_qualname"):
            names = ["wanted", "inner", "argument", "later"]
        names = [name for name in names if name in frame.f_locals]
        answer = locals_of(generator, names)
        if "wanted" in names:
            answer += "wanted: 'it is'"
        tell("locals", generator, answer + " in '__main__'")
    generator = make_free()(7)
    next(generator)
    names = ["plain", "cell", "free"]
    tell("locals", generator, locals_of(generator, names) + " in '__main__'")


def main():
    tell_callables()
    tell_values()
    tell_deques()
    tell_queues()
    tell_locals()
    print("END", flush=True)
    sys.stdin.read()


# --- in the runner ------------------------------------------------------------------------

def tool():
    """The reader; belongs to the build of asyncspy."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(os.path.dirname(os.path.dirname(here)), TOOL)


def is_right(answer, expected):
    """An expectation may end in `*`: then its beginning counts."""
    if expected.endswith("*"):
        return answer.startswith(expected[:-1])
    return answer == expected


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
    with open(os.path.abspath(__file__)) as opened:
        program = opened.read()
    process = subprocess.Popen(interpreter.command + ["-c", program, "--inside"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=dict(os.environ, **interpreter.environment))
    try:
        told = told_by(process)
        if told is None:
            return ["the program ended early"]
        done = subprocess.run([tool(), str(process.pid)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60,
                              input="".join(question + "\n" for question, _ in told).encode())
    finally:
        process.kill()
        process.communicate()
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


if __name__ == "__main__" and "--inside" in sys.argv:
    main()
