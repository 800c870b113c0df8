"""Breaks each rule of check_style.py in a copy of the tree, and sees that it is noticed."""

import contextlib
import io
import os
import shutil
import subprocess
import tempfile

import check_style

LONG_FUNCTION = "void probe(void) {\n" + "    ;\n" * 61 + "}\n"
MIDDLING = "".join("void probe%d(void) {\n%s}\n" % (n, "    ;\n" * 20) for n in range(3000))

# rule, file, what is added to it (a new file begins empty).
BREAKS = [
    ("layers", "src/render/probe.c", '#include "asyncspy/target/memory.h"\n'),
    ("layers", "src/snapshot/probe.c", '  #  include "asyncspy/python/layout.h"\n'),
    ("layers", "src/python/probe.c", '#include "asyncspy/asyncio/asyncio.h"\n'),
    ("layers", "src/cmd/probe.c", '#include "asyncspy/python/layout.h"\n'),
    ("layers", "src/helpers/probe.c", '#include "asyncspy/base/error.h"\n'),
    ("third_party", "src/base/probe.c", "#include <libelf.h>\n"),
    ("third_party", "src/capture/probe.c", "#include <sys/ptrace.h>\n"),
    ("third_party", "src/render/probe.c", "#include <cjson/cJSON.h>\n"),
    ("third_party", "src/python/probe.c", "#include <argp.h>\n"),
    ("third_party", "src/target/probe.c", "#include <libunwind-ptrace.h>\n"),
    ("third_party", "src/base/probe.c", "#include <glib.h>\n"),
    ("headers", "include/asyncspy/base/probe.h", "#pragma once\n"),
    ("headers", "src/asyncio/probe.c", '#include "../python/py.h"\n'),
    ("cycles", "src/base/probe_a.h", '#include "probe_b.h"\n'),
    ("file_size", "src/base/probe.c", "\n" * 601),
    ("file_size", "scripts/probe.py", "\n" * 601),
    ("function_size", "src/base/probe.c", LONG_FUNCTION),
    ("function_size", "tests/unit/probe.c", LONG_FUNCTION),
    ("function_size", "src/base/probe.c", MIDDLING),
    ("version_tests", "src/asyncio/probe.c", "int probe(int minor) { return minor >= 12; }\n"),
    ("version_tests", "src/python/probe.c", "if (layout->hexversion < 0x030c0000)\n"),
    ("banned", "src/base/probe.c", "void f(char *t) { strcpy(t, t); }\n"),
    ("banned", "src/base/probe.c", "void f(char *t) { strcat (t, t); }\n"),
    ("banned", "src/base/probe.c", 'void f(char *t) { sprintf(t, "x"); }\n'),
    ("banned", "src/base/probe.c", "int f(char *t) { return atoi(t); }\n"),
    ("banned", "tests/unit/probe.c", "char *f(char *t) { return strtok(t, t); }\n"),
    ("banned", "src/cmd/probe.c", "int f(char *t) { return system(t); }\n"),
    ("banned", "src/cmd/probe.c", 'FILE *f(char *t) { return popen(t, "r"); }\n'),
    ("banned", "src/cmd/probe.c", "void *f(size_t n) { return alloca(n); }\n"),
    ("banned", "src/target/probe.c", "void f(void) { process_vm_writev(1, a, 1, b, 1, 0); }\n"),
    ("printing", "src/python/probe.c", 'void f(void) { printf("x"); }\n'),
    ("printing", "src/base/probe.c", 'void f(void) { fprintf(stderr, "x"); }\n'),
    ("process_access", "src/capture/probe.c", "void f(void) { ptrace(PTRACE_CONT, 1, 0, 0); }\n"),
    ("process_access", "src/python/probe.c", "process_vm_readv(pid, a, 1, b, 1, 0);\n"),
    ("globals", "src/base/probe.c", "int probe_global = 3;\n"),
    ("globals", "src/base/probe.c", "int *f(void) { static int probe_local; return &probe_local; }\n"),
    ("globals", "src/base/probe.c", "__thread int probe_of_thread;\n"),
    ("whitespace", "src/base/probe.c", "int probe; \n"),
    ("whitespace", "src/base/probe.c", "\tint probe;\n"),
    ("whitespace", "scripts/probe", "true  \n"),
    ("private_names", "scripts/probe", "ls /home/" + "somebody/src\n"),
    ("private_names", "tests/probe.py", "x = '/root" + "/.cache'\n"),
    ("private_names", "Makefile", "# http://packages" + ".internal.test/debian\n"),
    ("format", "src/base/probe.c", "int   probe( void );\n"),
]

