"""What a live interpreter knows about its own frames and tasks, in the words of the snapshot.

Runs inside the target. Everything comes from Python's own introspection (co_positions, cr_await,
gc.get_referents), never from knowledge of memory layouts, so it can judge a reader of memory.
"""

import gc
import itertools
import re
import sys
import types

_positions = {}
_owners = {}  # frame -> the coroutine or generator it was found in
still = True  # False: the frames move while they are looked at, nothing can be checked twice

SOON = 60  # seconds in which a timer may become due before the last dump is made

# C objects between an awaiter and the coroutine or generator it awaits.
_WRAPPERS = ("coroutine_wrapper", "async_generator_asend", "async_generator_athrow",
             "anext_awaitable", "async_generator_athrow_awaitable")


def text(value):
    """A str as the snapshot writes it: NUL and lone surrogates as six plain characters."""
    return re.sub("[\x00\ud800-\udfff]", lambda m: "\\u%04x" % ord(m.group()), value)


def type_name(cls):
    return text("%s.%s" % (cls.__module__, cls.__qualname__))


def position(code, lasti):
    """(line, end line, column, end column) of an instruction; None where unknown."""
    key = (id(code), lasti)
    if key not in _positions:
        entries = itertools.islice(code.co_positions(), lasti // 2, None)
        line, end_line, column, end_column = next(entries)
        # The code is kept with the answer, so that its id stays its own.
        _positions[key] = ((line, end_line, column, end_column), code)
    return _positions[key][0]


def frame(f):
    """One frame as the snapshot shows it."""
    code = f.f_code
    if hasattr(code, "co_positions"):
        line, end_line, column, end_column = position(code, f.f_lasti)
        if still and line != f.f_lineno:
            raise AssertionError("co_positions says line %s, f_lineno %s" % (line, f.f_lineno))
    else:
        line, end_line, column, end_column = f.f_lineno, None, None, None
    return {"kind": "python", "function": text(code.co_name), "file": text(code.co_filename),
            "line": line, "end_line": end_line, "column": column, "end_column": end_column,
            "qualified_name": qualified_name(f)}


def qualified_name(f):
    """Of the code where it has one (3.11). Before, a reader may know it from the coroutine or
    generator that the frame belongs to, or not at all; it may never tell another one."""
    if hasattr(f.f_code, "co_qualname"):
        return text(f.f_code.co_qualname)
    if f in _owners:
        return {"any_of": [None, text(_owners[f].__qualname__)]}
    return {"any_of": [None, {"ends_with": text(f.f_code.co_name)}]}


def stack(top):
    """Frame objects from `top` outwards, innermost first."""
    frames = []
    while top is not None:
        frames.append(top)
        top = top.f_back
    return frames


def unwrapped(coroutine):
    """What 3.6 wraps in debug mode: an object of Python around every coroutine."""
    cls = type(coroutine)
    if (cls.__module__, cls.__name__) == ("asyncio.coroutines", "CoroWrapper"):
        return coroutine.gen
    return coroutine


def _is_link(value):
    return (isinstance(value, (types.CoroutineType, types.GeneratorType,
                               types.AsyncGeneratorType))
            or type(value).__module__ == "builtins" and type(value).__name__ in _WRAPPERS)


def step(awaited):
    """(frame or None, what is awaited next or None) of one link of a suspended chain."""
    awaited = unwrapped(awaited)
    if isinstance(awaited, types.CoroutineType):
        return awaited.cr_frame, awaited.cr_await
    if isinstance(awaited, types.GeneratorType):
        return awaited.gi_frame, awaited.gi_yieldfrom
    if isinstance(awaited, types.AsyncGeneratorType):
        return awaited.ag_frame, awaited.ag_await
    if _is_link(awaited):
        return None, next(filter(_is_link, gc.get_referents(awaited)), None)
    return None, None


def await_chain(coroutine):
    """Frame objects of a suspended chain, innermost first."""
    frames = []
    while coroutine is not None:
        owner = coroutine
        shown, coroutine = step(owner)
        if shown is not None:
            frames.append(shown)
            _owners[shown] = unwrapped(owner)
    frames.reverse()
    return frames


def is_running(coroutine):
    for attribute in ("cr_running", "gi_running"):
        if hasattr(coroutine, attribute):
            return getattr(coroutine, attribute)
    return False


def is_created(coroutine):
    import inspect
    if isinstance(coroutine, types.GeneratorType):
        return inspect.getgeneratorstate(coroutine) == inspect.GEN_CREATED
    return (isinstance(coroutine, types.CoroutineType)
            and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED)


def root_frame(coroutine):
    return getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)


def own_name(coroutine):
    """The qualified name of a coroutine, or of the one that anyio has put itself around."""
    frame = root_frame(coroutine)
    if frame and "/anyio/" in frame.f_code.co_filename and "_run_coro" in frame.f_code.co_name:
        coroutine = frame.f_locals["self"]._coro
    name = getattr(coroutine, "__qualname__", None)
    return None if name is None else text(name)


def running_stack(coroutine, stacks):
    """Frame objects from where its thread really is to the root of a running coroutine. Up to 3.9
    coroutines that only pass an exception on are on no stack."""
    outside = []
    awaited = coroutine
    while awaited is not None:
        shown = root_frame(awaited)
        for frames in stacks.values():
            for index, candidate in enumerate(frames):
                if candidate is shown:
                    return frames[:index + 1] + outside
        outside.insert(0, shown)
        awaited = step(awaited)[1]
    raise AssertionError("running coroutine %r is on no stack" % coroutine)


def created_at(task):
    """The frames of _source_traceback, innermost first, or None."""
    summary = getattr(task, "_source_traceback", None)
    if summary is None:
        return None
    frames = [{"function": text(entry.name), "file": text(entry.filename), "line": entry.lineno}
              for entry in summary]
    frames.reverse()
    return frames


def loop_facts(loop, frames):
    """What a loop of asyncio's own says of its queues, and the `_run_once` in the frames of its
    thread of where it is; nothing of another kind of loop."""
    if not hasattr(loop, "_ready") or not hasattr(loop, "_scheduled") or loop.is_closed():
        return {}
    executor = loop._default_executor
    timers = [handle for handle in list(loop._scheduled) if not handle._cancelled]
    facts = {"ready": len([handle for handle in list(loop._ready) if not handle._cancelled]),
             "timers": len(timers), "executor": executor and {"id": hex(id(executor))}}
    if timers and loop.is_running():
        when = min(handle._when for handle in timers)
        left = when - loop.time()
        if left < 0:
            facts["overdue_s"] = {"since": [when, when]}
        elif left > SOON:
            facts["next_timer_s"] = {"until": [when, when]}
    depth, iteration = next(((depth, f.f_locals) for depth, f in enumerate(frames)
                             if f.f_code.co_name == "_run_once"), (None, {}))
    if iteration.get("self") is not loop:  # one that runs inside a callback of this one
        return facts
    if depth == 1 and frames[0].f_code.co_name == "select":
        facts.update(iteration_age_s=None, callback_index=None, callback_count=None)
    elif "i" in iteration:
        facts.update(iteration_age_s={"since": [iteration["end_time"]] * 2}, idle_s=None,
                     callback_index=iteration["i"], callback_count=iteration["ntodo"])
    return facts


def python_version():
    return "%d.%d.%d" % sys.version_info[:3]
