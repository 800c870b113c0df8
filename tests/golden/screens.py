"""The screens of `top` that are golden: files in top/, NAME.COLUMNSxROWS.txt."""
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "top"
SIZES = ("80x24", "100x30", "200x60")
TABS = ("groups", "tasks", "locks", "sockets", "threads")
POOL = ["--block", "--before", "idle_server.json", "pool_exhausted.json"]

# Name, sizes, what render_top is told. What it shows: the same twice is the same.
SCENES = [
    ("pool", SIZES + ("20x5", "40x10"), POOL),
    ("pool_styles", ("80x24",), ["--styles"] + POOL),
    ("deadlock", SIZES, ["--busy", "0.03", "deadlock.json"]),
    ("blocked_loop", SIZES, ["blocked_loop.json"]),
    ("idle_server", ("100x30",), ["--busy", "0.01", "idle_server.json"]),
    ("executor_full", ("100x30",), ["--busy", "0.2", "executor_full.json"]),
    ("executor_threads", ("80x24", "100x30"), ["--keys", "5", "executor_full.json"]),
    ("missing_rows", ("80x24",), ["missing_rows.json"]),
    ("deep_chain", ("100x30",), ["--keys", "2,End,Enter,End", "deep_chain.json"]),
    ("two_loops", ("80x24", "100x30"), ["two_loops.json"]),
    ("several", SIZES, ["--busy", "0.3", "several.json"]),
    ("details_several", ("80x24",), ["--keys", "!,PgDn", "several.json"]),
    ("no_asyncio", ("80x24",), ["no_asyncio.json"]),
    ("weird_findings", ("80x24",), ["weird_findings.json"]),
    ("findings_gone", ("100x30",), ["--before", "weird_findings.json", "ok_busy.json"]),
    ("weird_names", ("100x30",), ["--keys", "2", "weird_names.json"]),
    ("weird_names_ascii", ("100x30",), ["--ascii", "--keys", "2", "weird_names.json"]),
    ("long_names", SIZES, ["--keys", "2,End", "requests.json"]),
    ("details_group", ("100x30",), ["--keys", "Down,Enter"] + POOL),
    ("details_task", ("100x30",), ["--keys", "2,Down,Enter", "deadlock.json"]),
    ("details_lock", ("100x30",), ["--keys", "3,Enter", "deadlock.json"]),
    ("details_socket", ("100x30",), ["--keys", "4,Enter"] + POOL),
    ("details_thread", ("100x30",), ["--keys", "5,Enter", "blocked_loop.json"]),
    ("details_findings", ("100x30",), ["--keys", "!"] + POOL),
    ("details_scrolled", ("80x24",), ["--keys", "!,PgDn,Down", "weird_findings.json"]),
    ("help", ("80x24", "100x30"), ["--keys", "?"] + POOL),
    ("typing", ("100x30",), ["--keys", "2,/,r,e,q,-,1"] + POOL),
    ("filtered", ("100x30",), ["--keys", "/,s,o,c,k,Enter"] + POOL),
    ("nothing_left", ("80x24",), ["--keys", "/,z,z,z,Enter"] + POOL),
    ("sorted", ("100x30",), ["--keys", "s,r,End"] + POOL),
    ("frozen", ("80x24",), ["--keys", "f,Down,Down"] + POOL),
    ("ended", ("80x24",), ["--notice", "the process has ended"] + POOL),
    ("starting", ("80x24",), ["--nothing", "idle_server.json"]),
    ("processes", ("80x24", "100x30"), ["--children", "--block", "pool_exhausted.json"]),
    ("processes_ascii", ("80x24",), ["--children", "--ascii", "pool_exhausted.json"]),
    ("one_process", ("100x30",), ["--children", "--inside", "pool_exhausted.json"]),
] + [("tab_" + name, ("100x30",), ["--keys", str(number + 2)] + POOL)
     for number, name in enumerate(TABS[1:])]


def make_several():
    """One process with what is wrong in several, each with a loop of its own."""
    whole = None
    for number, name in enumerate(("deadlock", "executor_full", "silent_peer", "pool_exhausted")):
        text = (HERE / (name + ".json")).read_text()
        text = text.replace('"0x', '"0x%d' % (number + 1)).replace("4242,", "%d," % (4242 + number))
        part = json.loads(text.replace("MainThread", "loop-%d" % number if number else "MainThread"))
        if whole is None:
            whole = part
            continue
        for key in ("event_loops", "threads", "tasks", "objects", "sockets"):
            whole[key] += part[key]
    return json.dumps(whole)


def make_requests():
    """Tasks whose names are as long as those of servers often are."""
    return (HERE / "pool_exhausted.json").read_text().replace('"Task-', '"request-20')


def list_files(folder):
    """Every file with its size and the arguments that make it. `folder` is for what is made."""
    made = {"several.json": make_several(), "requests.json": make_requests()}
    for name, text in made.items():
        (pathlib.Path(folder) / name).write_text(text)
    for name, sizes, options in SCENES:
        for size in sizes:
            arguments = [str((folder if option in made else HERE) / pathlib.Path(option))
                         if option.endswith(".json") else option for option in options]
            yield FOLDER / ("%s.%s.txt" % (name, size)), size, ["--size", size] + arguments
