"""The pictures of README.md, with a headless Chromium: demo_pictures.py FLAMEGRAPH.html TRACE.json FOLDER

flamegraph.png is what a browser shows of the page. trace.png is drawn here from the events of the trace,
as Perfetto, which is not to be had without a network, lays them out: a track for each thread and task.
"""

import html
import json
import pathlib
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests" / "formats"))
from browser import Browser  # noqa: E402  pylint: disable=wrong-import-position

WIDTH, HEIGHT, LABELS, ROW = 1200, 600, 115, 18
WINDOW = 450e3  # microseconds
TRACKS = ["MainThread", "summary ", "client-0 ", "client-1 ", "client-2 ", "client-3 "]
COLOURS = {"wait": "#f3d08a", "ready": "#d9d9d9"}
CODE = ["#9dbde6", "#a9cfc0", "#b9b3e0", "#93cbd8", "#c9c58f", "#d4b3cf"]
STYLE = """body { margin: 0; background: white; font: 12px "DejaVu Sans", sans-serif; color: #222 }
div { position: absolute; box-sizing: border-box; white-space: nowrap; overflow: hidden }
.slice { height: 17px; padding: 1px 3px; border-radius: 2px }
.wait { font-style: italic }
.line { background: #ddd }
.label { width: 105px; text-align: right; font-weight: bold }
.tick { color: #666 }"""


def read_tracks(events):
    """{track: [(start, end, depth, name, category)]}: begins and ends paired."""
    names, open_slices, tracks = {}, {}, {}
    for event in sorted(events, key=lambda e: e["ts"]):  # stable: equal times stay in order
        key = event["tid"]
        if event["ph"] == "M" and event["name"] == "thread_name":
            names[key] = event["args"]["name"]
        elif event["ph"] == "B":
            open_slices.setdefault(key, []).append(event)
        elif event["ph"] == "E" and open_slices.get(key):
            began = open_slices[key].pop()
            tracks.setdefault(key, []).append(
                (began["ts"], event["ts"], len(open_slices[key]), began["name"], began.get("cat")))
    return {names.get(key, "?"): slices for key, slices in tracks.items()}


def draw_slice(slice_, start, top):
    begin, end, depth, name, category = slice_
    scale = (WIDTH - LABELS - 10) / WINDOW
    left = max(0, begin - start) * scale
    width = (min(end, start + WINDOW) - start) * scale - left
    is_wait = category == "wait"
    colour = COLOURS.get(name if name in COLOURS else category) or CODE[sum(map(ord, name)) % 6]
    return '<div class="slice%s" style="left:%.1fpx;width:%.1fpx;top:%dpx;background:%s">%s</div>' % (
        " wait" if is_wait else "", LABELS + left, max(width - 0.7, 0.6), top + depth * ROW, colour, html.escape(name) if width > 25 else "")


def draw_track(label, slices, start, top):
    seen = [s for s in slices if s[1] > start and s[0] < start + WINDOW]
    rows = 1 + max((s[2] for s in seen), default=0)
    parts = ['<div class="label" style="top:%dpx">%s</div>' % (top + 1, html.escape(label)),
             '<div class="line" style="left:0;width:100%%;height:1px;top:%dpx"></div>' % (top - 4)]
    return parts + [draw_slice(s, start, top) for s in seen], top + rows * ROW + 7


def draw(tracks, start):
    parts = []
    for number in range(0, int(WINDOW / 1e5) + 1):
        left = LABELS + number * 1e5 * (WIDTH - LABELS - 10) / WINDOW
        parts.append('<div class="tick" style="left:%dpx;top:3px">%.1f s</div>'
                     '<div class="line" style="left:%dpx;top:0;width:1px;height:100%%"></div>' % (
                         left + 4, (start + number * 1e5) / 1e6, left))
    top = 28
    for wanted in TRACKS:
        for name, slices in tracks.items():
            if name.startswith(wanted):
                more, top = draw_track(name.split(" ")[0], slices, start, top)
                parts += more
    page = "<!doctype html><meta charset=utf-8><style>%s</style><body>%s" % (STYLE, "".join(parts))
    return page, top


def choose_start(tracks):
    """So that a summary, for which all wait, is in the window."""
    found = [s[0] for name, slices in tracks.items() if name.startswith("summary ")
             for s in slices if s[3] == "write_summary"]
    return found[len(found) // 2] - WINDOW * 0.3


def main():
    page_path, trace_path, folder = map(pathlib.Path, sys.argv[1:])
    document = json.loads(trace_path.read_text())
    tracks = read_tracks(document["traceEvents"] if isinstance(document, dict) else document)
    with tempfile.TemporaryDirectory(prefix="asyncspy-pictures-") as work, Browser() as browser:
        page = browser.open(page_path.resolve().as_uri(), width=WIDTH, height=HEIGHT)
        browser.wait(1)  # it moves in
        page.screenshot(folder / "flamegraph.png")
        drawing, height = draw(tracks, choose_start(tracks))
        (pathlib.Path(work) / "trace.html").write_text(drawing)
        page = browser.open((pathlib.Path(work) / "trace.html").as_uri(), width=WIDTH, height=height)
        page.screenshot(folder / "trace.png")


if __name__ == "__main__":
    main()
