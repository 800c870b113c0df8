"""Decoded line tables of whole standard library modules against what the interpreter says of them.

Run inside an interpreter it prints, for every code object of the modules, a line
`kind<TAB>first line<TAB>hex of the table<TAB>positions`; positions are
`units:line:end:column:end;...` with equal neighbours merged and -1 for none. `run` compares with
build/tests/decode_line_table.
"""

import dis
import importlib.util
import os
import subprocess
import sys
import types

TOOL = os.path.join("build", "tests", "decode_line_table")

MODULES = """
_collections_abc abc argparse ast asyncio.base_events asyncio.base_subprocess asyncio.events
asyncio.futures asyncio.locks asyncio.queues asyncio.runners asyncio.selector_events
asyncio.sslproto asyncio.streams asyncio.subprocess asyncio.taskgroups asyncio.tasks
asyncio.timeouts asyncio.unix_events base64 bdb calendar codecs collections concurrent.futures
concurrent.futures.process concurrent.futures.thread configparser contextlib contextvars copy csv
ctypes dataclasses datetime decimal difflib dis doctest email.message email.parser enum
_pydatetime _pydecimal fractions ftplib functools gettext glob heapq hashlib html html.parser
http.client http.cookiejar http.server imaplib importlib._bootstrap importlib._bootstrap_external
inspect io ipaddress json json.decoder json.encoder locale logging logging.config
logging.handlers mailbox multiprocessing.managers multiprocessing.pool numbers opcode operator
optparse os pathlib pdb pickle pickletools platform plistlib posixpath pprint pstats pydoc
_pyio queue random re re._compiler re._parser sched selectors shlex shutil signal smtplib socket
socketserver sqlite3 ssl statistics string subprocess symtable tarfile tempfile textwrap threading
timeit tokenize trace traceback tracemalloc types typing unittest.case unittest.mock
urllib.parse urllib.request uuid warnings weakref xml.dom.minidom xml.etree.ElementTree
xmlrpc.client zipfile
""".split()


# --- inside the interpreter ---------------------------------------------------------------

def code_objects(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            for inner in code_objects(constant):
                yield inner


def module_codes():
    for name in MODULES:
        try:
            spec = importlib.util.find_spec(name)
            code = spec.loader.get_code(name)
        except (ImportError, AttributeError):
            continue
        if code is not None:
            for inner in code_objects(code):
                yield inner


def long_codes():
    """Shapes that the library does not have: thousands of lines, columns far to the right."""
    lines = "\n".join("    v%d = v(%d)" % (i, i) for i in range(3000))
    sources = ["def f(v):\n" + lines,
               "def f(v):\n" + "\n" * 70000 + "    return v\n",
               "x = [" + "v, " * 30000 + "]",
               "x = [\n" + "v, " * 255 + "\n" + "v, " * 300 + "]\nif x:\n" + "\n" * 300 + " v()",
               "x = (\n" + "v +\n" * 300 + "v)",
               "def f(v):\n" + " " * 60 + "return (v(\n" + "\n" * 500 + " v))\n",
               "async def f(v):\n" + "    await v\n" * 400]
    for source in sources:
        for code in code_objects(compile(source, "long", "exec")):
            yield code


def merged(runs):
    """`units:line:end:column:end;…` of (units, position) pairs."""
    result, last, length = [], None, 0
    for units, position in runs:
        if position != last and length:
            result.append((length,) + last)
            length = 0
        last, length = position, length + units
    if length:
        result.append((length,) + last)
    return ";".join("%d:%d:%d:%d:%d" % entry for entry in result)


def table(code):
    """(kind, its bytes, [(units, position)]) as the version at hand tells."""
    if hasattr(code, "co_positions"):
        return "locations", code.co_linetable, [
            (1, tuple(-1 if p is None else p for p in position))
            for position in code.co_positions()]
    if hasattr(code, "co_lines"):
        return "ranges", code.co_linetable, [
            ((end - start) // 2, on_line(-1 if line is None else line))
            for start, end, line in code.co_lines()]
    starts = list(dis.findlinestarts(code))
    ends = [start for start, _ in starts[1:]] + [len(code.co_code)]
    return "lnotab", code.co_lnotab, [((end - start) // 2, on_line(line))
                                      for (start, line), end in zip(starts, ends)]


def on_line(line):
    return line, -1, -1, -1


def print_tables():
    seen = set()
    for codes in (long_codes(), module_codes()):
        for code in codes:
            kind, bytes_, runs = table(code)
            line = "%s\t%d\t%s\t%s\n" % (kind, code.co_firstlineno, bytes_.hex(), merged(runs))
            if line not in seen:
                seen.add(line)
                sys.stdout.write(line)


# --- in the runner ------------------------------------------------------------------------

def tool():
    """The C decoder behind a pipe; belongs to the build of asyncspy."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(os.path.dirname(os.path.dirname(here)), TOOL)


def tables_of(interpreter):
    """[(kind, first line, hex, positions)] as the interpreter itself says."""
    with open(os.path.abspath(__file__)) as opened:
        program = opened.read()
    done = subprocess.run(interpreter.command + ["-c", program], stdout=subprocess.PIPE,
                          env=dict(os.environ, **interpreter.environment), timeout=300,
                          check=True)
    return [tuple(line.split("\t")) for line in done.stdout.decode().splitlines()]


def decoded(tables):
    """What the C decoder makes of them, in the same form."""
    lines = "".join("%s %s %s\n" % table[:3] for table in tables)
    done = subprocess.run([tool()], input=lines.encode(), stdout=subprocess.PIPE, timeout=300,
                          check=True)
    return [merged_entries(line, units(expected)) for line, (_, _, _, expected) in
            zip(done.stdout.decode().splitlines(), tables)]


def units(positions):
    """How long the code is."""
    return sum(int(run.split(":")[0]) for run in positions.split(";") if run)


def merged_entries(line, length):
    """The last range of old tables is open: it reaches to the end of the code."""
    runs = []
    for entry in filter(None, line.split(";")):
        numbers = [int(number) for number in entry.split(":")]
        runs.append((min(numbers[1], length) - numbers[0], tuple(numbers[2:])))
    return merged(run for run in runs if run[0])


def problems_of(interpreter):
    tables = tables_of(interpreter)
    answers = decoded(tables)
    if len(tables) < 2000:
        return ["only %d line tables" % len(tables)]
    if len(answers) != len(tables):
        return ["%d answers for %d tables" % (len(answers), len(tables))]
    problems = []
    for (_, first, bytes_, expected), actual in zip(tables, answers):
        if expected == actual:
            continue
        pairs = zip(expected.split(";") + ["end"], actual.split(";") + ["end"])
        place = next((e, a) for e, a in pairs if e != a)
        problems.append("first line %s, table %.60s: %s instead of %s" % (
            first, bytes_, place[1], place[0]))
    return problems


def run(_, found, everything, pattern):
    """(row, column, status, details) for one interpreter of each minor, or for all."""
    if pattern and pattern not in "line_tables":
        return
    minors = set()
    for interpreter in found:
        if interpreter.copy or interpreter.minor in minors and not everything:
            continue
        minors.add(interpreter.minor)
        if not os.path.exists(tool()):
            yield "line_tables", interpreter.label, "skip", [
                TOOL + " does not exist"]
            continue
        try:
            problems = problems_of(interpreter)
        except (subprocess.SubprocessError, ValueError, OSError) as error:
            problems = [str(error)]
        yield "line_tables", interpreter.label, "FAIL" if problems else "pass", problems


if __name__ == "__main__":
    print_tables()
