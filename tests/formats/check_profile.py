"""check_profile.py BUILD: collapsed stacks, and profiles of pprof, also as Go's pprof reads them."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pprof
from formats import Checks, Skipped

SERVER = """\
handler (shop/web.py:12);Pool.acquire (shop/db.py:30);Lock#1 'pool.sem' 60000000
tick (shop/web.py:50);sleep (asyncio/tasks.py:639);sleep 30000000
report (shop/web.py:70);loads (shop/json.py:4);ready 4000000
report (shop/web.py:70);loads (shop/json.py:3);ready 4000000
report (shop/web.py:70);loads (shop/json.py:4) 1000000
report (shop/web.py:70);loads (shop/json.py:3) 1000000
"""
CPU = """\
report (shop/web.py:70);loads (shop/json.py:4) 500000
report (shop/web.py:70);loads (shop/json.py:3) 500000
"""
THREADS = "Thread MainThread (42);idle 10000000\n"
# Seconds spent in a function itself, and in what it calls too.
TOP = {"Lock#1 'pool.sem'": (60, 60), "sleep": (30, 30), "ready": (8, 8), "loads": (2, 10),
       "Pool.acquire": (0, 60), "handler": (0, 60), "report": (0, 10), "tick": (0, 30)}
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "mins": 60, "hrs": 3600}


def write(build, *arguments):
    return subprocess.run([pathlib.Path(build) / "tests/write_profile", *arguments], timeout=60,
                          stdout=subprocess.PIPE, check=True).stdout


def check_collapsed(checks, build):
    checks.expect("collapsed", write(build, "collapsed", "server").decode(), SERVER)
    checks.expect("collapsed, cpu", write(build, "collapsed", "server", "cpu").decode(), CPU)
    checks.expect("collapsed, threads", write(build, "collapsed", "server", "threads").decode(),
                  THREADS)
    lines = write(build, "collapsed", "weird").decode("utf-8").split("\n")
    checks.expect("weird: lines", len(lines), 2 + 1)
    checks.check("weird: control characters",
                 [line for line in lines if re.search("[\x00-\x1f\x7f-\x9f\u202e]", line)])
    checks.check("weird: one number at the end",
                 [line for line in lines[:-1] if not re.fullmatch(r".* \d+", line)
                  or re.fullmatch(r".*\s[0-9.]+\s+[0-9.]+", line)])
    checks.expect("weird: frames", lines[0].count(";"), 9)
    large = write(build, "collapsed", "large").decode().splitlines()
    checks.expect("large", sum(int(line.rsplit(" ", 1)[1]) for line in large), 200 * 10**6)


def check_flamegraph_pl(checks, build):
    """Where Brendan Gregg's script is installed."""
    script = shutil.which("flamegraph.pl")
    if not script:
        raise Skipped("flamegraph.pl is not installed")
    done = subprocess.run([script], input=write(build, "collapsed", "server"), timeout=60,
                          stdout=subprocess.PIPE, check=True)
    checks.check("its total", [] if b"all (100,000,000 samples, 100%)" in done.stdout else ["no"])


def check_pprof(checks, build):
    profile = pprof.read(write(build, "pprof", "server"))
    strings = profile["string_table"]
    checks.expect("types", profile["types"], [("samples", "count"), ("wall", "nanoseconds")])
    checks.expect("period", (profile["period"], strings[profile["period_type"]["type"]]),
                  (10**7, "wall"))
    checks.expect("times", (profile["time_nanos"], profile["duration_nanos"]),
                  (1795262400 * 10**9, 10 * 10**9))
    [mapping] = profile["mapping"]
    checks.expect("mapping", strings[mapping["filename"]], "/usr/bin/python3.11")
    stacks = {";".join("%s %s:%d" % frame for frame in stack): values
              for stack, values in profile["stacks"].items()}
    checks.expect("stack", stacks["handler /srv/app/shop/web.py:12;Pool.acquire "
                                  "/srv/app/shop/db.py:30;Lock#1 'pool.sem' :0"],
                  (60, 60 * 10**9))
    checks.expect("stacks", len(stacks), 6)
    cpu = pprof.read(write(build, "pprof", "server", "cpu"))
    checks.expect("cpu", (cpu["types"][1], sorted(cpu["stacks"].values())),
                  (("cpu", "nanoseconds"), [(1, 5 * 10**8)] * 2))
    weird = pprof.read(write(build, "pprof", "weird"))
    checks.check("weird", [s for s in weird["string_table"]
                           if re.search("[\x00-\x1f\x7f-\x9f\u202e]", s)])
    large = pprof.read(write(build, "pprof", "large"))
    checks.expect("large", [sum(column) for column in zip(*large["stacks"].values())],
                  [20000, 200 * 10**9])
    empty = pprof.read(write(build, "pprof", "server", "gil"))
    checks.expect("empty", empty["stacks"], {})


def run_go(folder, data, *options):
    """What `go tool pprof` says, without a network and with all it writes in the folder."""
    if not shutil.which("go"):
        raise Skipped("go is not installed")
    path = folder / "profile.pb.gz"
    path.write_bytes(data)
    environment = dict(os.environ, HOME=str(folder), GOCACHE=str(folder / "cache"), GOPROXY="off",
                       GOPATH=str(folder / "go"), GOFLAGS="-mod=mod", GOTOOLCHAIN="local",
                       PPROF_TMPDIR=str(folder))
    done = subprocess.run(["go", "tool", "pprof", *options, str(path)], cwd=folder, env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120, check=False)
    output = done.stdout.decode("utf-8", "replace")
    if "no such tool" in output:
        raise Skipped("this Go has no pprof")
    return done.returncode, output


def to_seconds(text):
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]*)", text).groups()
    return float(number) * SECONDS[unit] if unit else float(number)


def check_go(checks, build):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        status, output = run_go(folder, write(build, "pprof", "server"), "-top", "-nodecount=100")
        rows = re.findall(r"(?m)^ *(\S+) +\S+% +\S+% +(\S+) +\S+%  (.*)$", output)
        found = {label: (to_seconds(flat), to_seconds(cum)) for flat, cum, label in rows}
        checks.expect("go tool pprof -top", (status, found), (0, TOP))
        status, output = run_go(folder, write(build, "pprof", "server"), "-raw")
        checks.expect("-raw", (status, len(re.findall(r"(?m)^ +\d+ \d+: [\d ]+$", output))), (0, 6))
        status, output = run_go(folder, write(build, "pprof", "server"), "-top", "-sample_index=0")
        checks.expect("-sample_index", (status, "Type: samples" in output), (0, True))
        status, output = run_go(folder, write(build, "pprof", "weird"), "-top")
        checks.expect("weird", (status, "process 4711" in output, "\x1b" in output),
                      (0, True, False))
        status, output = run_go(folder, write(build, "pprof", "large"), "-top", "-nodecount=1")
        checks.expect("large", (status, "3.33mins" in output or "200s" in output), (0, True))


def main():
    checks = Checks()
    for check in (check_collapsed, check_flamegraph_pl, check_pprof, check_go):
        try:
            check(checks, sys.argv[1])
        except Skipped as skipped:
            checks.skip(check.__name__, skipped)
    checks.end()


if __name__ == "__main__":
    main()
