"""Finds the CPython interpreters the tests run on: PATH, pyenv, build/pythons, and stripped copies.

Run by itself it lists them.
"""

import glob
import json
import os
import re
import shutil
import struct
import subprocess
import sys

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MINORS = tuple((3, minor) for minor in range(6, 16))
STRIPPED_FROM = (3, 7)  # first minor with a symbol that strip(1) keeps in a libpython
IN_ROOT = os.path.join(REPOSITORY, "scripts", "in-root")
PYTHONS = os.path.join(REPOSITORY, "build", "pythons")

PROBE = r"""
import json, os, sys, sysconfig
print(json.dumps({
    "version": list(sys.version_info[:3]), "implementation": sys.implementation.name,
    "level": sys.version_info[3], "debug": hasattr(sys, "gettotalrefcount"),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "executable": os.path.realpath(sys.executable), "base_prefix": sys.base_prefix,
    "maps": sorted({line.split()[-1] for line in open("/proc/self/maps")
                    if "libpython" in line}),
}))
"""


class Interpreter:
    """One way to start one CPython."""

    def __init__(self, command, facts, root=None, environment=None, stripped=None):
        self.command = command
        self.version = tuple(facts["version"])
        self.minor = self.version[:2]
        self.debug = facts["debug"]
        self.executable = facts["executable"]
        self.base_prefix = facts["base_prefix"]
        self.library = facts["maps"][0] if facts["maps"] else None
        self.root = root
        self.copy = False  # made for the tests from one of the others
        self.environment = environment or {}
        binary = (root or "") + (self.library or self.executable)
        self.stripped = not has_symbol_table(binary) if stripped is None else stripped

    @property
    def label(self):
        words = ["%d.%d.%d" % self.version, "debug" if self.debug else "",
                 "shared" if self.library else "static", "stripped" if self.stripped else "",
                 "root" if self.root else ""]
        return "-".join(word for word in words if word)

    @property
    def real_path(self):
        return os.path.realpath((self.root or "") + self.executable)


def has_symbol_table(path):
    """Whether an ELF64 file has a .symtab section."""
    try:
        with open(path, "rb") as opened:
            header = opened.read(64)
            offset, size, count = (struct.unpack_from("<Q", header, 40)[0],
                                   struct.unpack_from("<H", header, 58)[0],
                                   struct.unpack_from("<H", header, 60)[0])
            opened.seek(offset)
            sections = opened.read(size * count)
    except (OSError, struct.error):
        return False
    return any(struct.unpack_from("<I", sections, i * size + 4)[0] == 2 for i in range(count))


def probe(command, environment=None):
    """What an interpreter says of itself, or the reason why it is not used."""
    try:
        done = subprocess.run(command + ["-c", PROBE], stdout=subprocess.PIPE, timeout=60,
                              stderr=subprocess.PIPE, env=dict(os.environ, **(environment or {})))
        facts = json.loads(done.stdout.decode())
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return None, "does not run: %s" % error
    if facts["implementation"] != "cpython":
        return None, "not CPython"
    if facts["free_threaded"]:
        return None, "free-threaded build"
    return facts, None


def _candidates():
    """(command, root) of everything that may be a CPython."""
    names = ["python3"] + ["python%d.%d" % minor for minor in MINORS]
    for folder in os.environ.get("PATH", "").split(os.pathsep) + ["/usr/bin", "/usr/local/bin"]:
        for name in names:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK) and not os.path.isdir(path):
                yield [path], None
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for path in sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", "python3"))):
        yield [path], None
    try:
        with open(os.path.join(PYTHONS, "interpreters")) as opened:
            lines = [line.split() for line in opened if line.strip() and line[0] != "#"]
    except OSError:
        lines = []
    for _, _, folder, path in lines:
        root = os.path.join(PYTHONS, folder)
        yield [IN_ROOT, root, path], root


def find(minors=MINORS):
    """(interpreters sorted by version, [(what, why it is not used)])."""
    found, unused, seen = [], [], set()
    for command, root in _candidates():
        if root is None and os.path.realpath(command[0]) in seen:
            continue
        facts, why = probe(command)
        if facts is None:
            # A pyenv shim for a version that is not chosen is no interpreter.
            if "shims" not in command[0]:
                unused.append((" ".join(command), why))
            continue
        if tuple(facts["version"][:2]) not in minors:
            continue
        if root is None:
            command = [facts["executable"]]
        interpreter = Interpreter(command, facts, root)
        if interpreter.real_path not in seen:
            seen.add(interpreter.real_path)
            found.append(interpreter)
    found.sort(key=lambda i: (i.version, i.debug, bool(i.root), i.label))
    return found, unused


def copy(original, target, copy_file):
    """(an interpreter whose executable, libpython and extension modules were put into the new
    folder `target` with copy_file(from, to), None), or (None, why not)."""
    version = "python%d.%d" % original.minor
    modules = os.path.join(target, "lib", version, "lib-dynload")
    os.makedirs(modules)
    for path in [original.executable] + ([original.library] if original.library else []):
        copy_file(path, os.path.join(target, os.path.basename(path)))
    for path in glob.glob(os.path.join(original.base_prefix, "lib", version, "lib-dynload", "*")):
        copy_file(path, os.path.join(modules, os.path.basename(path)))
    environment = {"PYTHONHOME": original.base_prefix + ":" + target, "LD_LIBRARY_PATH": target}
    command = [os.path.join(target, os.path.basename(original.executable))]
    facts, why = probe(command, environment)
    if facts is None or facts["maps"] and not facts["maps"][0].startswith(target):
        return None, why or "its libpython is found by a fixed path"
    copied = Interpreter(command, facts, None, environment)
    copied.copy = True
    return copied, None


def strip_file(path, to):
    subprocess.run(["strip", "--strip-all", "-o", to, path], check=True)


def stripped_copies(interpreters, folder):
    """Copies without any symbol table of those that have one, in `folder` (a temp dir)."""
    copies, unused = [], []
    if not shutil.which("strip"):
        return [], [("stripped copies", "no strip(1)")]
    for number, original in enumerate(interpreters):
        if original.root or original.stripped:
            continue
        if original.minor < STRIPPED_FROM:
            unused.append(("stripped " + original.label, "nothing is found without symbols yet"))
            continue
        copied, why = copy(original, os.path.join(folder, "stripped-%d" % number), strip_file)
        if copied:
            copies.append(copied)
        else:
            unused.append(("stripped " + original.label, why))
    return copies, unused


def representatives(interpreters):
    """Oldest, middle and newest minor; of each the plainest build."""
    minors = sorted({i.minor for i in interpreters})
    if not minors:
        return []
    chosen = sorted({minors[0], minors[len(minors) // 2], minors[-1]})

    def plainness(interpreter):
        return (interpreter.debug, bool(interpreter.environment), bool(interpreter.root))
    return [min((i for i in interpreters if i.minor == minor), key=plainness) for minor in chosen]


def parse_minors(text):
    """'3.11,3.12' as ((3, 11), (3, 12))."""
    return tuple(tuple(int(n) for n in re.split(r"\.", part.strip())) for part in text.split(","))


def main():
    found, unused = find()
    for interpreter in found:
        print("%-32s %s" % (interpreter.label, " ".join(interpreter.command)))
    for what, why in unused:
        print("not used: %s: %s" % (what, why))
    return 0


if __name__ == "__main__":
    sys.exit(main())
