"""What a scenario imports: it states what its tasks look like, then freezes.

Once `ready` was called and nothing moves any more, one line of JSON is printed: the picture that
a reader from outside has to find. Keys and words are those of the snapshot; see README.md.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
import traceback

import claims
import introspect
import old_asyncio
import waits
from claims import (about, allow_findings, any_of, at_least, between, contains,  # noqa: F401
                    expect_finding, expect_first_lines, expect_object, expect_ok, expect_socket,
                    expect_verdict, since, until)

HOUR = 3600
# Seconds until the target ends by itself, whatever becomes of the runner: 300 dumps on a busy
# machine take some.
LIFETIME = 900
QUIET_ROUNDS = 4
HELPER_THREAD = "scenario-picture"

if threading.current_thread() is threading.main_thread():
    signal.alarm(LIFETIME)

_tasks = {}    # id -> (task, stated keys, claimed stack)
_loops = {}    # id -> (loop, stated keys)
_threads = {}  # ident -> stated keys
_options = {}
_plain_tasks = []
_started = threading.Event()


# --- what a scenario says -----------------------------------------------------------------

def expect_task(task, state=None, stack=None, **keys):
    """Registers a task. Keys that are not given are computed from the live task.

    `stack` claims function names, innermost first; "..." stands for any number of frames. It is
    checked here, so a scenario that did not reach its shape fails by itself. `awaiting` is added to
    what is computed, `holds` is a list of all that its frames have open with `with`, `awaited_by`
    a list of tasks. A live object stands for its id.
    """
    if state is not None:
        keys["state"] = state
    expect_loop(task._loop)
    _tasks[id(task)] = (task, claims.task(keys), stack)


def expect_loop(loop, **keys):
    _loops[id(loop)] = (loop, dict(_loops.get(id(loop), (loop, {}))[1], **claims.plain(keys)))


def expect_thread(ident, **keys):
    _threads[ident] = dict(_threads.get(ident, {}), **claims.plain(keys))


def options(**keys):
    """extra_tasks, extra_threads, extra_loops: the snapshot may have more than was stated;
    extra_finished: more tasks that are done or cancelled, which all_tasks() does not tell of;
    busy: the target never stands still; threads=False: threads are not compared;
    exact=False: only stated tasks are expected, nothing is added from all_tasks()."""
    _options.update(keys)


# --- how it freezes -----------------------------------------------------------------------

def ready():
    """Everything is stated: print the picture as soon as nothing moves."""
    if not _started.is_set():
        _started.set()
        threading.Thread(target=_print_when_quiet, name=HELPER_THREAD, daemon=True).start()


async def idle():
    """The task that awaits this waits, for something that will come, and the loop can go idle."""
    ready()
    await asyncio.sleep(HOUR)


def block():
    """The thread that calls this sleeps for ever."""
    ready()
    time.sleep(HOUR)


def hold(function, *arguments):
    """The calling thread prints the picture itself and then calls `function`, which must never
    return. Both are called by the same instruction: the printed position is the frozen one."""
    _started.set()
    for call, its_arguments in ((_print_here, ()), (function, arguments)):
        call(*its_arguments)


def run(main, **keys):
    return asyncio.run(main, **keys)


def named(name):
    """Keywords for the making of a task: its name, where tasks have one (3.8)."""
    return {"name": name} if hasattr(asyncio.Task, "set_name") else {}


def set_name(task, name):
    if hasattr(task, "set_name"):
        task.set_name(name)


def skip(reason):
    """Ends the scenario: it cannot be run here."""
    _print({"skip": reason})
    sys.exit()


def forked():
    """The process that calls this is a new one, and the target from now on."""
    signal.alarm(LIFETIME)
    old_asyncio.forked()


def expect_inherited(loop, tasks):
    """What a child has from its parent: a loop that will never run again and its tasks, which
    some versions (3.14) forget in the child."""
    known = {id(task) for task in asyncio.all_tasks(loop)}
    for task in tasks:
        expect_task(task, optional=id(task) not in known)
    expect_loop(loop, state={"any": True}, tid={"any": True}, optional=not known)


def innermost(task):
    """The name of the innermost function of a suspended task."""
    frames = introspect.await_chain(introspect.unwrapped(task._coro))
    return frames[0].f_code.co_name if frames else None


def own_native_id():
    """The kernel's number of the calling thread."""
    return old_asyncio.own_native_id()


