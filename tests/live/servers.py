"""Real servers and databases: what is said of them idle, at work, blocked, out of connections.

A server gets its requests from a bounded client in a process of its own. Nothing it answers may
fail while it is dumped a hundred times.
"""

import collections
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

import compare
import databases
import verdict
from target import HERE, Target, TargetFailed, TargetSkipped
from tester import load_validator

PROGRAMS = os.path.join(HERE, "programs")
SERVE = os.path.join(PROGRAMS, "serve.py")
KINDS = ("aiohttp", "asyncio", "uvloop", "gunicorn", "gunicorn-asgi")
DUMPS = 100
SECOND_LOOKS = 20  # one of so many is made with a second look
VALIDATED = 20     # one of so many is compared with the schema
RATE = 150
POLLS = 5
KEPT_ALIVE = 20
POOL_REQUESTS = 50
POOL_SIZE = 5
SYNC_REQUESTS = 50
SYNC_THREADS = 40
TYPE_NAME = re.compile(r"[\w.<>]+")
SECONDS = 120       # none of this takes as long
HANG_SECONDS = 30   # nor does it take so long until it is told why a server hangs


class Server(Target):
    """serve.py in an interpreter."""

    def __init__(self, interpreter, *arguments):
        super().__init__(interpreter, SERVE, arguments=[str(a) for a in arguments])
        self.workers = arguments[0].startswith("gunicorn")

    def _wait_for_rest(self):
        """It answers; each of its workers has been asked for something."""
        with Client(self.port, "quick", 8, 16):
            wait_for(lambda: not self.workers or len(self.pids()) > 1)

    @property
    def port(self):
        return self.expectation["port"]

    def pids(self):
        """The processes that serve."""
        if not self.workers:
            return [self.pid]
        with open("/proc/%d/task/%d/children" % (self.pid, self.pid)) as opened:
            return [int(word) for word in opened.read().split()]


class Client:
    """client.py for the time of a with statement."""

    def __init__(self, port, path, connections, requests=None, rate=1000):
        words = [port, "/" + path, connections, requests or connections, rate, SECONDS]
        command = [sys.executable, os.path.join(PROGRAMS, "client.py")] + [str(w) for w in words]
        if shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "KILL", "--"] + command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        if self.process.stdout.readline() != b"open\n":
            self.__exit__()
            raise TargetFailed("the client's connections fail")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def stop(self):
        """No more requests."""
        self.process.stdin.close()

    def problems(self, least):
        """After it was stopped: of its requests, at least so many, none failed."""
        report = json.loads(self.process.stdout.read().decode() or "{}")
        if report.get("failed") != 0 or report["errors"] or report["sent"] < least:
            yield "the client, of %d requests at least: %s" % (least, report)


class Spy:
    """Dumps, and what is wrong with them, each problem once with how often."""

    def __init__(self, asyncspy, validator):
        self.asyncspy, self.validator = asyncspy, validator
        self.dumps, self.problems = 0, collections.Counter()

    def dump(self, pid, *options):
        """The snapshot; None if there is none."""
        self.dumps += 1
        done = subprocess.run([self.asyncspy, "dump", "--pid", str(pid), "--format", "json"]
                              + list(options), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SECONDS)
        if done.returncode or done.stderr:
            self.problems["exit %d, stderr: %s" % (done.returncode,
                                                   compare.short(done.stderr.decode()))] += 1
        if done.returncode:
            return None
        snapshot = json.loads(done.stdout.decode())
        for item in snapshot["missing"]:
            self.problems["missing: %s" % item] += 1
        for task in snapshot["tasks"]:
            for note in task["notes"]:
                self.problems["a task's note: %s" % note] += 1
            for referrer in (task["awaiting"] or {}).get("referrers", ()):
                if not TYPE_NAME.fullmatch(referrer["type"] or ""):
                    self.problems["not the name of a type: %s" % referrer] += 1
        if self.dumps % VALIDATED == 1:
            problems = compare.schema_problems(self.validator, snapshot) if self.validator else []
            self.problems.update(problems + verdict.consistency(snapshot))
        return snapshot

    def healthy(self, pid, *options):
        """A dump that has to say that all is well."""
        snapshot = self.dump(pid, *options)
        if snapshot and snapshot["verdict"]["code"] != "OK":
            self.problems["verdict %s" % compare.short(snapshot["findings"][0])] += 1
        return snapshot

    def found(self, pid, codes, words, is_there):
        """The first dump in which the verdict is one of the codes and is_there(snapshot); the words
        have to be in its finding. Nothing else may be found before."""
        deadline = time.monotonic() + HANG_SECONDS
        while True:
            snapshot = self.dump(pid)
            if snapshot is None:
                return None
            self.problems.update(
                "finding %s" % compare.short(finding) for finding in snapshot["findings"]
                if finding["confidence"] in verdict.FIRM and finding["code"] not in codes)
            if snapshot["verdict"]["code"] in codes and is_there(snapshot):
                break
            if time.monotonic() > deadline:
                self.problems["verdict %s" % snapshot["verdict"]] += 1
                return snapshot
            time.sleep(0.1)
        if not all(word in verdict.texts(snapshot["findings"][0]) for word in words):
            self.problems["%s is not in %s" % (words, verdict.texts(snapshot["findings"][0]))] += 1
        return snapshot

    def told(self):
        return ["%d of %d dumps: %s" % (count, self.dumps, problem)
                for problem, count in self.problems.most_common()]


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TargetFailed("waited in vain")
        time.sleep(0.02)


