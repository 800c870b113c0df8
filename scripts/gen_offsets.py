#!/usr/bin/env python3
"""Writes offsets/cpython_3_N.c: where the fields of CPython's structures are.

    gen_offsets.py            regenerate every table whose interpreter is at hand
    gen_offsets.py --check    regenerate in memory and compare with the committed tables

Which fields: include/asyncspy/python/fields.def. Where from: the DWARF of the interpreters under
~/.pyenv/versions and build/pythons (scripts/fetch-pythons), read by gdb. Numbers that the target
tells itself at run time (_Py_DebugOffsets, .AsyncioDebug) are written as the place of that word.
What no DWARF tells (the traits, which fields a version has, variants): offsets_facts.py.
"""

import argparse
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from offsets_facts import (DEBUG_OFFSET_OF, ELSEWHERE, GC_DRIFT, MINORS, NOW, ONLY_IN, PLACES, TRAITS,
                           VARIANTS, WITH_OPCODES)

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIELDS_DEF = os.path.join(TOP, "include/asyncspy/python/fields.def")
PYTHONS = os.path.join(TOP, "build/pythons")

# Prints the numbers of YIELD_FROM, or of RESUME and its variants: the specialised ones stand only
# in the header.
OPCODES_PROGRAM = r"""
import opcode, os, re, sysconfig
found = dict(opcode.opmap)
header = os.path.join(sysconfig.get_path("include"), "opcode.h")
if os.path.exists(header):
    found.update((m[1], int(m[2])) for m in
                 re.finditer(r"#define[ ]+(\w+)[ ]+(\d+)", open(header).read()))
print(os.path.exists(header), *[n for k, n in found.items()
                                if re.match("YIELD_FROM$|(INSTRUMENTED_)?RESUME(_QUICK|_CHECK)?$", k)])
"""

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
            if found.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) and found.fields():
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


class GenerateError(Exception):
    """Why no table can be made of an interpreter."""


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
        text = self.run("import queue, sys, sysconfig, _asyncio; v = sysconfig.get_config_var;"
                        "print(sys.version.split()[0]); print(sys.executable);"
                        "print(v('LIBDIR') + '/' + v('INSTSONAME') if v('Py_ENABLE_SHARED') "
                        "else ''); print(getattr(_asyncio, '__file__', ''));"
                        "print(getattr(sys.modules.get('_queue'), '__file__', ''))")
        self.version, executable, library, *extensions = text.split("\n")[:5]
        inside = [library if library and os.path.exists(self.root + library) else executable]
        self.files = [self.root + name for name in inside + extensions if name]

    def await_opcodes(self):
        """The numbers of YIELD_FROM or RESUME, and whether specialised forms are among them."""
        words = self.run(OPCODES_PROGRAM).split()
        return set(map(int, words[1:])), words[0] == "True"

    def sort_key(self):
        """Oldest first, release before debug: a table is made from the first with DWARF."""
        return self.minor, [int(n) for n in re.findall(r"\d+", self.version)], self.flavour[0] == "d"


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
            done = subprocess.run(["gdb", "-batch", "-nx", "-iex",
                                   "set debug-file-directory %s/usr/lib/debug" % root, "-ex",
                                   "source " + program, path], timeout=300,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  env=dict(os.environ, GEN_FIELDS=fields, GEN_OUT=out))
            if not os.path.exists(out):
                raise GenerateError("gdb failed on %s: %s"
                                    % (path, done.stderr.decode(errors="replace").strip()))
            result = json.load(open(out))
            os.remove(out)
            for key in merged:
                for name, value in result[key].items():
                    merged[key].setdefault(name, value)
    return merged


def is_expected(minor, name):
    ranges = ONLY_IN.get(name, (0, NOW))
    return any(first <= minor <= last
               for first, last in (ranges if isinstance(ranges[0], tuple) else (ranges,)))


