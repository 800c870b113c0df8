"""What a scenario claims about objects, sockets and findings, and the conditions to claim with.

`scenario` hands all of it on. A live object in a claim (a task, a lock, ...) stands for its id, and
nothing here keeps it alive or refers to it: who does is a part of what is tested.
"""

_objects = {}      # id -> keys
_sockets = {}      # fd -> keys
_findings = []
_allowed = set()
_first_lines = []
_verdict = {}
_text = {}


# --- conditions ---------------------------------------------------------------------------

def between(low, high):
    """A number in a range; None: no limit."""
    return {"between": [low, high]}


def about(value, within):
    return between(value - within, value + within)


def at_least(value):
    return between(value, None)


def until(deadline, slack=0):
    """The seconds that are left, at the time of the dump, of a deadline in time.monotonic(); it
    may be up to `slack` seconds later than that."""
    return {"until": [deadline, deadline + slack]}


def since(first, last=None):
    """The seconds that passed since a moment of time.monotonic(), or since one between two."""
    return {"since": [first, first if last is None else last]}


def contains(*words):
    """A string with all of these in it."""
    return {"contains": list(words)}


def any_of(*options):
    return {"any_of": list(options)}


# --- claims -------------------------------------------------------------------------------

def expect_object(obj, **keys):
    """kind, state (a dict of facts), waiters (in their order; a set: in any), holders: a list of
    tasks, or of (task, confidence), or of dicts. Other objects may be in the snapshot too."""
    if isinstance(keys.get("holders"), list):
        keys["holders"] = {"items": [_holder(holder) for holder in keys["holders"]]}
    if isinstance(keys.get("waiters"), set):
        keys["waiters"] = {"set": keys["waiters"]}
    if "label" not in keys:
        keys["label"] = {"contains": ["#"]}
    identity = hex(id(obj))
    _objects[identity] = dict(_objects.get(identity, {}), **plain(keys))


def _holder(holder):
    if isinstance(holder, dict):
        return holder
    task, confidence = holder if isinstance(holder, tuple) else (holder, "certain")
    return {"task": task, "confidence": confidence}


def expect_socket(sock, **keys):
    """A socket, or the number of one: family, local, peer, state, receive_queue, send_queue,
    registered, ... Other sockets may be in the snapshot too."""
    fd = sock if isinstance(sock, int) else sock.fileno()
    _sockets[fd] = dict(_sockets.get(fd, {}), **plain(keys))


def expect_finding(code, confidence="likely", contains=(), **keys):
    """A finding of at least this confidence; the first one that is claimed is the verdict. tasks,
    threads, objects: all of them, in any order. `contains`: words in its texts. No other finding
    that is likely or certain may be there, see allow_findings()."""
    for name in ("tasks", "threads", "objects"):
        if isinstance(keys.get(name), (list, set, tuple)):
            keys[name] = {"set": list(keys[name])}
    if isinstance(confidence, str):
        order = ["possible", "likely", "certain"]
        keys["confidence"] = {"any_of": order[order.index(confidence):]}
    else:
        keys["confidence"] = confidence
    words = [contains] if isinstance(contains, str) else list(contains)
    _findings.append({"keys": plain(dict(keys, code=code)), "contains": words})
    _verdict.setdefault("code", code)


def expect_ok():
    """Nothing is wrong here: the verdict is OK and no finding is likely or certain."""
    _verdict["code"] = "OK"


def expect_verdict(code):
    """Where the gravest finding is not the first one that was claimed."""
    _verdict["code"] = code


def allow_findings(*codes):
    """Findings that may be there beside those that were claimed."""
    _allowed.update(codes)


def expect_first_lines(*words, at_most=None):
    """Words in what the text form says first: a header of two lines, a verdict of seven. Case does
    not matter, and a code may be written with spaces. `at_most`: so many lines in all."""
    _first_lines.extend(word for word in words if word)
    _text["lines"] = at_most


# --- the picture --------------------------------------------------------------------------

def plain(value):
    """A claim as plain data: live objects became their ids."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return [plain(item) for item in value]
    return hex(id(value))


def task(keys):
    """The claims of a task: those of its tasks are in any order."""
    keys, awaiting = dict(keys), keys.get("awaiting")
    if isinstance(awaiting, dict) and isinstance(awaiting.get("tasks"), (list, set)):
        keys["awaiting"] = dict(awaiting, tasks={"set": awaiting["tasks"]})
    if isinstance(keys.get("awaited_by"), (list, set)):
        keys["awaited_by"] = {"set": keys["awaited_by"]}
    if isinstance(keys.get("holds"), (list, set)):
        keys["holds"] = {"pluck": ["object", {"set": keys["holds"]}]}
    return plain(keys)


def picture():
    return {"objects": [dict(keys, id=identity) for identity, keys in _objects.items()],
            "sockets": [dict(keys, fd=fd) for fd, keys in _sockets.items()],
            "findings": _findings, "verdict": _verdict, "text": _text,
            "allowed_findings": sorted(_allowed), "first_lines": _first_lines}
