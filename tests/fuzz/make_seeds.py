#!/usr/bin/env python3
"""Writes the seeds in tests/fuzz/corpus/: small, and the same on every run.

Line tables come from the Python that runs this; run it with several to get several encodings.
"""

import gzip
import lzma
import os
import random
import struct
import subprocess
import sys
import zlib

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
LAYOUTS = 12  # at least as many as there are tables in offsets/; a choice is taken modulo that
PROGRAM = 32  # a choice of as much more is the same layout with the next program of fuzz_image.h


def write(name, seed, data):
    folder = os.path.join(CORPUS, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, seed), "wb") as opened:
        opened.write(data)


def change(chance):
    """One change of fuzz_image.h: a word, how far from it, what to do, with what."""
    kind = chance.choice([0, 1, 1, 1, 2, 3, 3, 4, 5, 6, 7, 255])
    return struct.pack("<HbBQ", chance.getrandbits(16), chance.choice([0, 0, 0, 8, -8]), kind,
                       chance.getrandbits(64))


def image(layout, changes, rest=b""):
    return bytes([layout, len(changes)]) + b"".join(changes) + rest


def write_images():
    for layout in range(LAYOUTS):
        chance = random.Random(layout)
        changes = [change(chance) for _ in range(6)]
        # An operation of fuzz_objects.c, fuzz_frames.c: what to read, and which object.
        calls = b"".join(struct.pack("<BHB", what % 16, chance.getrandbits(16), 0)
                         for what in range(48))
        write("fuzz_walk", "plain-%d" % layout, image(layout, []))
        write("fuzz_walk", "changed-%d" % layout, image(layout, changes))
        write("fuzz_walk", "copied-%d" % layout, image(layout, [], image(1, changes)[1:]))
        for program in range(1, 7) if layout % 4 == 1 else ():
            write("fuzz_walk", "server-%d-%d" % (program, layout),
                  image(PROGRAM * program + layout, changes[:2], image(1, changes)[1:]))
        write("fuzz_objects", "calls-%d" % layout, image(layout, changes[:2], calls))
        write("fuzz_frames", "calls-%d" % layout, image(layout, changes[:2], calls))


def sample(numbers):
    """Its line table goes backwards, over many lines and over long expressions."""
    total = 0
    for number in numbers:
        try:
            total += (number *
                      len(numbers) if number > 2 else
                      max(numbers))
        except ValueError as problem:
            print(problem,



                  total)
        finally:
            total -= 1
    return [total + n for n in numbers if n]


def write_line_tables():
    minor = sys.version_info[1]
    for number, function in enumerate((sample, write_images, change)):
        code = function.__code__
        table = getattr(code, "co_linetable", None) or code.co_lnotab
        for layout in range(LAYOUTS):
            if layout % 4 == number:
                write("fuzz_line_tables", "3.%d-%s-%d" % (minor, function.__name__, layout),
                      struct.pack("<BiI", layout, code.co_firstlineno, 12) + table)


MAPS = b"""\
55d0c0a00000-55d0c0a01000 r--p 00000000 fe:01 131 /bin/python
55d0c0a01000-55d0c0c00000 r-xp 00001000 fe:01 131 /bin/python
55d0c0c00000-55d0c0c10000 rw-p 00200000 fe:01 131 /bin/python
55d0c0c10000-55d0c0c20000 rw-p 00000000 00:00 0
7f0000000000-7f0000001000 r-xp 00000000 fe:01 132 /usr/lib/libpython3.11.so.1.0 (deleted)
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
"""
STAT = (b"1234 (py) S\n (x) S 1 1234 1234 0 -1 4194304 9 0 0 0 17 4 0 0 20 0 3 0 8888 9 9 "
        b"18446744073709551615 1 1 140721 0 0 0 0 0 0\n")
STATUS = b"Name:\tpython3\nUmask:\t0022\nTgid:\t1234\nNSpid:\t1234\t17\nThreads:\t3\n"