def make_slot(minor, name, field, dwarf, asyncio_words):
    """The initialiser of one field, None where the interpreter does not have it."""
    debug = DEBUG_OFFSET_OF.get((minor, name), field["debug"])
    if minor >= 13 and debug in dwarf["debug_offsets"]:
        return "PY_DBG(%d)" % dwarf["debug_offsets"][debug]
    if (minor, name) in PLACES:
        return "PY_AT(%d)" % PLACES[minor, name]
    if name not in dwarf["places"]:
        return None
    if minor >= 14 and field["asyncio"] in dwarf["asyncio_debug"]:
        if not asyncio_words:
            raise GenerateError("no release build of 3.%d with .AsyncioDebug is at hand" % minor)
        at = dwarf["asyncio_debug"][field["asyncio"]]
        return "PY_AIO(%d, %d)" % (at, asyncio_words[at // 8])
    return "PY_AT(%d)" % (dwarf["places"][name][0] // 8)


def structs_of_variants(minor):
    """Structures that some releases of a minor have otherwise than its table."""
    return {name for variant in VARIANTS.values() if variant[0] == minor for name in variant[3]}


# Of a task: an int each, from 3.13 on a bit each.
FLAGS = ("must_cancel", "log_traceback")


def mask_of(place):
    """Which bits of the byte count: those of an int up to 3.12 are in its lowest."""
    return 1 << place[0] % 8


def make_slots(minor, structs, dwarf, asyncio_words):
    """{field: initialiser} and the masks of the flags of a task."""
    slots, wrong, may_differ = {}, [], structs_of_variants(minor)
    for item in structs:
        for field in item["fields"]:
            name = item["name"] + "." + field["name"]
            slot = make_slot(minor, name, field, dwarf, asyncio_words)
            if (slot is not None) != is_expected(minor, name) and item["name"] not in may_differ:
                wrong.append("%s %s" % (name, "is there, against ONLY_IN" if slot else "not found"))
            if slot:
                slots[name] = slot
    if wrong:
        raise GenerateError("; ".join(wrong))
    return slots, {name: mask_of(dwarf["places"]["task." + name]) for name in FLAGS}


def state_text(value):
    return "PY_NO_STATE" if value is None else str(value)


def format_traits(minor, masks):
    traits = TRAITS[minor]
    rows = [("frame_kind", "PY_FRAME_" + traits["frame"]),
            ("line_kind", "PY_LINE_" + traits["line"]),
            ("await_kind", "PY_AWAIT_" + traits["await_"]),
            ("state_kind", "PY_STATE_" + traits["state"]),
            ("stack_kind", "PY_STACK_" + traits["stack"]),
            ("running_loop_kind", "PY_RUNNING_LOOP_" + traits["loop"]),
            ("task_registry", "PY_TASKS_" + traits["tasks"]),
            ("instance_kind", "PY_INSTANCE_" + traits["instance"]),
            ("integer_kind", "PY_INTEGER_" + traits["integer"]),
            ("gil_kind", "PY_GIL_" + traits["gil"])]
    rows += [("generator_states.%s" % key, state_text(value))
             for key, value in traits["states"].items()]
    rows += [("with_opcodes." + ("get_awaitable_distance" if key == "distance" else key), str(value))
             for key, value in WITH_OPCODES[minor].items()]
    rows += [("with_keeps_manager", str(traits.get("keeps_manager", False)).lower())]
    rows += [("await_opcodes", "{%d, %d, %d}" % traits.get("await_opcodes", (0, 0, 0))),
             ("lasti_scale", str(traits.get("lasti", 0))),
             ("awaited_depth", str(traits.get("depth", 1))),
             ("stackref_tagged", str(traits.get("tagged", False)).lower()),
             ("shim_owner_from", str(traits.get("shim", 0))),
             *((name + "_mask", "0x%02x" % masks[name]) for name in FLAGS),
             ("debug_has_other_objects", str(minor <= 7).lower())]
    rows += [("gc_drift." + key, str(value)) for key, value in GC_DRIFT.get(minor, {}).items()]
    return "".join("            .%s = %s,\n" % row for row in rows)


def format_table(minor, version, dwarf, structs, slots, masks, name=None, variant=None):
    name = name or "3_%d" % minor
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
            "extern const struct py_table py_table_%s;\n\n"
            "const struct py_table py_table_%s = {\n"
            "    .major = 3,\n    .minor = %d,\n%s"
            '    .generated_from = "%s",\n'
            "    .debug_offsets_size = %d,\n"
            "    .traits =\n        {\n%s        },\n"
            "    .slots =\n        {\n%s        },\n};\n"
            % (minor, version, name, name, minor,
               '    .variant = "%s",\n' % variant if variant else "", version, size,
               format_traits(minor, masks), rows))


def asyncio_words_of(interpreters, wanted):
    """Words of .AsyncioDebug of a release build of the same version, or of the same minor at least:
    a debug build has another interpreter state."""
    candidates = [it for it in interpreters
                  if it.minor == wanted.minor and it.flavour == "release"]
    for it in sorted(candidates, key=lambda it: it.version != wanted.version):
        for path in it.files:
            found = section_words(path, ".AsyncioDebug")
            if found:
                return found
    return None


def check_with_opcodes(it):
    """The instructions around an await, which an interpreter tells itself."""
    names = {name for row in WITH_OPCODES.values() for name in row} - {"distance"}
    wanted = WITH_OPCODES[it.minor]
    opmap = json.loads(it.run("import json, opcode; print(json.dumps(opcode.opmap))"))
    for name in sorted(names - ELSEWHERE.get(it.minor, set())):
        if opmap.get(name.upper()) != wanted.get(name):
            raise GenerateError("%s is %s here, %s in WITH_OPCODES"
                                % (name, opmap.get(name.upper()), wanted.get(name)))


def check_opcodes(it):
    """The traits that an interpreter tells itself."""
    check_with_opcodes(it)
    known = set(TRAITS[it.minor].get("await_opcodes", ())) - {0}
    if not known:
        return
    found, complete = it.await_opcodes()
    if not found or (found != known if complete else not found <= known):
        raise GenerateError("RESUME or YIELD_FROM is %s here, %s in TRAITS" % (sorted(found), sorted(known)))


def generate(it, interpreters, structs):
    """(text of the table, slots) from one interpreter; None where it has no DWARF."""
    dwarf = read_dwarf(it.files, it.root, structs)
    if "code.linetable" not in dwarf["places"] or "task.coroutine" not in dwarf["places"]:
        return None
    check_opcodes(it)
    slots, masks = make_slots(it.minor, structs, dwarf, asyncio_words_of(interpreters, it))
    version = it.version + (" (debug build)" if it.flavour == "debug" else "")
    return Made(it.minor, version, dwarf, structs, slots, masks)


class Made:
    """A table made from one interpreter, and the text of it and of variants."""

    def __init__(self, minor, version, dwarf, structs, slots, masks):
        self.minor, self.version, self.dwarf, self.structs = minor, version, dwarf, structs
        self.slots, self.masks = slots, masks

    def format(self):
        return format_table(self.minor, self.version, self.dwarf, self.structs, self.slots,
                            self.masks)

    def format_variant(self, name, made):
        """`made`: what was made of each minor."""
        _, releases, places, taken = VARIANTS[name]
        slots = {slot: value for slot, value in self.slots.items()
                 if slot.split(".")[0] not in taken}
        slots.update((field, "PY_AT(%d)" % place) for field, place in places.items())
        for struct_name, minor in taken.items():
            slots.update((slot, value) for slot, value in made[minor].slots.items()
                         if slot.split(".")[0] == struct_name)
        return format_table(self.minor, self.version, self.dwarf, self.structs, slots, self.masks,
                            name, releases)


def format_variants(made):
    """(file name, text) of every variant whose minors are at hand."""
    for name, (minor, _, _, taken) in sorted(VARIANTS.items()):
        if {minor, *taken.values()} <= set(made):
            yield name, made[minor].format_variant(name, made)


def table_path(name):
    return os.path.join(TOP, "offsets", "cpython_%s.c" % name)


def read_table(name):
    with open(table_path(name)) as opened:
        return opened.read()


def slots_of(table):
    return {found[1]: found[2] for found in
            re.finditer(r"\[PY_FIELD_(\w+)\] = (PY_\w+\([^)]*\))", table)}


def head_of(table):
    """The lines above the slots, without those that name the version it was made from."""
    return [line.strip() for line in table[:table.index(".slots")].split("\n")
            if "generated_from" not in line and "Written by" not in line]


# These sizes only bound the fields of their structure, and grow with what stands behind them.
FREE_TO_DIFFER = {"thread_size", "runtime_size", "interpreter_size"}


def is_of_variant(minor, name, here):
    """Whether a slot is as a known variant of the minor's table has it."""
    return name.startswith(tuple(it + "_" for it in structs_of_variants(minor))) and any(
        slots_of(read_table(variant)).get(name) == here
        for variant in VARIANTS if VARIANTS[variant][0] == minor)


def compare_slot(minor, name, here, table):
    """(difference, note), each None or a line."""
    text = "%s: %s here, %s in the table" % (name, here or "absent", table or "absent")
    if here == table:
        return None, None
    if here and table and name in FREE_TO_DIFFER:
        return None, text + " (only a bound)"
    if here and table and here.startswith("PY_AIO") and here.split(",")[0] == table.split(",")[0]:
        return None, text + " (the target tells it)"
    if name == "gc_generations" and here == "PY_AT(%d)" % GC_DRIFT.get(minor, {}).get(name[3:], 0):
        return None, text + " (a known drift)"
    if is_of_variant(minor, name, here):
        return None, text + " (a known variant)"
    return text, None


def check(it, interpreters, structs):
    """(differences, notes, Made) of an interpreter and its table; None: it has no DWARF."""
    made = generate(it, interpreters, structs)
    if made is None:
        return None
    table, text = read_table("3_%d" % it.minor), made.format()
    here, there = slots_of(text), slots_of(table)
    pairs = [compare_slot(it.minor, name, here.get(name), there.get(name))
             for name in sorted(set(here) | set(there))]
    differences = [pair[0] for pair in pairs if pair[0]]
    differences += ["%s: not so in the table" % line
                    for line in head_of(text) if line not in head_of(table)]
    if not differences and 'generated_from = "%s"' % it.version in table and \
            it.flavour == "release" and text != table:
        differences = ["the table is not what is generated: run make offsets"]
    return differences, [pair[1] for pair in pairs if pair[1]], made


def examine_all():
    result = []
    for it in find_interpreters():
        try:
            it.examine()
            result.append(it)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            print("%s: skipped, it does not run: %s" % (it.path, error))
    return sorted(result, key=Interpreter.sort_key)


def try_check(it, interpreters, structs):
    try:
        return check(it, interpreters, structs)
    except (GenerateError, OSError, subprocess.SubprocessError, ValueError) as error:
        return [str(error)], [], None


def check_variants(made):
    """How many tables of variants are what is generated, and how many are not."""
    wrong = 0
    texts = list(format_variants(made))
    for name, text in texts:
        equal = os.path.exists(table_path(name)) and read_table(name) == text
        print("%s (%s): %s" % (name, VARIANTS[name][1], "equal" if equal else
                               "the table is not what is generated: run make offsets"))
        wrong += not equal
    return len(texts) - wrong, wrong


def main_check(structs):
    passed = failed = skipped = 0
    made = {}
    interpreters = examine_all()
    for it in interpreters:
        result = try_check(it, interpreters, structs)
        if result is None:
            print("%s: skipped, it has no DWARF" % it)
            skipped += 1
            continue
        differences, notes, table = result
        if table:
            made.setdefault(it.minor, table)
        print("%s: %s" % (it, "differs" if differences else "equal"))
        for line in differences + notes:
            print("  " + line)
        failed += bool(differences)
        passed += not differences
    for minor in sorted(set(MINORS) - {it.minor for it in interpreters}):
        print("3.%d: skipped, no interpreter at hand" % minor)
        skipped += 1
    right, wrong = check_variants(made)
    passed, failed = passed + right, failed + wrong
    print("%d passed, %d failed" % (passed, failed) + (", %d skipped" % skipped if skipped else ""))
    return failed > 0


def write_table(name, text, origin):
    with open(table_path(name), "w") as table:
        table.write(text)
    print("%s: %s" % (os.path.relpath(table_path(name), TOP), origin))


def main_generate(structs):
    interpreters = examine_all()
    done, failed = {}, False
    for it in interpreters:
        if it.minor in done:
            continue
        try:
            made = generate(it, interpreters, structs)
        except GenerateError as error:
            print("%s: no table: %s" % (it, error))
            failed = True
            continue
        if made:
            write_table("3_%d" % it.minor, made.format(), it)
            done[it.minor] = made
    for name, text in format_variants(done):
        write_table(name, text, VARIANTS[name][1])
    for minor in sorted(set(MINORS) - set(done)):
        print("3.%d: no interpreter with DWARF at hand, its table is left alone" % minor)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("gdb"):
        sys.exit("gen_offsets: needs gdb")
    structs = read_fields()
    return main_check(structs) if arguments.check else main_generate(structs)


if __name__ == "__main__":
    sys.exit(main())
