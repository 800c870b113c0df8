"""A terminal for tests: a pane of a private tmux server, with a shell in it that runs programs."""

import os
import shlex
import shutil
import subprocess
import tempfile
import time

from bad import Skip

SECONDS = 60  # until what is waited for is there
SETTLED = 0.05
SHOWN = 1500  # characters of what is there instead

# What was typed is gone from the screen of a program that ended well. The traps: Ctrl-C and a
# terminal that goes are for the program, which is to end first.
SCRIPT = """#!/bin/sh
trap : INT QUIT
trap '' HUP
ulimit -c 0
stty -g >before
echo earlier text
(trap - HUP; exec sh -c 'echo $$ >pid; exec "$@"' sh %s)
status=$?
stty -g >after
echo "status=$status"
"""


class Missing(TimeoutError):
    """The terminal does not show what it should."""


class Tmux:
    """The pane. `environment` is that of its shell; None: without that variable."""

    def __init__(self, columns=100, rows=30, **environment):
        if not shutil.which("tmux"):
            raise Skip("tmux is not installed")
        self.columns, self.rows = columns, rows
        self.environment = dict(os.environ, LANG="C.UTF-8", LC_ALL="C.UTF-8", HISTFILE="/dev/null")
        for name in ("TMUX", "NO_COLOR", "COLUMNS", "LINES"):
            self.environment.pop(name, None)
        self.environment.update(environment)
        self.folder = tempfile.mkdtemp(prefix="asyncspy-top-")

    def __enter__(self):
        shell = "cd %s; PS1='$ ' exec bash --norc --noprofile" % shlex.quote(self.folder)
        try:
            self.ask("start-server", ";", "set", "-g", "default-terminal", "screen-256color", ";",
                     "set", "-g", "remain-on-exit", "on", ";", "set", "-g", "status", "off", ";",
                     "new-session", "-d", "-x", self.columns, "-y", self.rows, shell)
            self.wait_for("$")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.ask("kill-server", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *arguments, check=True):
        command = ["tmux", "-u", "-S", os.path.join(self.folder, "tmux"), "-f", "/dev/null"]
        done = subprocess.run(command + [str(word) for word in arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment, timeout=SECONDS)
        if check and done.returncode != 0:
            raise Missing("tmux %s: %s" % (arguments, done.stderr.decode("utf-8", "replace")))
        return done.stdout.decode("utf-8", "replace")

    # --- what is typed ---

    def key(self, *names):
        self.ask("send-keys", *names)

    def type(self, text):
        self.ask("send-keys", "-l", text)

    def run(self, *command):
        """In the shell, which says "status=N" at the end; stty before and after in two files."""
        path = os.path.join(self.folder, "run")
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(SCRIPT % " ".join(shlex.quote(str(word)) for word in command))
        os.chmod(path, 0o755)
        self.type("clear; ./run")
        self.key("Enter")

    def resize(self, columns, rows):
        self.ask("resize-window", "-x", columns, "-y", rows)

    # --- what is shown ---

    def text(self):
        return self.ask("capture-pane", "-p")

    def lines(self):
        return self.text().rstrip("\n").split("\n")

    def styled(self):
        return self.ask("capture-pane", "-p", "-e")

    def get(self, name):
        """A variable of the pane: alternate_on, cursor_flag, pane_title, ..."""
        return self.ask("display", "-p", "#{%s}" % name).rstrip("\n")

    def wait(self, condition, what):
        """The text for which condition(text) holds."""
        deadline = time.monotonic() + SECONDS
        while True:
            text = self.text()
            if condition(text):
                return text
            if time.monotonic() > deadline:
                raise Missing("no %s: %s" % (what, " | ".join(text.split("\n"))[-SHOWN:].strip()))
            time.sleep(SETTLED)

    def wait_for(self, *words):
        return self.wait(lambda text: all(word in text for word in words), " ".join(words))

    def wait_without(self, word):
        return self.wait(lambda text: word not in text, "screen without " + word)

    def wait_for_status(self):
        """What the command ended with, as a shell says it."""
        return int(self.wait_for("status=").rpartition("status=")[2].split()[0])

    def pid(self):
        """Of the command."""
        return int(self.read("pid"))

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as opened:
            return opened.read()
