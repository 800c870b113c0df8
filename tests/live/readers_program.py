"""Makes objects, coroutines and threads that wait, and prints for each a line
`QUESTION<TAB>answer`; then it waits for the end of stdin, or (--gil) holds the GIL. For readers.py.
"""

import _thread
import collections
import contextlib
import ctypes
import decimal
import functools
import inspect
import io
import os
import subprocess
import sys
import threading
import time
import types

KEPT = []  # what was told of must live on


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


# --- coroutines that stand somewhere ---

@types.coroutine
def pause():
    yield


class Sync:
    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return True


class Async:
    """Pauses when it is entered, when it is left."""

    def __init__(self, enter=0, leave=0):
        self.enter, self.leave = enter, leave

    async def __aenter__(self):
        for _ in range(self.enter):
            await pause()
        return self

    async def __aexit__(self, *exception):
        for _ in range(self.leave):
            await pause()
        return True


def decorated(function):
    @functools.wraps(function)
    async def wrapper(*arguments):
        return await function(*arguments)
    return wrapper


class Decorated(Async):
    __aenter__ = decorated(Async.__aenter__)
    __aexit__ = decorated(Async.__aexit__)


class OddExit:
    """Nothing tells that its exit is one."""

    class Exit:
        def __call__(self, *exception):
            return pause()

    __aexit__ = Exit()

    async def __aenter__(self):
        await pause()


@contextlib.contextmanager
def generator_manager():
    yield


def at(coroutine, steps, use, expected):
    """Tells of `coroutine` after `steps` pauses; `expected`: the managers that it is in."""
    for _ in range(steps):
        coroutine.send(None)
    answer = "".join(("async " if is_async else "") + shown(manager) + ", "
                     for manager, is_async in expected)
    tell("managers", coroutine, "%s * | %s" % (use, answer))


async def in_one(manager, fail=False):
    async with manager:
        await pause()
        if fail:
            raise ValueError


async def in_many(one, two, three, things):
    for _ in things:
        async with one:
            try:
                with two:
                    async with three as last:
                        [await pause() for _ in [1]]
                        return last
            finally:
                await pause()


async def in_both(one, two):
    async with one:
        async with two:
            await pause()


async def in_with(manager):
    with manager:
        await pause()


def make_with_many_constants():
    """None stands behind so many others that it needs an EXTENDED_ARG."""
    lines = ["async def with_many_constants(manager):", "    'a text'"]
    lines += ["    x = %d.5" % number for number in range(300)]
    lines += ["    async with manager:", "        await pause()"]
    namespace = dict(globals())
    exec("\n".join(lines), namespace)
    return namespace["with_many_constants"]


async def iterates(manager):
    async def values():
        async with manager:
            await pause()
            yield 1
    generator = values()
    KEPT.append(generator)
    async for _ in generator:
        await pause()


def tell_simple_managers():
    for pauses in (0, 1):
        for make in (Async, Decorated):
            one = make(pauses, pauses)
            if pauses:
                at(in_one(one), 1, "enter", [])
                at(in_one(one), 3, "exit", [])
                at(in_one(one, True), 3, "exit", [])
            at(in_one(one), 1 + pauses, "expression", [(one, True)])
    one = Async(1, 1)
    with_many_constants = make_with_many_constants()
    at(with_many_constants(one), 1, "enter", [])
    at(with_many_constants(one), 2, "expression", [(one, True)])
    at(with_many_constants(one), 3, "exit", [])


def tell_nested_managers():
    one, two, three = Async(1, 1), Sync(), Async(1, 1)
    steps = [("enter", []),
             ("enter", [(one, True), (two, False)]),
             ("expression", [(one, True), (two, False), (three, True)]),
             ("exit", [(one, True), (two, False)]),
             ("expression", [(one, True)]),
             ("exit", [])]
    for number, (use, managers) in enumerate(steps):
        at(in_many(one, two, three, [1, 2]), number + 1, use, managers)
    one = Async()
    at(in_both(one, OddExit()), 1, "enter", [(one, True)])
    at(in_both(one, OddExit()), 2, "expression", [(one, True)])


def tell_managers_of_c():
    made = [threading.Lock(), threading.RLock(), open(os.devnull), memoryview(b"x"),
            generator_manager(), Sync(), decimal.localcontext(), io.BytesIO(),
            threading.Condition(), os.scandir("/"), contextlib.ExitStack()]
    if sys.version_info < (3, 7):
        made = [it for it in made if "Scandir" not in type(it).__name__]
    for manager in made:
        at(in_with(manager), 1, "expression", [(manager, False)])


def tell_generators():
    one = Async()
    outer = iterates(one)
    outer.send(None)
    generator = next(it for it in reversed(KEPT) if inspect.isasyncgen(it))
    tell("managers", outer, "expression * | loop %s, " % shown(generator))
    tell("managers", generator, "expression * | async %s, " % shown(one))
    outer = iterates(one)
    outer.send(None)
    outer.send(None)
    generator = next(it for it in reversed(KEPT) if inspect.isasyncgen(it))
    tell("managers", outer, "expression * | loop %s, " % shown(generator))
    tell("managers", generator, "unknown * | async %s, " % shown(one))


# --- threads that wait ---

def thread_id():
    """gettid(), which Python has only from 3.8 on."""
    return ctypes.CDLL(None).syscall(186)


