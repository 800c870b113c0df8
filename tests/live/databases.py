"""A PostgreSQL or a Redis of the tests' own: on loopback, with its data in a temporary folder."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

START_SECONDS = 30
TRIES = 5
READY = "eady to accept connections"


class NoDatabase(Exception):
    """It is not installed."""


def find_program(name, *patterns):
    """The newest program of that name below the folders."""
    found = [path for pattern in patterns for path in glob.glob(os.path.join(pattern, name))]
    if not found:
        raise NoDatabase("no %s" % name)
    return max(found, key=lambda path: [int(part) if part.isdigit() else 0
                                        for part in path.split(os.sep)])


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Database:
    """A server for the time of a with statement; it leaves nothing behind."""

    end_signal = signal.SIGKILL

    def __init__(self):
        self.process = self.folder = self.port = None

    def __enter__(self):
        try:
            self.folder = tempfile.mkdtemp(prefix="asyncspy-live-")
            self.prepare()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._end()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        for _ in range(TRIES):
            self.port = free_port()
            self._forget()
            self.process = self.run(self.command(), start_new_session=True)
            deadline = time.monotonic() + START_SECONDS
            while self.process.poll() is None and time.monotonic() < deadline:
                if READY in self.last_words():
                    return
                time.sleep(0.02)
            self._end()
        raise OSError("%s does not start: %s" % (type(self).__name__, self.last_words()))

    def _end(self):
        if self.process is None:
            return
        for number in (signal.SIGCONT, self.end_signal):
            self.signal(number)
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def signal(self, number):
        """To all that belongs to it."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    @property
    def log(self):
        return os.path.join(self.folder, "log")

    def _forget(self):
        with open(self.log, "w"):
            pass

    def last_words(self):
        with open(self.log, errors="replace") as opened:
            return opened.read()[-1000:]

    def run(self, command, **keys):
        """Starts a program that ends with the tests, as the user whom the folder belongs to."""
        owner = os.stat(self.folder).st_uid
        words = ["setpriv", "--pdeathsig", self.end_signal.name[3:]]
        if owner != os.geteuid():
            words += ["--reuid", str(owner), "--regid", str(pwd.getpwuid(owner).pw_gid),
                      "--clear-groups"]
        with open(self.log, "ab") as log:
            return subprocess.Popen(words + ["--"] + command, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, cwd=self.folder, **keys)

    def prepare(self):
        pass

    def command(self):
        raise NotImplementedError


class PostgreSQL(Database):
    # Told so it removes its shared memory; it does not run as root.
    end_signal = signal.SIGQUIT

    def prepare(self):
        initdb = find_program("initdb", "/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/bin")
        self.program = os.path.join(os.path.dirname(initdb), "postgres")
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam("nobody").pw_uid, -1)
        done = self.run([initdb, "-D", "data", "-U", "asyncspy", "-A", "trust", "--no-sync",
                         "--locale=C", "--encoding=UTF8"])
        if done.wait(START_SECONDS):
            raise OSError("initdb fails: " + self.last_words())

    def command(self):
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off",
                    "unix_socket_directories": "", "max_connections": 20, "shared_buffers": "1MB",
                    "dynamic_shared_memory_type": "mmap", "autovacuum": "off"}
        return [self.program, "-D", "data"] + [word for key, value in settings.items()
                                               for word in ("-c", "%s=%s" % (key, value))]


class Redis(Database):
    def command(self):
        program = shutil.which("redis-server")
        if program is None:
            # Debian's redis-tools has it under another name; it goes by its own.
            program = os.path.join(self.folder, "redis-server")
            if not os.path.islink(program):
                os.symlink(find_program("redis-check-rdb", "/usr/bin", "/usr/local/bin"), program)
        return [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", self.folder, "--daemonize", "no"]
