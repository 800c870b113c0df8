#!/usr/bin/env python3
"""The rules of the house that a machine can check, in seconds.

    check_style.py               every rule over this tree
    check_style.py --self-test   breaks each rule in a copy and sees that it is noticed

Each finding is FILE:LINE, what is wrong and what to do. Ends with the number of rules kept and broken.
"""

import glob
import os
import re
import shutil
import statistics
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Which layer may include which (src/README.md). offsets/ holds tables for the python layer.
LAYERS = {
    "base": "",
    "snapshot": "base",
    "target": "base",
    "python": "base snapshot target",
    "asyncio": "base snapshot python",
    "native": "base snapshot target",
    "capture": "base snapshot target python asyncio native",
    "analysis": "base snapshot",
    "render": "base snapshot analysis",
    "cmd": "base snapshot target capture analysis render",
    "offsets": "python",
}

# The only layers that may use a library; "any": every one.
THIRD_PARTY = {
    r"uthash\.h|utarray\.h|utlist\.h": "any",
    r"cjson/.*|cJSON\.h": "snapshot",
    r"libelf\.h|gelf\.h|elfutils/.*|sys/ptrace\.h|linux/ptrace\.h|zstd\.h|lz4.*\.h|lzma\.h": "target",
    r"zlib\.h": "target render snapshot",  # snapshot: the checksums of recordings
    r"(ncursesw/)?n?curses\.h|protobuf-c/.*": "render",
    r"libunwind.*\.h": "native",
    r"argp\.h": "cmd",
}
LIBC = r"""(sys|linux|asm|arpa|netinet|sanitizer)/.*|(assert|ctype|dirent|dlfcn|elf|endian|errno|fcntl|
float|fnmatch|getopt|grp|inttypes|langinfo|limits|link|locale|math|poll|pthread|pwd|sched|semaphore|setjmp|
signal|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|termios|time|
unistd|wchar|wctype)\.h""".replace("\n", "")

FILE_LINES = 600
FUNCTION_LINES = 60
FUNCTION_MEDIAN = 15
# argp's own interface; what a handler of signals has to find.
GLOBALS_ALLOWED = ("argp_program_version", "last_act")
BANNED = {
    "strcpy|strcat|strncat|sprintf|vsprintf": "use arena_format() or snprintf()",
    "gets": "use getline()",
    "atoi|atol|atoll|atof": "use strtol() and look at what it says",
    "strtok": "use strtok_r() or strcspn()",
    "system|popen": "nothing is run through a shell",
    "alloca": "use an arena",
    "process_vm_writev": "the target is never written to",
}

# Hosts that may be named; any other may be one that only this machine knows.
HOSTS = r"""(.*\.)?(debian\.org|ubuntu\.com|python\.org|kernel\.org|man7\.org|github\.com|
json-schema\.org|no-color\.org|readthedocs\.io|speedscope\.app|ui\.perfetto\.dev|w3\.org|
example\.(com|org|net)|sourceware\.org)|localhost|
127\.0\.0\.1""".replace("\n", "")


def without_comments(text, strings=True):
    """C source with comments (and the insides of strings) blanked, lines kept."""
    def blank(match):
        if match[0][0] in "\"'":
            return match[0] if strings else match[0][0] * 2
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)