TCP = b"""  sl  local_address rem_address   st tx_queue rx_queue tr tm->when
   0: 0100007F:D087 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1 4 0 100
   1: 0500000A:C86C 0302010A:01BB 01 00000011:00000005 01:00000014 00000004  1000        0 2 1 0 20
"""
TCP6 = b"""  sl  local_address remote_address st
   0: 0000000000000000FFFF00000500000A:0050 B80D0120000000000000000001000000:C000 08 \
00000000:00000001 00:00000000 00000000     0        0 3 1 0 20
"""
UDP = b"7: 0100007F:ACCE 00000000:0000 07 00000000:00000300 00:00000000 00000000 0 0 4 2\n"
UNIX = b"""Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000003 00000000 00000000 0001 03     5
0000000000000000: 00000002 00000000 00010000 0001 01     6 @name of
0000000000000000: 00000002 00000000 00010000 0001 01     6 /two lines
"""
EPOLL = b"pos:\t0\nPid:\t7\ntfd:        5 events:       19 data: 5  pos:0 ino:64 sdev:a"
CLOCKS = b"monotonic          -5 250000000\nboottime            0         0\n"


def write_proc():
    parts = [MAPS, STAT, b"python3\0app.py\0", STAT, b"232 0x3 0x7f 0x0\n", b"ep_poll", STATUS,
             TCP, TCP6, UDP, UNIX, EPOLL, CLOCKS]
    write("fuzz_proc", "usual", b"\xff".join(parts))
    write("fuzz_proc", "running", b"\xff".join(parts[:4] + [b"running\n", b"0", b""]))
    write("fuzz_proc", "empty", b"")


def section(name, kind, address, offset, size, link=0, entry=0):
    return struct.pack("<IIQQQQIIQQ", name, kind, 0, address, offset, size, link, 0, 8, entry)


def elf(kind):
    """A file with one segment, a build id, a symbol table and .PyRuntime."""
    names = b"\0.note\0.dynsym\0.dynstr\0.shstrtab\0.PyRuntime\0"
    strings = b"\0_PyRuntime\0Py_Version\0"
    note = struct.pack("<III4s8s", 4, 8, 3, b"GNU\0", b"\1\2\3\4\5\6\7\x08")
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x11, 0, 5, 0x1040, 64) + \
        struct.pack("<IBBHQQ", 12, 0x11, 0, 5, 0x1080, 4)
    parts, at = [], 64 + 56
    for data in (note, symbols, strings, names):
        parts.append(at)
        at += len(data)
    header = struct.pack("<4sBBBB8sHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, b"", kind, 62, 1, 0, 64,
                         at, 0, 64, 56, 1, 64, 6, 4)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, at, at, 4096)
    table = bytes(64) + section(1, 7, 0x78, parts[0], len(note)) + \
        section(7, 11, 0, parts[1], len(symbols), 3, 24) + \
        section(15, 3, 0, parts[2], len(strings)) + section(23, 3, 0, parts[3], len(names)) + \
        section(33, 1, 0x1040, 0, 64)
    return header + segment + note + symbols + strings + names + table


def write_elf():
    write("fuzz_elf", "dynamic", elf(3))
    write("fuzz_elf", "fixed", elf(2))
    write("fuzz_elf", "sections-in-section-0", elf(3)[:60] + b"\0\0" + elf(3)[62:])
    write("fuzz_elf", "cut", elf(3)[:200])


def note(kind, data):
    return struct.pack("<III8s", 5, len(data), kind, b"CORE") + data + bytes(-len(data) % 4)


