"""asyncspy record: what ends a recording, and programs that it starts."""

import json
import os
import resource
import signal
import subprocess
import time

from bad import refused
from recordings import (SECONDS, done_well, finish, folder, left_alone, program, read_source,
                        samples_said, stacks_of, start_record, trace_problems, wait_for_size)


def target_killed(context, interpreter):
    with program(context, "mixed") as process, folder() as path:
        output = os.path.join(path, "out.folded")
        recorder = start_record(context, "-p", process.pid, "-o", output)
        wait_for_size(os.path.join(path, "out.asyncspy"))
        time.sleep(0.5)
        process.kill()
        done = finish(recorder)
        yield from done_well(done, "until it ended")
        if not stacks_of(output) or os.listdir(path) != ["out.folded"]:
            yield "the files: %s" % os.listdir(path)


def recorder_killed(context, interpreter):
    with program(context, "mixed") as process, folder() as path:
        for number in range(3):
            raw = os.path.join(path, "out%d.asyncspy" % number)
            output = os.path.join(path, "trace%d.json" % number)
            recorder = start_record(context, "-p", process.pid, "-r", 1000, "-o",
                                    raw.replace(".asyncspy", ".html"))
            wait_for_size(raw)
            time.sleep(0.4 + 0.0123 * number)
            recorder.kill()
            finish(recorder)
            yield from left_alone(process.pid, "RS")
            done = context.run("report", raw, "-o", output)
            yield from done_well(done, "cut off", output)
            if samples_said(done) < 1:
                yield "no sample is left"
            yield from trace_problems(output)


def interrupted(context, interpreter):
    with program(context, "mixed") as process, folder() as path:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            output = os.path.join(path, "out%d.json" % number)
            recorder = start_record(context, "-p", process.pid, "-o", output)
            wait_for_size(output.replace(".json", ".asyncspy"))
            time.sleep(0.3)
            recorder.send_signal(number)
            yield from done_well(finish(recorder), "until interrupted", output)
            yield from trace_problems(output)
            yield from left_alone(process.pid, "RS")


# --- a program that is started ---


def start_child(context, path, word, *options, **keys):
    keys.setdefault("env", dict(os.environ, **context.interpreter.environment))
    return start_record(context, "-o", path, *options, "--", *context.interpreter.command,
                        "-W", "ignore", "-c", read_source("child"), word, stdin=subprocess.PIPE,
                        **keys)


def child_status(context, interpreter):
    """Its exit status is passed on; its input and output are its own."""
    for word, status in (("exit 0", 0), ("exit 7", 7), ("signal 9", 137), ("signal 15", 143)):
        with folder() as path:
            output = os.path.join(path, "out.json")
            process = start_child(context, output, word)
            out, errors = process.communicate(b"some input\n", timeout=SECONDS)
            first = json.loads((out.splitlines() or [b"{}"])[0].decode())
            if process.returncode != status:
                yield "%s: exit %s: %s" % (word, process.returncode, errors)
            if first.get("input") != "some input\n" or b"this is stderr\n" not in errors:
                yield "%s: stdout %s, stderr %s" % (word, out, errors)
            if b"until it ended" not in errors or os.listdir(path) != ["out.json"]:
                yield "%s: %s, %s" % (word, os.listdir(path), errors)
            else:
                yield from trace_problems(output)


def child_as_before(context, interpreter):
    """Limits and signals of the program are those without asyncspy."""
    def lower():
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2})
    with folder() as path:
        process = start_child(context, os.path.join(path, "out.json"), "exit 0",
                              preexec_fn=lower)
        out, errors = process.communicate(b"\n", timeout=SECONDS)
        said = json.loads(out.decode() or "{}")
        plain = subprocess.run(context.interpreter.command + ["-W", "ignore", "-c",
                                                              read_source("child"), "exit 0"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, input=b"\n",
                               timeout=SECONDS, preexec_fn=lower,
                               env=dict(os.environ, **context.interpreter.environment))
        expected = json.loads(plain.stdout.decode())
        for key in ("limit", "masks"):
            if said.get(key) != expected[key]:
                yield "%s: %s instead of %s: %s" % (key, said.get(key), expected[key], errors)


def child_signals(context, interpreter):
    """A signal that asyncspy alone gets is for the program, which ends as it wants to."""
    for number, status in ((signal.SIGTERM, 41), (signal.SIGINT, 42)):
        with folder() as path:
            output = os.path.join(path, "out.folded")
            process = start_child(context, output, "wait", start_new_session=True)
            process.stdin.write(b"\n")
            process.stdin.flush()
            first = process.stdout.readline()
            wait_for_size(os.path.join(path, "out.asyncspy"))
            time.sleep(0.4)
            process.send_signal(number)
            done = finish(process)
            if done.returncode != status or done.stdout != b"signal %d\n" % number:
                yield "signal %d: exit %s, %s, %s" % (number, done.returncode, first + done.stdout,
                                                      done.stderr)
            if os.listdir(path) != ["out.folded"] or not stacks_of(output):
                yield "signal %d: %s" % (number, os.listdir(path))


def child_outlives(context, interpreter):
    """The recording ends before the program: that runs on, and its status is passed on."""
    with folder() as path:
        output = os.path.join(path, "out.folded")
        process = start_child(context, output, "exit 3", "-d", "0.1")
        out, errors = process.communicate(b"\n", timeout=SECONDS)
        if process.returncode != 3 or b"until the time was over" not in errors:
            yield "exit %s, %s, %s" % (process.returncode, out, errors)


def no_such_command(context, interpreter):
    with folder() as path:
        output = os.path.join(path, "out.json")
        yield from refused(context.run("record", "-o", output, "--", "/no/such/command"),
                           "/no/such/command")
        done = context.run("record", "-o", output, "--", "sleep", "0.5")
        yield from refused(done, "python")
        if os.listdir(path):
            yield "left behind: %s" % os.listdir(path)