def heartbeat():
    """A function that counts in a file the runner looks at (HEARTBEAT); None without one."""
    import mmap
    path = os.environ.get("SCENARIO_HEARTBEAT")
    if not path:
        return lambda: None
    with open(path, "r+b") as opened:
        memory = mmap.mmap(opened.fileno(), 8)
    count = [0]

    def beat():
        count[0] += 1
        memory[:8] = count[0].to_bytes(8, "little")
    return beat


# --- the picture --------------------------------------------------------------------------

def _print_here():
    hold_frame = sys._getframe(1)
    try:
        introspect.still = not _options.get("busy")
        _print(_picture({threading.get_ident(): hold_frame}))
    except BaseException:
        _give_up()


def print_stated(**picture):
    """Prints a picture that the scenario states itself, without looking at anything. What runs
    until the loop is idle after this takes a moment: the runner waits for it."""
    loop = asyncio.get_event_loop()
    picture = dict({"pid": os.getpid(), "python_version": introspect.python_version(),
                    "options": {"threads": False, "loops": False}, "event_loops": [],
                    "threads": [], "stacks": []}, **picture)
    loop.call_later(0.1, _print, picture)


def tasks_only(**keys):
    """The tasks of this interpreter with their stacks, as plain data for another one's picture;
    called from a callback of the loop, by a sub-interpreter."""
    _add_pending_tasks({ident: introspect.stack(top)
                        for ident, top in sys._current_frames().items()})
    table, awaiters = _StackTable(), _awaiters([task for task, _, _ in _tasks.values()])
    tasks = [_task(task, stated, claim, {}, awaiters, table)
             for task, stated, claim in _tasks.values()]
    return [dict(task, frames=table.stacks[task["frames"]["stack"]], **keys) for task in tasks]


def add_tasks(tasks):
    """Adds tasks that are plain data already."""
    _plain_tasks.extend(tasks)


def _print_when_quiet():
    try:
        if _options.get("busy"):
            introspect.still = False
            time.sleep(0.3)
        else:
            _wait_until_quiet()
        _print(_picture({threading.get_ident(): None}))
    except BaseException:
        _give_up()


def _give_up():
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(3)


def _print(picture):
    sys.stdout.write(json.dumps(picture) + "\n")
    sys.stdout.flush()


def _wait_until_quiet():
    """Returns when no other thread ran for a while."""
    deadline = time.monotonic() + 30
    last, rounds = None, 0
    while rounds < QUIET_ROUNDS:
        if time.monotonic() > deadline:
            raise AssertionError("the scenario does not come to rest")
        time.sleep(0.02)
        now = _activity()
        rounds = rounds + 1 if now == last and "running" not in now.values() else 0
        last = now


def _activity():
    """What the kernel and the interpreter say about every other thread."""
    own = str(old_asyncio.own_native_id())
    seen = {}
    for tid in os.listdir("/proc/self/task"):
        if tid == own:
            continue
        try:
            with open("/proc/self/task/%s/syscall" % tid) as opened:
                seen[tid] = opened.read().split()[0]
            with open("/proc/self/task/%s/schedstat" % tid) as opened:
                seen[tid + " ran"] = opened.read()
        except OSError:
            seen[tid] = "ended"
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            seen[ident] = (id(frame), frame.f_lasti)
    return seen


