"""The picture of a terminal, with a headless Chromium: demo_screen.py PANE PICTURE.png

PANE is what `tmux capture-pane -e -p` says: text with the colours and attributes of ECMA-48.
"""

import html
import pathlib
import re
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests" / "formats"))
from browser import Browser  # noqa: E402  pylint: disable=wrong-import-position

COLOURS = ["#3b4252", "#ff6b6b", "#7bc96f", "#e8c260", "#74a8e8", "#c58fd8", "#6cc5c5", "#d6dbe3"]
TEXT, GROUND, DIM = "#d6dbe3", "#14181f", "#8a93a3"
CELL, LINE, EDGE = 8.43, 18, 12  # of DejaVu Sans Mono at 14 px
STYLE = """body { margin: 0; background: %s; color: %s }
pre { margin: %dpx; font: 14px/%dpx "DejaVu Sans Mono", monospace }""" % (GROUND, TEXT, EDGE, LINE)


class Pen:
    """What the next text looks like."""

    def __init__(self):
        self.on = set()
        self.colours = {}

    def take(self, codes):
        codes = [int(code or 0) for code in codes.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.__init__()
            elif code in (1, 2, 4, 7):
                self.on.add(code)
            elif code in (22, 24, 27):
                self.on -= {22: {1, 2}, 24: {4}, 27: {7}}[code]
            elif code in (38, 48) and codes[:1] == [5]:  # of 256, the first are the usual ones
                self.colours[code // 10] = COLOURS[codes[1] % 8]
                del codes[:2]
            elif 30 <= code <= 37 or 40 <= code <= 47:
                self.colours[code // 10] = COLOURS[code % 10]
            elif code in (39, 49):
                self.colours.pop(code // 10, None)

    def draw(self, text):
        colour, ground = self.colours.get(3, DIM if 2 in self.on else TEXT), self.colours.get(4, GROUND)
        if 7 in self.on:
            colour, ground = ground, colour
        return '<span style="color:%s;background:%s;font-weight:%s">%s</span>' % (
            colour, ground, "bold" if 1 in self.on else "normal", html.escape(text))


def draw(lines):
    pen, drawn = Pen(), []
    for line in lines:
        pieces = re.split(r"\x1b\[([\d;]*)m", line)
        for number, piece in enumerate(pieces):
            if number % 2:
                pen.take(piece)
            elif piece:
                drawn.append(pen.draw(re.sub(r"\x1b.|[\x00-\x1f]", "", piece)))
        drawn.append("\n")
    return "<!doctype html><meta charset=utf-8><style>%s</style><pre>%s</pre>" % (STYLE, "".join(drawn))


def main():
    lines = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").rstrip("\n").split("\n")
    columns = max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines)
    with tempfile.TemporaryDirectory(prefix="asyncspy-pictures-") as work, Browser() as browser:
        page_path = pathlib.Path(work) / "screen.html"
        page_path.write_text(draw(lines), encoding="utf-8")
        page = browser.open(page_path.as_uri(), width=round(columns * CELL) + 2 * EDGE,
                            height=len(lines) * LINE + 2 * EDGE)
        page.screenshot(pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    main()