def core(program, heap, notes_last=False):
    """A core of a program at 0x5000000, of which the core has `program`, and a heap behind it."""
    registers = struct.pack("<15QQ11Q", *range(15), 232, *range(11))
    status = struct.pack("<iiih2xQQiiii", 6, 0, 0, 6, 0, 0, 4711, 1, 1, 1) + bytes(64) + registers
    start, heap_at = 0x5000000, 0x6000000
    auxiliary = struct.pack("<6Q", 3, start + 64, 25, heap_at + 64, 0, 0)
    files = struct.pack("<8Q", 2, 4096, start, start + 4096, 0, start + 4096, start + 8192, 1)
    notes = note(1, status + bytes(336 - len(status))) + \
        note(3, bytes(24) + struct.pack("<i", 4711) + bytes(12) + b"python3\0" + bytes(88)) + \
        note(6, auxiliary) + note(0x46494c45, files + b"/bin/python3.12\0" * 2)
    at = 64 + 4 * 56
    places = (at + len(program) + len(heap), at) if notes_last else (at, at + len(notes))
    memory = places[1]
    header = struct.pack("<4sBBBB8sHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, b"", 4, 62, 1, 0, 64, 0, 0,
                         64, 56, 4, 0, 0, 0)
    table = struct.pack("<IIQQQQQQ", 4, 0, places[0], 0, 0, len(notes), 0, 1)
    for flags, offset, address, stored, size in (
            (4, memory, start, len(program), 4096), (5, 0, start + 4096, 0, 4096),
            (6, memory + len(program), heap_at, len(heap), 8192)):
        table += struct.pack("<IIQQQQQQ", 1, flags, offset, address, 0, stored, size, 4096)
    return header + table + (program + heap + notes if notes_last else notes + program + heap)


def write_cores():
    heap = b"3.12.1 (main, Nov 21 2026, 10:00:00) [GCC 12.2.0]\0" + bytes(14) + b"xdebugpy" + \
        struct.pack("<QQ", 0x030e0af0, 0) + bytes(range(200))
    for name, last in (("kernel", False), ("gcore", True)):
        whole = core(elf(3), heap, last)
        write("fuzz_core", name, whole)
        write("fuzz_core", name + "-cut", whole[:-300])
    write("fuzz_core", "static", core(elf(2), heap))
    write("fuzz_core", "gzip", gzip.compress(core(elf(3), heap), mtime=0))
    write("fuzz_core", "xz", lzma.compress(core(elf(3), heap)))
    for program in ("zstd", "lz4"):
        write("fuzz_core", program, subprocess.run([program, "-c"], input=core(elf(3), heap),
                                                   stdout=subprocess.PIPE, check=True).stdout)


def write_saved_cores():
    """Changes of fuzz_saved_core.c: a place, what to do, with what."""
    for number in range(20):  # at least as many as there are in tests/cores/
        chance = random.Random(number)
        write("fuzz_saved_core", "plain-%d" % number, bytes([number]))
        write("fuzz_saved_core", "changed-%d" % number, bytes([number]) + b"".join(
            struct.pack("<IB3s", chance.getrandbits(32), chance.randrange(6), chance.randbytes(3))
            for _ in range(8)))


def write_snapshots():
    """Besides those of tests/golden/."""
    write("fuzz_snapshot_json", "empty", b'{"schema": "asyncspy.snapshot/1"}')
    write("fuzz_snapshot_json", "odd", b'{"schema": "asyncspy.snapshot/1", "tasks": [{"id": "0x1", '
          b'"name": "\\u001b[31m\\u0000\\ud800", "state": "waiting", "notes": [""], '
          b'"frames": []}]}')
    write("fuzz_snapshot_json", "tree", b'{"schema": "asyncspy.snapshots/1", "complete": true, '
          b'"processes": [{"pid": 1, "state": "no_asyncio", "tasks": 0, "command_line": ["a"]}, '
          b'{"pid": 2, "parent": 1, "state": "idle", "tasks": 7, "command_line": ["a"], '
          b'"snapshot": {"schema": "asyncspy.snapshot/1"}}, '
          b'{"pid": 3, "parent": 1, "state": "not_read", "why": "\\u001b[31m"}]}')