def _picture(tops):
    """`tops` replaces the innermost frame of a thread; None leaves the thread out."""
    stacks = {}
    for ident, top in sys._current_frames().items():
        top = tops.get(ident, top)
        if top is not None:
            stacks[ident] = introspect.stack(top)
    if _options.get("exact", True):
        _add_pending_tasks(stacks)
    known = [task for task, _, _ in _tasks.values()]
    table = _StackTable()
    awaiters = _awaiters(known)
    tasks = [_task(task, keys, claim, stacks, awaiters, table)
             for task, keys, claim in _tasks.values()]
    threads = []
    if _options.get("threads", True):
        threads = [_thread(ident, frames, stacks, known, table)
                   for ident, frames in stacks.items()]
    return dict(claims.picture(), **{
        "pid": os.getpid(), "python_version": introspect.python_version(),
        "options": {key: value for key, value in _options.items() if key != "busy"},
        "tasks": tasks + _plain_tasks,
        "event_loops": [_loop(loop, keys, stacks) for loop, keys in _loops.values()],
        "threads": threads, "stacks": table.stacks,
    })


class _StackTable:
    """Equal stacks are printed once."""

    def __init__(self):
        self.stacks, self._index = [], {}

    def add(self, frames):
        key = tuple((id(f.f_code), f.f_lasti) for f in frames)
        if key not in self._index:
            self._index[key] = len(self.stacks)
            self.stacks.append([introspect.frame(f) for f in frames])
        return {"stack": self._index[key]}


def _add_pending_tasks(stacks):
    for ident in stacks:
        for frame in stacks[ident]:
            loop = frame.f_locals.get("self") if frame.f_code.co_name == "run_forever" else None
            if isinstance(loop, asyncio.AbstractEventLoop):
                expect_loop(loop)
    for loop, _ in list(_loops.values()):
        for task in asyncio.all_tasks(loop):
            if id(task) not in _tasks:
                expect_task(task)


def _state(task, coroutine):
    if task.cancelled():
        return "cancelled"
    if task.done():
        return "done"
    if introspect.is_running(coroutine):
        return "running"
    if introspect.is_created(coroutine):
        return "not_started"
    waiter = task._fut_waiter
    return "ready" if waiter is None or waiter.done() else "waiting"


def _awaiters(tasks):
    """{id of an awaited future or task: [ids of the tasks that await it]}."""
    found = {}
    for task in tasks:
        found.setdefault(id(task._fut_waiter), []).append(hex(id(task)))
    return found


def _task(task, stated, claim, stacks, awaiters, table):
    coroutine = introspect.unwrapped(task._coro)
    state = stated.get("state") or _state(task, coroutine)
    picture = {"id": hex(id(task)), "state": state, "type": introspect.type_name(type(task)),
               "event_loop": hex(id(task._loop)), "notes": [], "interpreter": 0}
    picture["name"] = _task_name(task, stated)
    if introspect.own_name(coroutine) is not None:
        picture["coroutine"] = introspect.own_name(coroutine)
    picture["created_at"] = introspect.created_at(task)
    if not hasattr(task, "cancelling"):
        stated.pop("cancel_requests", None)  # nobody counts them before 3.11
    if state not in ("done", "cancelled"):
        picture["must_cancel"] = task._must_cancel
        if hasattr(task, "cancelling"):
            picture["cancel_requests"] = task.cancelling()
        picture["awaited_by"] = {"includes": awaiters.get(id(task), [])}
    frames = _task_frames(picture, task, coroutine, claim, stacks, table)
    if state in ("done", "cancelled", "running", "not_started"):
        picture["awaiting"] = None
    elif state == "waiting":
        picture["awaiting"] = waits.of(task, frames)
    picture.update(_stated(stated, picture.get("awaiting")))
    return picture


def _stated(stated, awaiting):
    """What the scenario says of a task, over what is computed."""
    claim = stated.get("awaiting")
    if isinstance(claim, dict) and "any" not in claim and "any_of" not in claim:
        _check_kind(awaiting, claim)
        stated = dict(stated, awaiting=dict(awaiting or {}, **claim))
    return stated


