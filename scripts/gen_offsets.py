#!/usr/bin/env python3
"""Writes offsets/cpython_3_N.c: where the fields of CPython's structures are.

    gen_offsets.py            regenerate every table whose interpreter is at hand
    gen_offsets.py --check    regenerate in memory and compare with the committed tables

Which fields: include/asyncspy/python/fields.def. Where from: the DWARF of the interpreters under
~/.pyenv/versions and build/pythons (scripts/fetch-pythons), read by gdb. Numbers that the target
tells itself at run time (_Py_DebugOffsets, .AsyncioDebug) are written as the place of that word.
The traits, rules that no DWARF tells, are the table TRAITS below.
"""

import argparse
import glob
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIELDS_DEF = os.path.join(TOP, "include/asyncspy/python/fields.def")
PYTHONS = os.path.join(TOP, "build/pythons")

# The oldest and most complete source of each minor is the one that a table is made from.
MINORS = (11, 12, 13, 14, 15)

# 3.13 keeps the running loop right behind the embedded PyThreadState, whose size changed within
# 3.13 and is told by _Py_DebugOffsets.
DEBUG_OFFSET_OF = {(13, "thread.asyncio_running_loop"): "thread_state.size"}

OLD_STATES = {"created": -2, "suspended": -1, "suspended_await": None,
              "suspended_await_locked": None, "executing": 0}
AWAIT_STATES = {"created": -3, "suspended": -2, "suspended_await": -1,
                "suspended_await_locked": None, "executing": 0}
NEW_STATES = {"created": 0, "suspended": 1, "suspended_await": 2,
              "suspended_await_locked": 3, "executing": 4}

TRAITS = {
    11: dict(frame="CFRAME", await_="RESUME", stack="INDEX", loop="HOLDER", tasks="ALL_TASKS",
             instance="VALUES_POINTER", integer="SIGNED_COUNT", gil="RUNTIME", states=OLD_STATES,
             resume=(151, 150, 0), depth=1, tagged=False, shim=0),
    12: dict(frame="CFRAME", await_="RESUME", stack="INDEX", loop="DICT",
             tasks="SCHEDULED_TASKS", instance="TAGGED_WORD", integer="TAG", gil="INTERPRETER",
             states=OLD_STATES, resume=(151, 240, 0), depth=1, tagged=False, shim=3),
    13: dict(frame="CURRENT", await_="STATE", stack="INDEX", loop="FIELD",
             tasks="SCHEDULED_TASKS", instance="INLINE_VALUES", integer="TAG",
             gil="INTERPRETER", states=AWAIT_STATES, resume=(0, 0, 0), depth=1, tagged=False, shim=3),
    14: dict(frame="CURRENT", await_="STATE", stack="POINTER", loop="FIELD",
             tasks="SCHEDULED_TASKS | PY_TASKS_LINKED_LISTS", instance="INLINE_VALUES",
             integer="TAG", gil="INTERPRETER", states=AWAIT_STATES, resume=(0, 0, 0), depth=1,
             tagged=True, shim=3),
    15: dict(frame="CURRENT", await_="STATE", stack="POINTER", loop="FIELD",
             tasks="SCHEDULED_TASKS | PY_TASKS_LINKED_LISTS", instance="INLINE_VALUES",
             integer="TAG", gil="INTERPRETER", states=NEW_STATES, resume=(0, 0, 0), depth=2,
             tagged=True, shim=3),
}