def number(value):
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def recording_chunks():
    """Two tasks, a thread and a loop (src/snapshot/recording_format.h)."""
    info = b"\x021\x02t" + number(100000000) + b"\x08process\x55\0\0\1\4py3\0\0\0\2\0\0"
    strings = b"".join(b"\0" + number(len(name)) + name
                       for name in (b"main", b"a.py", b"Task-1", b"Lock#1"))
    frames = bytes([1, 0, 1, 1, 2, 0, 14, 0, 8, 20, 0]) + bytes([1, 1, 1, 0, 0, 0, 1, 0, 1, 0, 127])
    waits = bytes([2, 14, 4, 0, 0, 0, 0, 0, 0, 0, 0])
    defined = strings + frames + waits + bytes([3, 0, 2, 1, 2]) + bytes([3, 1, 1, 1])
    tasks = bytes([2]) + \
        bytes([2]) + number(215) + bytes([3, 1, 3, 11, 32, 3, 1, 16]) + bytes([2, 72, 2])
    threads = bytes([1, 1, 126, 2, 201, 1, 9, 1, 9, 3, 3, 3, 0])
    loops = bytes([1, 1, 127, 1, 1, 3, 3, 5, 7, 9, 1, 3, 0])
    first = bytes([115, 1]) + number(10000) + bytes([5, 9]) + tasks + threads + loops
    quiet = bytes([2, 1]) + number(10000) + b"\7"
    changed = bytes([112, 2]) + number(9999) + bytes([2, 1, 4, 0, 2, 32]) + \
        bytes([1, 1, 4, 11, 0]) + bytes([1, 1, 48, 0, 0, 0])
    end = number(500) + b"\5done" + bytes([3, 0, 5, 5, 9]) + b"the end\n"
    return [(b"I", info), (b"D", defined), (b"S", first), (b"S", quiet), (b"S", changed),
            (b"R", b""), (b"D", defined), (b"S", quiet), (b"E", end)]


def write_recordings():
    chunks = recording_chunks()
    whole = b"asyncspy recording 1\n"
    for kind, payload in chunks:
        chunk = kind + number(len(payload)) + payload
        whole += chunk + struct.pack("<I", zlib.crc32(chunk))
    write("fuzz_recording", "file", b"\0" + whole)
    write("fuzz_recording", "cut", b"\0" + whole[:-9])
    parts = [kind + struct.pack("<H", len(payload)) + payload for kind, payload in chunks]
    write("fuzz_recording", "chunks", b"\1" + b"".join(parts))
    write("fuzz_recording", "undefined", b"\1" + b"".join(parts[:1] + parts[2:]))
    write("fuzz_recording", "endless", b"\1" + b"".join(parts[:-1] + parts[3:4] * 20))


TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SAMPLES, PICTURE, SIZE, HOW, KEY = 0x00, 0x20, 0x40, 0x60, 0x80
KEYS = 17  # kinds of enum top_key_kind; 0: a character


def write_screens():
    """A snapshot, then what fuzz_top.c calls events: pictures, samples, every key on every tab."""
    begin = bytes([1, 0x1f, PICTURE, 1, 1, 0x1f, SAMPLES, 60, 5, 90, 1, 0x1f, PICTURE, 6, 1, 0x1f])
    keys = bytes(KEY + kind for kind in range(1, KEYS - 1))
    events = {"keys": keys + bytes([SIZE, 30, 100]) + keys,
              "letters": b"".join(bytes([KEY, ord(letter)]) for letter in "2ssr3!q45?h1/ta"),
              "sizes": b"".join(bytes([SIZE, rows, columns]) for rows, columns in
                                ((0, 0), (2, 10), (5, 20), (10, 40), (24, 80), (60, 200))),
              "list": bytes([SAMPLES, 1, 1, 1, 1, 0x8f, 10, HOW + 7, KEY + 2, KEY + 9])}
    for source in ("unit/full_snapshot.json", "golden/silent_peer.json", "golden/two_loops.json",
                   "golden/ok_busy.json"):
        with open(os.path.join(TESTS, source), "rb") as opened:
            text = opened.read().replace(b": ", b":").replace(b", ", b",")
        for name, rest in events.items():
            write("fuzz_top", "%s-%s" % (os.path.basename(source)[:-5], name),
                  text + b"\xff" + bytes([1, 0]) + begin[2:] + rest)


def main():
    if "--line-tables-only" not in sys.argv:
        write_images()
        write_proc()
        write_elf()
        write_cores()
        write_saved_cores()
        write_snapshots()
        write_recordings()
        write_screens()
    write_line_tables()


if __name__ == "__main__":
    main()
