"""What a suspended task waits for, as far as its innermost asyncio frames tell.

Runs inside the target and looks only at Python's own objects: names of functions and their locals.
Where they do not tell, nothing is claimed.
"""

import asyncio
import os

import claims
import introspect

ASYNCIO = os.path.dirname(asyncio.__file__)

# (module, function) -> kind, from inside to outside: a later one knows better.
FRAMES = {
    ("tasks", "sleep"): "sleep", ("tasks", "_wait"): "wait", ("tasks", "_wait_for_one"): "wait",
    ("tasks", "wait_for"): "timeout", ("queues", "get"): "queue_get",
    ("queues", "put"): "queue_put", ("queues", "join"): "queue_join",
    ("taskgroups", "__aexit__"): "task_group", ("streams", "_drain_helper"): "stream_drain",
    ("streams", "_wait_for_data"): "stream_read", ("base_subprocess", "_wait"): "subprocess",
    ("selector_events", "sock_recv"): "socket_read",
    ("selector_events", "sock_recv_into"): "socket_read",
    ("selector_events", "sock_accept"): "socket_accept",
    ("selector_events", "sock_sendall"): "socket_write",
    ("selector_events", "sock_connect"): "socket_connect",
}
LOCKS = (("Barrier", "barrier", "wait"), ("Condition", "condition", "wait"),
         ("Event", "event", "wait"), ("Semaphore", "semaphore", "acquire"),
         ("Lock", "lock", "acquire"))
WITH_OBJECT = ("lock", "event", "condition", "semaphore", "barrier", "queue_get", "queue_put",
               "queue_join", "task_group")


def of(task, frames):
    """The awaiting of a task whose await chain is `frames`, innermost first."""
    waiter = task._fut_waiter
    found = {"id": hex(id(waiter)), "type": introspect.type_name(type(waiter))}
    if hasattr(waiter, "get_coro") or hasattr(waiter, "_coro"):
        return dict(found, kind="task", tasks=[hex(id(waiter))])
    if type(waiter).__name__ == "_GatheringFuture":
        unfinished = [child for child in set(waiter._children) if not child.done()]
        return dict(found, kind="gather", total=len(waiter._children),
                    done=sum(child.done() for child in waiter._children),
                    tasks={"includes": claims.plain([child for child in unfinished
                                                     if hasattr(child, "_coro")])})
    if "shield.<locals>._outer_done_callback" in _callbacks(waiter):
        return dict(found, kind={"any_of": ["shield", "executor", "thread", "dns"]})
    if "_chain_future.<locals>._call_check_cancel" in _callbacks(waiter):
        return dict(found, kind={"any_of": ["executor", "thread", "dns"]})
    return dict(found, **_of_frames(frames))


def _callbacks(future):
    """Names of what is called once it is done."""
    pairs = [entry if isinstance(entry, tuple) else (entry,)
             for entry in getattr(future, "_callbacks", None) or ()]
    return {getattr(pair[0], "__qualname__", None) for pair in pairs}


def _of_frames(frames):
    found = {}
    for frame in frames:
        folder, name = os.path.split(frame.f_code.co_filename)
        if folder != ASYNCIO:
            # anyio builds nearly all on asyncio.Event: what it makes of it the scenario has to say.
            return {} if "/anyio/" in folder + "/" and found.get("kind") != "sleep" else found
        place = os.path.splitext(name)[0], frame.f_code.co_name
        kind = _of_lock(frame) if place[0] == "locks" else FRAMES.get(place)
        # wait_for() may only be around what is awaited; a condition takes its lock again.
        if kind is not None and not (found and kind in ("timeout", "condition")):
            found = _details(kind, frame)
    return found


def _of_lock(frame):
    owner = frame.f_locals.get("self")
    for name, kind, function in LOCKS:
        cls = getattr(asyncio, name, None)
        if cls and isinstance(owner, cls) and frame.f_code.co_name.endswith(function):
            return kind
    return None


def _details(kind, frame):
    found = {"kind": kind}
    if kind in WITH_OBJECT:
        found["object"] = hex(id(frame.f_locals["self"]))
    if kind == "sleep" and "h" in frame.f_locals:
        timer = frame.f_locals["h"]
        found["deadline_s"] = claims.until(timer.when() if hasattr(timer, "when") else timer._when)
    return found