# What must not be noticed.
INNOCENT = [
    ("banned", "src/base/probe.c", "/* strcpy(a, b) */ // atoi(x)\nchar *t = \"system(x)\";\n"),
    ("version_tests", "src/python/probe.c", "int v = minor << 16; if (hexversion != 0) x();\n"),
    ("third_party", "src/python/probe.c", "#include <uthash.h>\n#include <sys/types.h>\n"),
    ("globals", "src/base/probe.c", 'const char *const probe[] = {"a"};\nstatic const int b = 1;\n'),
    ("private_names", "scripts/probe", "ls /proc/1/root/bin ~/.pyenv https://docs.python.org/3/\n"),
]


def needs(rule):
    return {"function_size": "ctags", "globals": "nm", "format": "clang-format"}.get(rule)


def compile_probe(top, path):
    compiled = os.path.join(top, "build", "obj", path[:-2] + ".o")
    os.makedirs(os.path.dirname(compiled), exist_ok=True)
    subprocess.run(["cc", "-fPIE", "-O1", "-c", "-o", compiled, os.path.join(top, path)], check=True)


def findings(top, rule):
    with contextlib.redirect_stdout(io.StringIO()):
        return set(getattr(check_style, "check_" + rule)(check_style.Tree(top)))


def try_one(top, rule, path, text):
    """The findings that the addition brings."""
    full = os.path.join(top, path)
    old = None
    if os.path.exists(full):
        with open(full, encoding="utf-8") as opened:
            old = opened.read()
    before = findings(top, rule)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "a", encoding="utf-8") as opened:
        opened.write(text)
    try:
        if rule == "globals":
            compile_probe(top, path)
        return findings(top, rule) - before
    finally:
        os.remove(full)
        if old is not None:
            with open(full, "w", encoding="utf-8") as opened:
                opened.write(old)


def main():
    passed = failed = skipped = 0
    with tempfile.TemporaryDirectory() as folder:
        top = os.path.join(folder, "tree")
        shutil.copytree(check_style.TOP, top, ignore=shutil.ignore_patterns("build", ".git",
                                                                           "__pycache__"))
        with open(os.path.join(top, "src/base/probe_b.h"), "w", encoding="utf-8") as opened:
            opened.write('#include "probe_a.h"\n')
        for stem in "ab":
            with open(os.path.join(top, "src/base/probe_%s.c" % stem), "w", encoding="utf-8") as opened:
                opened.write('#include "probe_%s.h"\n' % stem)
        for expected, rows in ((True, BREAKS), (False, INNOCENT)):
            for rule, path, text in rows:
                if needs(rule) and not shutil.which(needs(rule)):
                    skipped += 1
                    continue
                noticed = bool(try_one(top, rule, path, text))
                passed += noticed == expected
                failed += noticed != expected
                if noticed != expected:
                    print("FAIL %s %s: %r" % (rule, "misses" if expected else "accuses", text[:80]))
    tried = {row[0] for row in BREAKS}
    for rule in check_style.RULES:
        if rule.__name__[len("check_"):] not in tried:
            failed += 1
            print("FAIL %s is not tried" % rule.__name__)
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0