def tasks_in(snapshot, function):
    """Tasks with a function of that name on their stack."""
    return [task for task in (snapshot or {"tasks": ()})["tasks"]
            if any(frame["function"] == function for frame in task["frames"])]


def expect_tasks(snapshots, function, count, kinds=None):
    """The handlers that are known to hang are all listed, with a wait that is known."""
    found = [task for snapshot in snapshots if snapshot for task in tasks_in(snapshot, function)]
    if len(found) != count:
        yield "%d tasks are in %s() instead of %d" % (len(found), function, count)
    for task in found:
        kind = (task["awaiting"] or {}).get("kind")
        if kind in (None, "future", "unknown") if kinds is None else kind not in kinds:
            yield "%s waits for %s" % (task["name"], compare.short(task["awaiting"]))
            return


def idle(server, spy):
    """Connections that are kept alive, and nothing else: all that waits does so by design."""
    with Client(server.port, "quick", KEPT_ALIVE, KEPT_ALIVE * 2):
        time.sleep(0.2)
        for pid in server.pids() * 2:
            snapshot = spy.healthy(pid)
            for task in snapshot["tasks"] if snapshot else ():
                if task["state"] == "waiting" and task["idle"] is not True:
                    yield "%s is not idle: %s in %s" % (
                        task["name"], compare.short(task["awaiting"]), task["coroutine"])
                    return


def at_work(server, spy):
    """Answers, and long polls that have none yet."""
    pids = server.pids()
    with Client(server.port, "poll", POLLS) as polls, Client(
            server.port, "quick", 8, RATE * SECONDS, RATE) as load:
        time.sleep(0.2)
        for number in range(DUMPS):
            pid = pids[number % len(pids)]
            last = spy.healthy(pid, *(["--once"] if number % SECOND_LOOKS else []))
            if len(pids) == 1 and last:
                yield from expect_tasks([last], "poll", POLLS)
        load.stop()
        yield from load.problems(DUMPS)
        yield from expect_tasks([spy.healthy(pid) for pid in pids], "poll", POLLS)
        polls.stop()
        # Each worker has polls of its own, and a new connection comes to any of them.
        wait_for(lambda: polls.process.poll() is not None or tell(server))
        yield from polls.problems(POLLS)


def tell(server):
    """News for the polls of a worker or two."""
    with Client(server.port, "tell", 4, 8):
        return False


def blocked(server, spy):
    """A handler that calls time.sleep(): the last thing that this server does."""
    with open(SERVE) as opened:
        line = next(n for n, text in enumerate(opened, 1) if "# this blocks" in text)
    with Client(server.port, "block", 1):
        hung = []
        wait_for(lambda: hung.extend(pid for pid in server.pids()
                                     if tasks_in(spy.dump(pid, "--once"), "backoff")) or hung)
        for pid in server.pids():
            if pid not in hung:
                spy.healthy(pid)
                continue
            snapshot = spy.found(pid, {"LOOP_BLOCKED"}, ["backoff", "serve.py:%d" % line],
                                 lambda snapshot: tasks_in(snapshot, "backoff"))
            running = [task["id"] for task in tasks_in(snapshot, "backoff")
                       if task["state"] == "running"]
            if not {thread["current_task"] for thread in snapshot["threads"]} & set(running):
                yield "the blocked handler is not the task that runs: %s" % running


def well_and_blocked(context, interpreter, kind):
    with Server(interpreter, kind) as server:
        spy = context.spy()
        problems = list(idle(server, spy)) + list(at_work(server, spy))
        problems += blocked(server, spy)
        return problems + spy.told() + lasting(server)


def lasting(server):
    complaints = server.complaints()
    return (["the server complains: " + complaints.splitlines()[-1]] if complaints else []
            ) + server.problems_after_dump()


