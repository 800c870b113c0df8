#!/usr/bin/env python3
"""The cores of this folder, which scripts/make-core-fixtures saved, against the pictures beside
them. No interpreter but the one that runs this is needed: a core has all that its picture needs.

    check.py            compares, and takes memory out of the cores
    check.py --write    writes the pictures anew (then review the diff)

A core that lacks memory must not become another story: what was found in it is found in the whole
one too, as surely at least.
"""

import glob
import json
import lzma
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ASYNCSPY = os.environ.get("ASYNCSPY", os.path.join(HERE, "..", "..", "build", "asyncspy"))
SURE = {"possible": 0, "likely": 1, "certain": 2}
NOTE_PAGES = 0x41530002
DAMAGED = int(os.environ.get("DAMAGED", 12))  # copies of each core
LINES_SHOWN = 8


def forget_what_differs(snapshot):
    """What is of one run, one file or one version of asyncspy."""
    snapshot["asyncspy"] = snapshot["target"]["core"] = None
    snapshot["capture"] = {"second_look_s": snapshot["capture"]["second_look_s"]}


def dump(path):
    done = subprocess.run([ASYNCSPY, "dump", "--format=json", "--quiet", "--core", path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode:
        raise OSError("exit %d: %s" % (done.returncode, done.stderr.decode(errors="replace")))
    snapshot = json.loads(done.stdout.decode())
    forget_what_differs(snapshot)
    return snapshot


def lines(snapshot):
    """JSON with a line for each record."""
    parts = []
    for key, value in snapshot.items():
        text = json.dumps(value)
        if isinstance(value, list) and value:
            text = "[\n%s]" % ",\n".join(json.dumps(item) for item in value)
        parts.append("%s: %s" % (json.dumps(key), text))
    return "{" + ",\n".join(parts) + "}\n"


def write_picture(name, snapshot):
    with open(os.path.join(HERE, name + ".json"), "w", encoding="utf-8") as opened:
        opened.write(lines(snapshot))


def read_picture(name):
    with open(os.path.join(HERE, name + ".json"), encoding="utf-8") as opened:
        return opened.read()


def difference(expected, actual):
    pairs = zip(expected.splitlines(), actual.splitlines())
    different = ["line %d: %s\n       instead of %s" % (number, b[:300], a[:300])
                 for number, (a, b) in enumerate(pairs, 1) if a != b]
    return different[:LINES_SHOWN] or ([] if expected == actual else ["another length"])


# --- with memory taken out ---

def find_pages(core):
    """Where the note about pages stands: from, to."""
    offset, size = struct.unpack_from("<8xQ16xQ", core, 64)  # the first segment: PT_NOTE
    at = offset
    while at < offset + size:
        name, length, kind = struct.unpack_from("<III", core, at)
        start = at + 12 + (name + 3) // 4 * 4
        if kind == NOTE_PAGES:
            return start, start + length
        at = start + (length + 3) // 4 * 4
    raise ValueError("no note about pages")


def damage(core, chance):
    """A copy without some pages, or without some pieces of them."""
    copy = bytearray(core)
    start, end = find_pages(core)
    rows = range(start, end, 16)
    for row in chance.sample(rows, min(len(rows), chance.choice([1, 1, 2, 5, 20]))):
        pieces = chance.choice([0, chance.getrandbits(64)])
        old, = struct.unpack_from("<Q", copy, row + 8)
        struct.pack_into("<Q", copy, row + 8, old & pieces)
    return bytes(copy)


def invented(whole, part):
    sure = {}
    for finding in whole["findings"]:
        level = SURE[finding["confidence"]]
        sure[finding["code"]] = max(level, sure.get(finding["code"], 0))
    return ["%s (%s): %s" % (finding["code"], finding["confidence"], finding["summary"])
            for finding in part["findings"]
            if SURE[finding["confidence"]] > sure.get(finding["code"], -1)]


def damaged_problems(name, core, whole, folder):
    for number in range(DAMAGED):
        path = os.path.join(folder, "damaged.core")
        with open(path, "wb") as opened:
            opened.write(damage(core, random.Random("%s %d" % (name, number))))
        try:
            part = dump(path)
        except OSError as error:
            if "exit 1: asyncspy: " not in str(error) or str(error).count("\n") != 1:
                yield "damaged %d: %s" % (number, error)
            continue
        for problem in invented(whole, part):
            yield "damaged %d: invented %s" % (number, problem)
        if len(part["tasks"]) != len(whole["tasks"]) and not part["missing"]:
            yield "damaged %d: fewer tasks, and nothing is missing" % number


def check(name, folder):
    packed = os.path.join(HERE, name + ".core.xz")
    snapshot = dump(packed)
    problems = difference(read_picture(name), lines(snapshot))
    with lzma.open(packed) as opened:
        problems += damaged_problems(name, opened.read(), snapshot, folder)
    return problems


def main():
    names = sorted(os.path.basename(path)[:-len(".core.xz")]
                   for path in glob.glob(os.path.join(HERE, "*.core.xz")))
    if "--write" in sys.argv:
        for name in names:
            write_picture(name, dump(os.path.join(HERE, name + ".core.xz")))
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix="asyncspy-cores-") as folder:
        for name in names:
            try:
                problems = check(name, folder)
            except (OSError, ValueError, subprocess.SubprocessError) as error:
                problems = [str(error)]
            failed += bool(problems)
            for problem in problems[:LINES_SHOWN]:
                print("FAIL %s: %s" % (name, problem))
    print("%d passed, %d failed" % (len(names) - failed, failed))
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