def wait_in_thread(wait):
    """The id of a new thread that waits for ever."""
    ids = []

    def run():
        ids.append(thread_id())
        wait()
    threading.Thread(target=run, daemon=True).start()
    while not ids:
        time.sleep(0.01)
    return ids[0]


def tell_waiting(lock, tid, answer):
    KEPT.append(lock)
    print("waits %x %x\t%s" % (tid, id(lock), answer))


def tell_locks():
    me, other = threading.get_ident(), _thread.allocate_lock()
    text = "recursive %d locked %d owner %d waiters %d"
    for make, recursive in ((_thread.allocate_lock, 0), (threading.RLock, 1)):
        owner = me if recursive else 0
        tell("lock", make(), text % (recursive, 0, 0, 0))
        lock = make()
        with lock:
            pass
        tell("lock", lock, text % (recursive, 0, 0, 0))
        lock = make()
        lock.acquire()
        tell("lock", lock, text % (recursive, 1, owner, 0))
        for timeout in ((), (True, 1000)):
            lock = make()
            lock.acquire()
            waiting = wait_in_thread(lambda it=lock, words=timeout: it.acquire(*words))
            time.sleep(0.1)
            tell("lock", lock, text % (recursive, 1, owner, 1))
            tell_waiting(lock, waiting, "yes")
            tell_waiting(other, waiting, "no")
    tell("lock", object(), " ERROR *")


class Blocking(Async):
    """Is entered and left without a pause, and blocks its thread when told so."""

    def __init__(self, when=""):
        Async.__init__(self)
        self.when = when

    async def __aenter__(self):
        block(self.when == "enter")

    async def __aexit__(self, *exception):
        block(self.when == "exit")
        return True


class BlockingSync(Blocking):
    def __enter__(self):
        block(self.when == "enter")

    def __exit__(self, *exception):
        block(self.when == "exit")
        return True


def block(now=True):
    if now:
        BLOCKED.append(thread_id())
        FOREVER.acquire()


BLOCKED = []
FOREVER = _thread.allocate_lock()


def runs_in_with(one, two, fail):
    for _ in [1]:
        with one:
            try:
                with two, one:
                    block()
            finally:
                block()


def runs_on_entering(one, two, fail):
    with one:
        with two:
            block()


def runs_on_leaving(one, two, fail):
    with one:
        with two:
            if fail:
                raise ValueError


def runs_on_failing(one, two, fail):
    with one:
        with two:
            if fail:
                raise ValueError


async def runs_in_async(one, two, fail):
    async with one:
        with two:
            block()


async def runs_on_async_entering(one, two, fail):
    async with one:
        async with two:
            block()


async def runs_on_async_leaving(one, two, fail):
    async with one:
        async with two:
            if fail:
                raise ValueError


async def runs_on_async_failing(one, two, fail):
    async with one:
        async with two:
            if fail:
                raise ValueError


def tell_running(function, two, fail, *expected):
    """`expected`: of the managers one and two; of a coroutine the async ones too."""
    one = BlockingSync()
    KEPT.extend([one, two])
    before = len(BLOCKED)

    def run():
        result = function(one, two, fail)
        if inspect.iscoroutine(result):
            result.send(None)
    threading.Thread(target=run, daemon=True).start()
    while len(BLOCKED) == before:
        time.sleep(0.01)
    answer = "".join(text % shown(it) for text, it in zip(expected[::2], [
        {"one": one, "two": two}[name] for name in expected[1::2]]))
    print("running %s\t%s" % (function.__name__, answer))


def tell_running_frames():
    FOREVER.acquire()
    sync, asynchronous = "%s, ", "async %s, "
    tell_running(runs_in_with, BlockingSync(), False, sync, "one", sync, "two", sync, "one")
    tell_running(runs_on_entering, BlockingSync("enter"), False, sync, "one")
    tell_running(runs_on_leaving, BlockingSync("exit"), False, sync, "one")
    tell_running(runs_on_failing, BlockingSync("exit"), True, sync, "one")
    tell_running(runs_in_async, BlockingSync(), False, asynchronous, "one", sync, "two")
    tell_running(runs_on_async_entering, Blocking("enter"), False, asynchronous, "one")
    tell_running(runs_on_async_leaving, Blocking("exit"), False, asynchronous, "one")
    tell_running(runs_on_async_failing, Blocking("exit"), True, asynchronous, "one")
    time.sleep(0.1)


def hold_the_gil():
    """For ever, while another thread wants it."""
    ids = []

    def run():
        ids.append(thread_id())
        while True:
            pass
    threading.Thread(target=run, daemon=True).start()
    while not ids:
        time.sleep(0.01)
    has_address = sys.version_info >= (3, 7)
    print("gil %x\t%s" % (ids[0], "yes" if has_address else "unknown"))
    print("gil %x\t%s" % (thread_id(), "no" if has_address else "unknown"))
    print("END", flush=True)
    ctypes.PyDLL(None).sleep(1000)


def main():
    if "--gil" in sys.argv:
        hold_the_gil()
    tell_locks()
    tell_running_frames()
    tell_simple_managers()
    tell_nested_managers()
    tell_managers_of_c()
    tell_generators()
    tell_callables()
    tell_values()
    tell_deques()
    tell_queues()
    tell_locals()
    print("END", flush=True)
    sys.stdin.read()


main()