def threads_used_up(context, interpreter, kind):
    """Endpoints that are no coroutines, more of them than anyio has threads."""
    def working(snapshot):
        return [thread for thread in snapshot["threads"]
                if any(frame["function"] == "crunch" for frame in thread["frames"])]

    with Server(interpreter, kind, "starlette.routing") as server, Client(
            server.port, "crunch", SYNC_REQUESTS):
        spy = context.spy()
        spy.found(server.pid, {"EXECUTOR_FULL"}, ["CapacityLimiter", "backoff"],
                  lambda snapshot: len(working(snapshot)) == SYNC_THREADS)
        return spy.told() + lasting(server)


def pool_used_up(context, interpreter, kind, module, handler, database, pause=False):
    """More requests than a pool has connections, and a database that does not answer."""
    with database() as db, Server(interpreter, kind, module, db.port) as server:
        with Client(server.port, handler, POOL_REQUESTS):
            spy = context.spy()
            wait_for(lambda: len(connections(spy.dump(server.pid, "--once"), db)) == POOL_SIZE)
            if pause:
                db.signal(signal.SIGSTOP)
            # Which connection of uvloop's a future belongs to cannot be told from outside.
            words = [":%d" % db.port] if kind != "uvloop" else []
            kinds = ["stream_read", "queue_get", "condition"] + ["future"] * (kind == "uvloop")
            snapshot = spy.found(
                server.pid, {"POOL_EXHAUSTED", "PEER_SILENT"}, words,
                lambda snapshot: len(tasks_in(snapshot, handler)) == POOL_REQUESTS)
            problems = list(expect_tasks([snapshot], handler, POOL_REQUESTS, kinds))
            peers = connections(snapshot, db)
            if len(peers) != POOL_SIZE:
                problems.append("%d sockets to the database: %s" % (len(peers), peers))
            return problems + spy.told() + lasting(server)


def connections(snapshot, database):
    """The sockets of a server to its database."""
    peer = "127.0.0.1:%d" % database.port
    return [row for row in snapshot["sockets"] if row["peer"] == peer] if snapshot else []


def postgresql(context, interpreter, kind):
    return pool_used_up(context, interpreter, kind, "asyncpg", "query_postgresql",
                        databases.PostgreSQL)


def redis(context, interpreter, kind):
    return pool_used_up(context, interpreter, kind, "redis.asyncio", "query_redis",
                        databases.Redis, pause=True)


CASES = tuple((kind, well_and_blocked, kind) for kind in KINDS) + (
    ("asyncio, all threads used", threads_used_up, "asyncio"),
    ("asyncio, PostgreSQL pool", postgresql, "asyncio"),
    ("uvloop, PostgreSQL pool", postgresql, "uvloop"),
    ("aiohttp, Redis pool", redis, "aiohttp"))


class Context:
    def __init__(self, asyncspy):
        self.asyncspy = asyncspy
        self.validator, _ = load_validator()

    def spy(self):
        return Spy(self.asyncspy, self.validator)


def outcome(context, interpreter, case, kind):
    try:
        problems = case(context, interpreter, kind)
    except (TargetSkipped, databases.NoDatabase) as reason:
        return "skip", [str(reason)]
    except (TargetFailed, OSError, ValueError, LookupError, TypeError,
            subprocess.SubprocessError):
        problems = traceback.format_exc().splitlines()[-6:]
    return "FAIL" if problems else "pass", problems


def chosen(found, everything):
    """All, or the three that Debian has these packages for."""
    usable = [i for i in found if not i.copy]
    if everything:
        return usable
    own = [i for i in usable if not i.debug and i.executable.startswith("/usr/bin/")]
    return [i for i in own if not i.root][-1:] + [i for i in own if i.root][-2:]


def run(asyncspy, found, everything, pattern):
    """(row, column, status, details) of every case on three interpreters, or on all."""
    context = Context(asyncspy)
    cases = [case for case in CASES if not pattern or pattern in "servers: " + case[0]]
    tried = collections.defaultdict(set)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = {pool.submit(outcome, context, interpreter, case, kind):
                ("servers: " + name, interpreter.label)
                for name, case, kind in cases for interpreter in chosen(found, everything)}
        for future in concurrent.futures.as_completed(runs):
            row, column = runs[future]
            status, details = future.result()
            tried[row].add(status)
            yield row, column, status, details
    for name, _, _ in cases:
        # scripts/install-deps and scripts/fetch-pythons bring what each of them needs.
        if os.environ.get("CI") == "true" and tried["servers: " + name] <= {"skip"}:
            yield "servers: " + name, "any", "FAIL", ["no interpreter can run it"]