class Tree:
    """The files of a source tree, read once."""

    def __init__(self, top):
        self.top = top
        self.texts = {}
        for folder, folders, names in os.walk(top):
            folders[:] = [f for f in folders if f not in (".git", "__pycache__")
                          and os.path.join(folder, f) != os.path.join(top, "build")]
            for name in names:
                self._read(os.path.join(folder, name))
        self.c_files = sorted(p for p in self.texts if p.endswith((".c", ".h", ".def"))
                              and p.split("/")[0] in ("src", "include", "offsets", "tests"))

    def _read(self, path):
        try:
            with open(path, encoding="utf-8") as opened:
                self.texts[os.path.relpath(path, self.top)] = opened.read()
        except (OSError, UnicodeDecodeError):
            pass  # a picture, a vanished file

    def search(self, paths, pattern, strings=False):
        """(path, line number, match) in C sources, comments not counted."""
        for path in paths:
            text = without_comments(self.texts[path], strings)
            for match in re.finditer(pattern, text):
                yield path, text.count("\n", 0, match.start()) + 1, match

    def product(self):
        """The C files of the program itself."""
        return [p for p in self.c_files if not p.startswith("tests/")]

    def includes(self, paths):
        """(path, line number, "quoted" or "system", name)."""
        for path, line, match in self.search(paths, r'(?m)^\s*#\s*include\s*(["<])([^">]+)[">]',
                                             strings=True):
            yield path, line, "quoted" if match[1] == '"' else "system", match[2]

    def resolve(self, path, name):
        """The file that a quoted include names, None: generated."""
        for candidate in (os.path.normpath(os.path.join(os.path.dirname(path), name)),
                          os.path.join("include", name), os.path.join("src", name)):
            if candidate in self.texts:
                return candidate
        return None


def layer_of(path):
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ["include", "asyncspy"] and len(parts) > 3:
        return parts[2]
    return "offsets" if parts[0] == "offsets" else None


def check_layers(tree):
    """a layer includes only what the table of src/README.md lets it"""
    for path, line, kind, name in tree.includes(tree.product()):
        target = tree.resolve(path, name) if kind == "quoted" else None
        own = layer_of(path)
        if own not in LAYERS:
            yield path, line, "no such layer: %s; the layers are %s" % (own, ", ".join(LAYERS))
        elif target and layer_of(target) not in [own] + LAYERS[own].split():
            yield path, line, "%s may not include %s: hand the data over, or move the code" % (
                own, layer_of(target) or target)


def check_third_party(tree):
    """a library is used in its one layer only"""
    for path, line, kind, name in tree.includes(tree.product()):
        if kind != "system" or re.fullmatch(LIBC, name) and name != "sys/ptrace.h":
            continue
        homes = [home for pattern, home in THIRD_PARTY.items() if re.fullmatch(pattern, name)]
        if not homes:
            yield path, line, "<%s> is not known: add it to scripts/check_style.py, with its layer" % name
        elif homes[0] != "any" and layer_of(path) not in homes[0].split():
            yield path, line, "<%s> belongs into %s only" % (name, homes[0])


def check_headers(tree):
    """shared headers stand in include/asyncspy/, private ones beside their .c"""
    users = [(path, line, tree.resolve(path, name)) for path, line, kind, name
             in tree.includes(tree.c_files) if kind == "quoted"]
    shared = {target for path, _, target in users if target and layer_of(path) != layer_of(target)}
    while True:  # what a shared header includes is shared too
        more = {target for path, _, target in users if path in shared and target} - shared
        if not more:
            break
        shared |= more
    for path, line, target in users:
        if target and target.startswith("src/") and layer_of(path) != layer_of(target) \
                and not path.startswith("tests/"):
            yield path, line, "%s is private to %s: move it to include/asyncspy/%s/" % (
                target, layer_of(target), layer_of(target))
        elif target and target.startswith("src/") and path.startswith("include/"):
            yield path, line, "a shared header includes the private %s" % target
    for path in tree.c_files:
        if path.startswith("include/") and path not in shared and not path.endswith(".def"):
            yield path, 1, "no other layer uses it: move it beside its .c"


def check_cycles(tree):
    """no modules (foo.c with foo.h) include each other in a circle"""
    def module(path):
        return "%s/%s" % (layer_of(path), os.path.splitext(os.path.basename(path))[0])
    # A private header without a .c is the inside of its layer: no module of its own that depends.
    inside = {p for p in tree.texts if p.startswith("src/") and p.endswith(".h")
              and p[:-2] + ".c" not in tree.texts}
    edges, places = {}, {}
    for path, line, kind, name in tree.includes(p for p in tree.product() if p not in inside):
        target = tree.resolve(path, name) if kind == "quoted" else None
        if target and module(path) != module(target):
            edges.setdefault(module(path), set()).add(module(target))
            places[module(path), module(target)] = (path, line)

    def reachable(start):
        seen, todo = set(), [start]
        while todo:
            for after in edges.get(todo.pop(), ()):
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        return seen
    reach = {name: reachable(name) for name in edges}
    for (here, there), (path, line) in sorted(places.items()):
        if here in reach.get(there, ()):
            yield path, line, "%s and %s include each other: move what both need into a third" % (
                here, there)