# Runs inside gdb: looks every member up and writes its place in bits.
GDB_PROGRAM = r"""
import gdb, json, os
def lookup(names):
    for name in names.split("|"):
        for candidate in (name, "struct " + name):
            try:
                found = gdb.lookup_type(candidate).strip_typedefs()
            except gdb.error:
                continue
            if found.code == gdb.TYPE_CODE_STRUCT and found.fields():
                return found
    return None
def member(type_, name, base=0):
    for field in type_.fields():
        inner = field.type.strip_typedefs()
        if field.name == name:
            return field, base
        if not field.name and inner.code in (gdb.TYPE_CODE_UNION, gdb.TYPE_CODE_STRUCT):
            found = member(inner, name, base + field.bitpos)
            if found:
                return found
    return None
def place(type_, path):
    position = size = 0
    for name in path.split("."):
        found = member(type_.strip_typedefs(), name)
        if not found:
            return None
        field, base = found
        position, size, type_ = position + base + field.bitpos, field.bitsize, field.type
    return position, size
def words(name):
    result = {}
    def walk(type_, prefix, base):
        for field in type_.fields():
            inner = field.type.strip_typedefs()
            at = base + field.bitpos // 8
            if inner.code == gdb.TYPE_CODE_STRUCT:
                walk(inner, prefix + field.name + ".", at)
            else:
                result[prefix + field.name] = at
    found = lookup(name)
    if found:
        walk(found, "", 0)
        result["sizeof"] = found.sizeof
    return result
places = {}
for item in json.load(open(os.environ["GEN_FIELDS"])):
    found = lookup(item["type"])
    for field in item["fields"] if found else ():
        for path in field["path"].split("|"):
            at = (found.sizeof * 8, 0) if path == "sizeof" else place(found, path)
            if at:
                places[item["name"] + "." + field["name"]] = at
                break
json.dump({"places": places, "debug_offsets": words("_Py_DebugOffsets"),
           "asyncio_debug": words("Py_AsyncioModuleDebugOffsets|_Py_AsyncioModuleDebugOffsets")},
          open(os.environ["GEN_OUT"], "w"))
"""


def read_fields():
    """The field list: [{name, type, fields: [{name, width, path, debug, asyncio}]}]."""
    structs = []
    for line in open(FIELDS_DEF):
        found = re.match(r'PY_STRUCT\((\w+), "([^"]*)"\)', line)
        if found:
            structs.append({"name": found[1], "type": found[2], "fields": []})
        found = re.match(r'PY_FIELD\((\w+), (\w+), (\d+), "([^"]*)", "([^"]*)", "([^"]*)"\)', line)
        if found:
            structs[-1]["fields"].append({"name": found[2], "width": int(found[3]),
                                          "path": found[4], "debug": found[5],
                                          "asyncio": found[6]})
        elif line.startswith("PY_FIELD"):
            sys.exit("gen_offsets: cannot read this line of fields.def: " + line)
    return structs


class Interpreter:
    """An interpreter at hand: a root folder and the files inside it that hold DWARF."""

    def __init__(self, minor, flavour, root, path):
        self.minor, self.flavour, self.root, self.path = minor, flavour, root, path

    def __str__(self):
        return "%s %s" % (self.version, self.flavour)

    def run(self, program):
        command = [os.path.join(TOP, "scripts/in-root"), self.root] if self.root else []
        return subprocess.run(command + [self.path, "-c", program], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=True, timeout=60).stdout.decode()

    def examine(self):
        text = self.run("import sys, sysconfig, _asyncio; v = sysconfig.get_config_var;"
                        "print(sys.version.split()[0]); print(sys.executable);"
                        "print(v('LIBDIR') + '/' + v('INSTSONAME') if v('Py_ENABLE_SHARED') "
                        "else ''); print(getattr(_asyncio, '__file__', ''))")
        self.version, executable, library, extension = text.split("\n")[:4]
        inside = [library if library and os.path.exists(self.root + library) else executable]
        self.files = [self.root + name for name in inside + [extension] if name]


def find_interpreters():
    found = []
    for path in sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))):
        name = re.search(r"versions/3\.(\d+)\.\d+/", path)
        if name:
            found.append(Interpreter(int(name[1]), "release", "", path))
    listing = os.path.join(PYTHONS, "interpreters")
    for line in open(listing) if os.path.exists(listing) else ():
        minor, flavour, root, path = line.split()
        found.append(Interpreter(int(minor.split(".")[1]), flavour,
                                 os.path.join(PYTHONS, root), path))
    return [it for it in found if it.minor in MINORS]