def _check_kind(computed, stated):
    """A claim must not contradict what the frames say."""
    kinds = [(computed or {}).get("kind"), stated.get("kind")]
    if all(isinstance(kind, str) for kind in kinds) and kinds[0] != kinds[1]:
        raise AssertionError("a task waits for %s, not %s" % tuple(kinds))


def _task_name(task, stated):
    if not hasattr(task, "get_name"):
        stated.pop("name", None)
        return None
    return introspect.text(stated.pop("name") if "name" in stated else task.get_name())


def _task_frames(picture, task, coroutine, claim, stacks, table):
    state = picture["state"]
    if state in ("done", "cancelled"):
        picture["frames"] = []
        return []
    if state == "not_started":
        root = introspect.root_frame(coroutine)
        picture["frames"] = {"any_of": [[], [{"function": introspect.text(root.f_code.co_name),
                                              "file": introspect.text(root.f_code.co_filename),
                                              "line": root.f_code.co_firstlineno}]]}
        return []
    if state == "running":
        frames = introspect.running_stack(coroutine, stacks)
    else:
        frames = introspect.await_chain(coroutine)
    names = [f.f_code.co_name for f in frames]
    if claim is not None and not _matches(claim, names):
        raise AssertionError("task %s: the stack is %s, not %s"
                             % (picture.get("name"), names, claim))
    picture["frames"] = table.add(frames)
    return frames


def _matches(claim, names):
    if not claim:
        return not names
    if claim[0] == "...":
        return any(_matches(claim[1:], names[start:]) for start in range(len(names) + 1))
    return bool(names) and names[0] == claim[0] and _matches(claim[1:], names[1:])


def _native_id(ident):
    thread = threading._active.get(ident)
    return getattr(thread, "native_id", None) or _threads.get(ident, {}).get("tid")


def _loop(loop, stated, stacks):
    ident = getattr(loop, "_thread_id", None)
    picture = {"id": hex(id(loop)), "type": introspect.type_name(type(loop)),
               "debug": loop.get_debug(), "tid": None}
    if loop.is_closed():
        picture["state"] = "closed"
    elif not loop.is_running():
        picture["state"] = "stopped"
    elif ident is None:  # uvloop's, which tells its thread to nobody
        picture["tid"], picture["state"] = {"any": True}, {"any_of": ["idle", "running"]}
    else:
        picture["tid"] = _native_id(ident)
        at_rest = stacks[ident][0].f_code.co_name == "select"
        picture["state"] = "idle" if at_rest else {"any_of": ["running", "blocked"]}
    if introspect.still:
        picture.update(introspect.loop_facts(loop, stacks.get(ident, [])))
    picture.update(stated)
    return picture


def _kernel_name(name):
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return {"any": True}  # no promise is made about bytes that are no text


def _thread(ident, frames, stacks, known, table):
    picture = {"ident": ident, "interpreter": 0, "current_task": None, "event_loop": None}
    thread = threading._active.get(ident)
    if thread is not None:
        picture["name"] = introspect.text(thread.name)
    tid = _native_id(ident)
    if tid is not None:
        picture["tid"] = tid
        with open("/proc/self/task/%d/comm" % tid, "rb") as opened:
            picture["kernel_name"] = _kernel_name(opened.read()[:-1])
    for loop, _ in _loops.values():
        if getattr(loop, "_thread_id", None) == ident:
            picture["event_loop"] = hex(id(loop))
    roots = {id(introspect.root_frame(coroutine)): task for coroutine, task in
             ((introspect.unwrapped(task._coro), task) for task in known)
             if introspect.is_running(coroutine)}
    current = next((roots[id(f)] for f in frames if id(f) in roots), None)
    if current is not None:
        picture["current_task"] = hex(id(current))
    picture["frames"] = table.add(frames)
    picture.update(_threads.get(ident, {}))
    return picture
