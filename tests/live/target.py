"""Starts a program in an interpreter, waits for its picture and its stillness, and ends it."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
HELPERS = ("scenario.py", "claims.py", "introspect.py", "waits.py", "old_asyncio.py", "peers.py")
START_SECONDS = 60
REST_SECONDS = 5


class TargetFailed(Exception):
    """The program did not reach its picture; nothing is said about asyncspy."""


class TargetSkipped(Exception):
    """The program says that it cannot be run here, and why."""


class Target:
    """A scenario in an interpreter; a context manager that leaves nothing behind."""

    def __init__(self, interpreter, program, heartbeat=False, arguments=()):
        self.interpreter, self.program = interpreter, program
        self.arguments = list(arguments)
        self.wants_heartbeat = heartbeat
        self.process = self.folder = self.expectation = None

    def __enter__(self):
        try:
            self._start()
            self.expectation = self._read_picture()
            self._wait_for_rest()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            # Its session is its own: what it forked goes with it.
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self):
        """The process of the picture: the program, or a child that it forked."""
        return self.expectation["pid"] if self.expectation else self.process.pid

    def _start(self):
        root = self.interpreter.root
        self.folder = tempfile.mkdtemp(prefix="asyncspy-live-",
                                       dir=os.path.join(root, "tmp") if root else None)
        os.chmod(self.folder, 0o755)
        inside = self.folder[len(root):] if root else self.folder
        names = [os.path.join(HERE, name) for name in HELPERS] + [self.program]
        for path in names:
            shutil.copy(path, self.folder)
        environment = dict(os.environ, PYTHONPATH=inside, PYTHONDONTWRITEBYTECODE="1",
                           PYTHONIOENCODING="utf-8", PYTHONUTF8="1",
                           **self.interpreter.environment)
        if self.wants_heartbeat:
            with open(os.path.join(self.folder, "heartbeat"), "wb") as opened:
                opened.write(bytes(8))
            environment["SCENARIO_HEARTBEAT"] = os.path.join(inside, "heartbeat")
        command = self.interpreter.command + [os.path.join(inside, os.path.basename(self.program))]
        if shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "KILL", "--"] + command
        self.process = subprocess.Popen(command + self.arguments, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        env=environment, cwd=self.folder, start_new_session=True)

    def _read_picture(self):
        """The first line of the program's output."""
        deadline = time.monotonic() + START_SECONDS
        descriptor, data = self.process.stdout.fileno(), []
        while not data or not data[-1].endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TargetFailed("no picture within %d s" % START_SECONDS)
            data.append(os.read(descriptor, 1 << 20))
            if not data[-1]:
                raise TargetFailed("it ended: " + self._last_error())
        picture = json.loads(b"".join(data).decode())
        if "skip" in picture:
            raise TargetSkipped(picture["skip"])
        return picture

    def _last_error(self):
        self.process.wait(10)
        lines = self.process.stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "exit %s" % self.process.returncode

    def complaints(self):
        """What the target wrote to stderr so far."""
        text = b""
        while select.select([self.process.stderr], [], [], 0)[0]:
            data = os.read(self.process.stderr.fileno(), 65536)
            if not data:
                break
            text += data
        return text.decode(errors="replace").strip()

    def _wait_for_rest(self):
        """What printed the picture comes to rest; only then is the target what it said."""
        deadline = time.monotonic() + REST_SECONDS
        expected = len(self.expectation["threads"])
        while expected and len(self.threads()) > expected and time.monotonic() < deadline:
            time.sleep(0.005)
        if self.wants_heartbeat:
            return
        last = None
        while time.monotonic() < deadline:
            now = self.activity()
            if now == last and "running\n" not in now.values():
                return
            last = now
            time.sleep(0.02)

    def threads(self):
        return {int(tid) for tid in os.listdir("/proc/%d/task" % self.pid)}

    def states(self):
        """The kernel's state letters of all its threads."""
        letters = set()
        for tid in self.threads():
            try:
                with open("/proc/%d/task/%d/stat" % (self.pid, tid), "rb") as opened:
                    letters.add(opened.read().rpartition(b")")[2].split()[0].decode())
            except OSError:
                pass
        return letters

    def tracer(self):
        with open("/proc/%d/status" % self.pid, "rb") as opened:
            return next(int(line.split()[1]) for line in opened if line.startswith(b"TracerPid"))

    def beats(self):
        with open(os.path.join(self.folder, "heartbeat"), "rb") as opened:
            return int.from_bytes(opened.read(8), "little")

    def problems_after_dump(self):
        """Why the target is not what it was before, if so."""
        if self.process.poll() is not None:
            return ["the target ended: " + self._last_error()]
        problems = []
        if self.states() & set("tT"):
            problems.append("the target was left stopped: %s" % self.states())
        if self.tracer():
            problems.append("the target is still traced by %d" % self.tracer())
        if self.wants_heartbeat:
            before, deadline = self.beats(), time.monotonic() + 10
            while self.beats() == before:
                if time.monotonic() > deadline:
                    problems.append("the target's heart does not beat any more")
                    break
                time.sleep(0.01)
        return problems

    def activity(self):
        """What the kernel says about its threads; equal when none ran in between."""
        seen = {}
        for tid in self.threads():
            for name in ("syscall", "schedstat"):
                try:
                    with open("/proc/%d/task/%d/%s" % (self.pid, tid, name)) as opened:
                        seen[tid, name] = opened.read()
                except OSError:
                    seen[tid, name] = "ended"
        return seen


def kernel_can_prove_quiet():
    """Whether this kernel has the files that show that no thread ran."""
    try:
        with open("/proc/self/syscall"), open("/proc/self/schedstat") as opened:
            return opened.read().split()[0] != "0"
    except (OSError, IndexError):
        return False