def section_words(path, name):
    """The 64-bit words of an ELF section, or None."""
    data = open(path, "rb").read()
    offset, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    if not headers:
        return None
    for header in headers:
        start = headers[names][4] + header[0]
        if data[start:data.index(b"\0", start)].decode() == name:
            return struct.unpack_from("<%dQ" % (header[5] // 8), data, header[4])
    return None


def read_dwarf(files, root, structs):
    merged = {"places": {}, "debug_offsets": {}, "asyncio_debug": {}}
    with tempfile.TemporaryDirectory() as folder:
        fields, program, out = (os.path.join(folder, n) for n in ("fields", "p.py", "out"))
        json.dump(structs, open(fields, "w"))
        open(program, "w").write(GDB_PROGRAM)
        for path in files:
            subprocess.run(["gdb", "-batch", "-nx", "-iex",
                            "set debug-file-directory %s/usr/lib/debug" % root, "-ex",
                            "source " + program, path], check=True, timeout=300,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=dict(os.environ, GEN_FIELDS=fields, GEN_OUT=out))
            result = json.load(open(out))
            for key in merged:
                for name, value in result[key].items():
                    merged[key].setdefault(name, value)
    return merged


def make_slots(minor, structs, dwarf, asyncio_words):
    """{field: initialiser} and the mask of must_cancel."""
    slots, mask = {}, 1
    for item in structs:
        for field in item["fields"]:
            name = item["name"] + "." + field["name"]
            debug = DEBUG_OFFSET_OF.get((minor, name), field["debug"])
            position, bits = dwarf["places"].get(name, (None, 0))
            if minor >= 13 and debug in dwarf["debug_offsets"]:
                slots[name] = "PY_DBG(%d)" % dwarf["debug_offsets"][debug]
            elif position is None:
                continue
            elif minor >= 14 and field["asyncio"] in dwarf["asyncio_debug"]:
                at = dwarf["asyncio_debug"][field["asyncio"]]
                slots[name] = "PY_AIO(%d, %d)" % (at, asyncio_words[at // 8])
            else:
                slots[name] = "PY_AT(%d)" % (position // 8)
            if name == "task.must_cancel" and bits:
                mask = 1 << position % 8
    return slots, mask


def state_text(value):
    return "PY_NO_STATE" if value is None else str(value)


def format_traits(minor, mask):
    traits = TRAITS[minor]
    rows = [("frame_kind", "PY_FRAME_" + traits["frame"]),
            ("line_kind", "PY_LINE_LOCATIONS"),
            ("await_kind", "PY_AWAIT_" + traits["await_"]),
            ("stack_kind", "PY_STACK_" + traits["stack"]),
            ("running_loop_kind", "PY_RUNNING_LOOP_" + traits["loop"]),
            ("task_registry", "PY_TASKS_" + traits["tasks"]),
            ("instance_kind", "PY_INSTANCE_" + traits["instance"]),
            ("integer_kind", "PY_INTEGER_" + traits["integer"]),
            ("gil_kind", "PY_GIL_" + traits["gil"])]
    rows += [("generator_states.%s" % key, state_text(value))
             for key, value in traits["states"].items()]
    rows += [("resume_opcodes", "{%d, %d, %d}" % traits["resume"]),
             ("awaited_depth", str(traits["depth"])),
             ("stackref_tagged", str(traits["tagged"]).lower()),
             ("shim_owner_from", str(traits["shim"])),
             ("must_cancel_mask", "0x%02x" % mask)]
    return "".join("            .%s = %s,\n" % row for row in rows)


def format_table(minor, version, dwarf, structs, slots, mask):
    rows = ""
    for item in structs:
        for field in item["fields"]:
            slot = slots.get(item["name"] + "." + field["name"])
            if slot:
                rows += "            [PY_FIELD_%s_%s] = %s,\n" % (item["name"], field["name"], slot)
    size = dwarf["debug_offsets"].get("sizeof", 0) if minor >= 13 else 0
    return ("/* CPython 3.%d, x86-64. Written by scripts/gen_offsets.py from the DWARF of %s;\n"
            " * do not edit. */\n"
            '#include "asyncspy/python/layout.h"\n\n'
            "/* clang-format off */\n"
            "extern const struct py_table py_table_3_%d;\n\n"
            "const struct py_table py_table_3_%d = {\n"
            "    .major = 3,\n    .minor = %d,\n"
            '    .generated_from = "%s",\n'
            "    .debug_offsets_size = %d,\n"
            "    .traits =\n        {\n%s        },\n"
            "    .slots =\n        {\n%s        },\n};\n"
            % (minor, version, minor, minor, minor, version, size, format_traits(minor, mask),
               rows))


def asyncio_words_of(interpreters, minor):
    """Words of .AsyncioDebug of a release build: a debug build has another interpreter state."""
    for it in interpreters:
        if it.minor == minor and it.flavour == "release":
            for path in it.files:
                found = section_words(path, ".AsyncioDebug")
                if found:
                    return found
    return None


def generate(it, interpreters, structs):
    """(text of the table, slots) from one interpreter; None where it has no DWARF."""
    dwarf = read_dwarf(it.files, it.root, structs)
    if "code.linetable" not in dwarf["places"] or "task.coroutine" not in dwarf["places"]:
        return None
    words = asyncio_words_of(interpreters, it.minor)
    slots, mask = make_slots(it.minor, structs, dwarf, words)
    version = it.version + (" (debug build)" if it.flavour == "debug" else "")
    return format_table(it.minor, version, dwarf, structs, slots, mask), slots


def table_path(minor):
    return os.path.join(TOP, "offsets", "cpython_3_%d.c" % minor)


def committed_slots(minor):
    return {"%s" % m[1]: m[2] for m in
            re.finditer(r"\[PY_FIELD_(\w+)\] = (PY_\w+\([^)]*\))", open(table_path(minor)).read())}


# Differ between builds of one minor, and do no harm: the structure's own size, which only bounds
# its fields, and what the target tells itself.
FREE_TO_DIFFER = {"thread_size", "runtime_size", "interpreter_size"}


def check(it, interpreters, structs):
    """Differences between an interpreter and the committed table; None: it has no DWARF."""
    made = generate(it, interpreters, structs)
    if made is None:
        return None
    slots = {name.replace(".", "_"): text for name, text in made[1].items()}
    committed = committed_slots(it.minor)
    return ["%s: %s here, %s in the table" % (name, slots.get(name), committed.get(name))
            for name in sorted(set(slots) | set(committed))
            if slots.get(name) != committed.get(name) and name not in FREE_TO_DIFFER]


def examine_all():
    result = []
    for it in find_interpreters():
        try:
            it.examine()
            result.append(it)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            print("%s: skipped, it does not run: %s" % (it.path, error))
    return result


def main_check(structs):
    passed = failed = skipped = 0
    interpreters = examine_all()
    for it in interpreters:
        differences = check(it, interpreters, structs)
        if differences is None:
            print("%s: skipped, it has no DWARF" % it)
            skipped += 1
        elif differences:
            print("%s: differs\n  %s" % (it, "\n  ".join(differences)))
            failed += 1
        else:
            print("%s: equal" % it)
            passed += 1
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return failed > 0


def main_generate(structs):
    interpreters = examine_all()
    done = set()
    for it in interpreters:
        made = None if it.minor in done else generate(it, interpreters, structs)
        if made:
            open(table_path(it.minor), "w").write(made[0])
            done.add(it.minor)
            print("%s: %s" % (os.path.relpath(table_path(it.minor), TOP), it))
    for minor in set(MINORS) - done:
        print("3.%d: no interpreter with DWARF at hand, its table is left alone" % minor)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    structs = read_fields()
    return main_check(structs) if arguments.check else main_generate(structs)


if __name__ == "__main__":
    sys.exit(main())