def check_file_size(tree):
    """no file is longer than 600 lines"""
    for path, text in sorted(tree.texts.items()):
        code = path.endswith((".c", ".h", ".def", ".py")) or path.startswith("scripts/")
        if code and text.count("\n") > FILE_LINES:
            yield path, FILE_LINES, "%d lines: split it" % text.count("\n")


def functions(tree, paths):
    """(lines, path, first line, name) by universal-ctags."""
    done = subprocess.run(["ctags", "-x", "--c-kinds=f", "--_xformat=%{input}\t%{line}\t%{end}\t%{name}",
                           "--language-force=C", "-L", "-"], input="\n".join(paths), cwd=tree.top,
                          stdout=subprocess.PIPE, check=True, universal_newlines=True)
    for row in done.stdout.splitlines():
        path, line, end, name = row.split("\t")
        if end.isdigit():
            yield int(end) - int(line) + 1, path, int(line), name


def check_function_size(tree):
    """no function is longer than 60 lines, half of them at most 15"""
    if not shutil.which("ctags"):
        yield "scripts/install-deps", 1, "universal-ctags is needed: scripts/install-deps test"
        return
    for lines, path, line, name in functions(tree, [p for p in tree.c_files if p.endswith(".c")]):
        if lines > FUNCTION_LINES:
            yield path, line, "%s has %d lines: split it" % (name, lines)
    found = list(functions(tree, [p for p in tree.product() if p.endswith(".c")]))
    sizes = sorted(f[0] for f in found)
    if not sizes:
        return
    median = statistics.median(sizes)
    print("      functions: %d, median %g lines, p90 %d, longest %d" % (
        len(sizes), median, sizes[len(sizes) * 9 // 10], sizes[-1]))
    if median > FUNCTION_MEDIAN:
        yield max(found)[1], max(found)[2], "half of the functions have over %d lines" % FUNCTION_MEDIAN


def check_version_tests(tree):
    """code asks for traits, not for version numbers"""
    paths = [p for p in tree.product() if p != "src/python/layout.c"]
    pattern = r"(\bminor|hexversion)\s*(==|!=|<=|>=|<(?!<)|>(?!>))(?!\s*0\b)"
    for path, line, _ in tree.search(paths, pattern):
        yield path, line, "add a trait to the tables of offsets/ and ask for that"


def check_banned(tree):
    """functions that invite mistakes are not called"""
    for names, instead in BANNED.items():
        for path, line, match in tree.search(tree.c_files, r"(?<![\w>.])(%s)\s*\(" % names):
            yield path, line, "%s: %s" % (match[1], instead)


def check_printing(tree):
    """only cmd, render and the debug log print"""
    paths = [p for p in tree.product()
             if layer_of(p) not in ("cmd", "render") and p != "src/base/log.c"]
    pattern = r"\b(stdout|stderr|(?:printf|vprintf|puts|putchar|perror)\s*(?=\())"
    for path, line, match in tree.search(paths, pattern):
        yield path, line, "%s: return an error, or log_debug()" % match[1].strip()


def check_process_access(tree):
    """only src/target touches a process"""
    paths = [p for p in tree.product() if layer_of(p) != "target"]
    for path, line, match in tree.search(paths, r"\b(process_vm_readv|ptrace|PTRACE_\w+)\s*\("):
        yield path, line, "%s: ask the target layer" % match[1]


def check_globals(tree):
    """no variable at file scope can be written, but in src/base/log.c"""
    if not shutil.which("nm"):
        return
    for path in (p for p in tree.product() if p.endswith(".c") and p != "src/base/log.c"):
        compiled = os.path.join(tree.top, "build", "obj", path[:-2] + ".o")
        if not os.path.exists(compiled):
            continue
        listing = subprocess.run(["nm", "-f", "sysv", compiled], stdout=subprocess.PIPE, check=True,
                                 universal_newlines=True).stdout
        for row in listing.splitlines():
            cells = [cell.strip() for cell in row.split("|")]
            if len(cells) == 7 and cells[2] in "bBdDC" and not cells[6].startswith(".data.rel.ro"):
                name = cells[0].split(".")[0]
                if name in GLOBALS_ALLOWED:
                    continue
                found = re.search(r"\b%s\b" % re.escape(name), tree.texts[path])
                line = tree.texts[path].count("\n", 0, found.start()) + 1 if found else 1
                yield path, line, "%s can be written: make it const, or pass it in" % name


def check_whitespace(tree):
    """no white space at the end of lines, no tabs in C"""
    for path, text in sorted(tree.texts.items()):
        generated = path.startswith(("tests/golden/", "tests/fuzz/corpus/")) and \
            not path.endswith((".c", ".py"))
        for number, line in enumerate([] if generated else text.split("\n"), 1):
            if line != line.rstrip():
                yield path, number, "remove the white space at the end"
            if "\t" in line and path.endswith((".c", ".h", ".def")):
                yield path, number, "spaces instead of tabs"
        if text and not text.endswith("\n") and not generated:
            yield path, text.count("\n") + 1, "end the file with a newline"


def own_hosts():
    """Hosts that this machine gets packages from and nobody else may know."""
    found = set()
    for path in glob.glob("/etc/apt/sources.list") + glob.glob("/etc/apt/sources.list.d/*"):
        try:
            with open(path, encoding="utf-8") as opened:
                found |= set(re.findall(r"https?://(?:[^/@\s]*@)?([\w.-]+)", opened.read()))
        except (OSError, UnicodeDecodeError):
            pass
    return {host for host in found if not re.fullmatch(HOSTS, host)}


def check_private_names(tree):
    """no home folders, no hosts of one machine"""
    private = own_hosts()
    for path, text in sorted(tree.texts.items()):
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(r"(?<![\w})>.~])/(root|home/\w+|Users/\w+)/[\w.]", line):
                yield path, number, "a home folder: name it relative to something"
            for host in re.findall(r"https?://(?:[^/@\s]*@)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", line):
                if not re.fullmatch(HOSTS, host):
                    yield path, number, "%s: a host that others may not have" % host
            for host in private:
                if host in line:
                    yield path, number, "%s: a host of this machine" % host


def check_format(tree):
    """clang-format 14 changes nothing in src, include and tests"""
    version = shutil.which("clang-format") and subprocess.run(
        ["clang-format", "--version"], stdout=subprocess.PIPE, check=True,
        universal_newlines=True).stdout
    if not version or not re.search(r"version 14\.", version):
        print("      not checked: clang-format 14 is not installed")
        return
    paths = [p for p in tree.c_files if p.endswith((".c", ".h")) and not p.startswith("offsets/")]
    done = subprocess.run(["clang-format", "--dry-run", "-Werror"] + paths, cwd=tree.top, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, universal_newlines=True)
    seen = set()
    for path, line in re.findall(r"(?m)^([^:\n]+):(\d+):\d+: error:", done.stderr):
        if path not in seen:
            seen.add(path)
            yield path, int(line), "run clang-format -i " + path


RULES = [value for name, value in list(globals().items()) if name.startswith("check_")]


def main():
    tree = Tree(TOP)
    failed = 0
    for rule in RULES:
        findings = sorted(set(rule(tree)))
        failed += bool(findings)
        print("%s  %s" % ("FAIL" if findings else "ok  ", rule.__doc__))
        for finding in findings:
            print("      %s:%d: %s" % finding)
    print("%d passed, %d failed" % (len(RULES) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        import check_style_test
        sys.exit(check_style_test.main())
    if sys.argv[1:]:
        sys.exit(__doc__)
    sys.exit(main())
