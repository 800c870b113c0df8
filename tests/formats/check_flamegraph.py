#!/usr/bin/env python3
"""The flame graph in a real browser: looked at, searched, zoomed.

    check_flamegraph.py BUILD [-k NAME]    the build folder, or its tests/ with write_flamegraph

Pictures of what was seen are left in BUILD/artefacts/. Ends with how many checks passed, failed and
were skipped.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import traceback
import xml.dom.minidom

from browser import Browser, find_chromium

MODES = ["Tasks", "Running", "CPU", "GIL", "Threads"]
HOSTILE = "</script><img src=x onerror=alert(1)>"


class Bench:
    """Writes pages, opens them, keeps pictures."""

    def __init__(self, build, browser, folder):
        build = os.path.abspath(build)
        if os.path.basename(build) == "tests":
            build = os.path.dirname(build)
        self.writer = os.path.join(build, "tests", "write_flamegraph")
        self.artefacts = os.path.join(build, "artefacts")
        self.browser, self.folder = browser, folder
        self.pages = []

    def write(self, case, form="html"):
        path = os.path.join(self.folder, "%s.%s" % (case, form))
        with open(path, "wb") as out:
            subprocess.run([self.writer, form, case], stdout=out, check=True, timeout=60)
        return path

    def open(self, case, form="html", **how):
        path = self.write(case, form)
        page = self.browser.open("file://" + path, **how)
        if form == "html":
            settle(page)
        self.pages.append((page, "file://" + path))
        return page

    def keep(self, page, name):
        page.screenshot(os.path.join(self.artefacts, "flamegraph%s.png" % (name and "_" + name)))

    def end(self):
        """No page complained, broke its policy, opened a dialog, or asked for anything."""
        for page, address in self.pages:
            equal(page.console, [])
            equal(page.dialogs, [])
            equal(page.requests, [address])
        self.pages.clear()


def equal(seen, expected):
    assert seen == expected, "%r, not %r" % (seen, expected)


def close(seen, expected, tolerance=0.002):
    assert abs(seen - expected) <= tolerance, "%r, not about %r" % (seen, expected)


def state(page):
    return page.evaluate("flamegraph.state")


def text(page, selector):
    return page.evaluate("document.querySelector(%r).textContent" % selector)


def settle(page):
    page.wait_for("!flamegraph.state.moving")


def click_box(page, name):
    box = page.evaluate("flamegraph.find(%r)" % name)
    page.click(box["x"] + min(30, box["width"] / 2), box["y"] + box["height"] / 2)
    settle(page)


def search(page, words):
    page.press("/")
    page.press("a", control=True)
    page.type(words)
    settle(page)


# --- what is tried ---


def check_looks(bench):
    """the first look, light and dark, narrow and wide"""
    page = bench.open("shop", width=1440, height=900)
    equal(text(page, "h1"), "main.py --port 8080 --workers 4")
    facts = text(page, "#facts")
    for fact in ("pid 41387", "CPython 3.11.7", "2026-11-21 12:00:00 UTC", "2,987 samples at 100/s",
                 "4 samples failed (0.13 %)", "process stopped for 410 ms (1.4 %)"):
        assert fact in facts, "%s is not in %s" % (fact, facts)
    assert "22.5 tasks on average" in text(page, "#crumbs")
    bench.keep(page, "")
    for name, width, height, dark in (("dark", 1440, 900, True), ("narrow", 800, 700, False),
                                      ("wide", 2000, 1100, False)):
        page = bench.open("shop", width=width, height=height, dark=dark)
        equal(page.evaluate("document.documentElement.scrollWidth"), width)
        bench.keep(page, name)


def check_search(bench):
    """a search marks what matches and says its share, nested matches once"""
    page = bench.open("shop", width=1440, height=900)
    search(page, "acquire")
    seen = state(page)
    equal(seen["matches"], 6)
    close(seen["matched"], 262.1 / 674.4)
    equal(text(page, "#search-result"), "38.9 % in 6 boxes")
    bench.keep(page, "search")
    for words, count in (("/^Lock/", 6), ("/^lock/i", 6), ("/^lock/", 0), ('"sleep"', 4),
                         ("asyncpg/", 2), ("nowhere", 0)):
        search(page, words)
        equal((words, state(page)["matches"]), (words, count))
    search(page, "/(/")
    equal(text(page, "#search-result"), "no regular expression")
    page.press("Escape")
    equal(state(page)["matches"], None)
    equal(page.evaluate("document.querySelector('#search').value"), "")


def check_next_match(bench):
    """Enter shows the heaviest match, then the next one"""
    page = bench.open("shop", width=1440, height=900)
    page.press("f", control=True)
    page.type("acquire")
    page.press("Enter")
    equal(state(page)["selected"], "Pool.acquire")
    first = text(page, "#tip")
    page.press("Enter")
    assert first != text(page, "#tip"), "the same again"


def check_zoom(bench):
    """a click zooms, the crumbs and Escape lead back"""
    page = bench.open("shop", width=1440, height=900)
    whole = page.evaluate("flamegraph.find('checkout')")
    close(whole["share"], 127.3 / 674.4)
    click_box(page, "checkout")
    zoomed = page.evaluate("flamegraph.find('checkout')")
    equal(state(page)["zoomed"], "checkout")
    assert zoomed["width"] > 1300 > 300 > whole["width"], (whole, zoomed)
    equal(text(page, "#crumbs"), "all›RequestHandler.start›handle›checkout")
    tip = text(page, "#tip")
    for words in ("checkout", "/srv/shop/api/checkout.py", "lines 15 (57.3 %), 19 (24.2 %)", "2m07s", "18.9 % of all",
                  "28.1 %"):
        assert words in tip, "%s is not in %s" % (words, tip)
    bench.keep(page, "zoom")
    page.click_on("#crumbs button:nth-of-type(3)")
    settle(page)
    equal(state(page)["zoomed"], "handle")
    page.press("Escape")
    settle(page)
    equal(state(page)["zoomed"], "all")
    equal(page.evaluate("document.querySelector('#reset').disabled"), True)


def check_modes(bench):
    """a button for each profile"""
    page = bench.open("shop", width=1440, height=900, dark=True)
    equal(page.evaluate("[...document.querySelectorAll('#modes button')].map(b => b.textContent)"),
          MODES)
    page.click_on("#modes button:nth-child(5)")
    settle(page)
    equal(state(page)["mode"], "threads")
    legend = text(page, "#legend")
    assert "idle" in legend and "thread" in legend and "waits" in legend, legend
    page.click_on("#flip")
    settle(page)
    boxes = [page.evaluate("flamegraph.find(%r).y" % name) for name in ("all", "idle")]
    assert boxes[0] > boxes[1], "the root is not at the bottom"
    bench.keep(page, "threads")


def check_table(bench):
    """the table sorts, and a click searches"""
    page = bench.open("shop", width=1440, height=900)

    def rows(table):
        return page.evaluate("[...document.querySelectorAll('#%s tbody tr')]"
                             ".map(row => row.dataset.name)" % table)

    equal(rows("waits")[:2], ["Lock#1 'pool.lock'", "Queue#1 'jobs' (get)"])
    equal(rows("functions")[:2], ["resize_image", "Image.resize"])
    page.click_on("#functions [data-column=total]")
    equal(set(rows("functions")[2:4]), {"Pool.acquire", "Lock.acquire"})
    page.click_on("#functions [data-column=name]")
    equal(rows("functions")[0], "ClientSession._request")
    page.click_on("#waits tbody tr")
    settle(page)
    equal(state(page)["matches"], 3)
    equal(page.evaluate("document.querySelector('#search').value"), "\"Lock#1 'pool.lock'\"")


def check_keys(bench):
    """all of it without a mouse"""
    page = bench.open("shop", width=1440, height=900)
    page.evaluate("document.querySelector('#canvas').focus()")
    walk = []
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft"):
        page.press(key)
        walk.append(state(page)["selected"])
    equal(walk, ["all", "RequestHandler.start", "main", "worker", "main", "RequestHandler.start"])
    assert "67.2 %" in text(page, "#spoken")
    page.press("Enter")
    settle(page)
    equal(state(page)["zoomed"], "RequestHandler.start")


def check_still(bench):
    """nothing moves for those who do not want it"""
    page = bench.open("shop")
    page.set_media(reduced_motion=True)
    box = page.evaluate("flamegraph.find('checkout')")
    page.click(box["x"] + 5, box["y"] + 5)
    equal(page.evaluate("""new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
        () => done(flamegraph.find('checkout').width > 1000))))"""), True)


def check_hostile(bench):
    """names are text, whatever they are"""
    page = bench.open("hostile", width=1100, height=800)
    names = page.evaluate("[...document.querySelectorAll('tbody tr')].map(r => r.dataset.name)")
    assert HOSTILE in names, names
    assert "control \\x01\\x02\\x1b[31m\\x7f\\x0d\\x0a\\x09tab" in names, names
    assert "not UTF-8 \\xff\\xfe\\xc3(" in names, names
    assert any(name.startswith("right \\u202eto left\\u202c and \u05e9") for name in names), names
    assert max(map(len, names)) < 500, "a name of %d characters" % max(map(len, names))
    search(page, '"%s"' % HOSTILE)
    equal(state(page)["matches"], 1)
    page.press("Enter")
    settle(page)
    assert HOSTILE in text(page, "#tip")
    click_box(page, HOSTILE)
    assert HOSTILE in text(page, "#crumbs")
    bench.keep(page, "hostile")
    equal(page.evaluate("window.executed === undefined && document.images.length === 0"), True)
    equal(page.evaluate("document.scripts.length"), 2)
    equal(page.evaluate("""new Promise(done => {
        addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
        fetch('file:///etc/hostname').catch(() => {});
    })"""), "connect-src")
    page.console.clear()
    del page.requests[1:]


def check_deep(bench):
    """20,000 rows, the deepest is found"""
    page = bench.open("deep", width=1300, height=800)
    equal(state(page)["rows"], 20001)
    search(page, "bottom")
    page.press("Enter")
    settle(page)
    equal(state(page)["selected"], "bottom")
    box = page.evaluate("flamegraph.find('bottom')")
    assert 100 < box["y"] < 790, box
    page.click(box["x"] + 50, box["y"] + 8)
    settle(page)
    equal(state(page)["zoomed"], "bottom")
    bench.keep(page, "deep")


def check_many(bench):
    """50,000 boxes; what was left out is said"""
    page = bench.open("many", width=1440, height=900)
    assert state(page)["boxes"] > 50000, state(page)
    assert "boxes that are lighter than" in text(page, "#notice")
    assert os.path.getsize(os.path.join(bench.folder, "many.html")) < 4e6
    click_box(page, "step_0_1_0")
    bench.keep(page, "many")
    frame_ms = page.evaluate("""new Promise(done => {
        const start = performance.now();
        let left = 30;
        const next = () => {
            document.querySelector('#scroller').scrollTop = left % 2;
            window.dispatchEvent(new Event('resize'));
            if (left--) requestAnimationFrame(next); else done((performance.now() - start) / 30);
        };
        next();
    })""")
    print("      %.0f ms a picture" % frame_ms)


def check_empty(bench):
    """no samples: it says so, and why"""
    page = bench.open("empty", width=1000, height=700)
    assert "No thread used CPU time" in text(page, "#empty")
    bench.keep(page, "empty")
    page.click_on("#modes button:nth-child(2)")
    settle(page)
    equal(page.evaluate("getComputedStyle(document.querySelector('#empty')).display"), "none")
    assert page.evaluate("flamegraph.find('checkout').width") > 100
    page = bench.open("cut", width=1000, height=700)
    assert "every attempt failed" in text(page, "#empty")
    equal(page.evaluate("[...document.querySelectorAll('.alarm')].map(a => a.textContent)"),
          ["17 samples failed (100.0 %)", "cut off: its end is missing"])


def check_print(bench):
    """on paper: all rows, light, no buttons"""
    page = bench.open("shop", width=1000, height=700, dark=True)
    page.set_media(dark=True, media="print")
    equal(page.evaluate("document.querySelector('#search').offsetParent"), None)
    settle(page)
    bench.keep(page, "print")


def check_picture(bench):
    """the SVG: well-formed, still, and alone"""
    for case in ("shop", "hostile", "deep", "many", "empty", "cut"):
        path = bench.write(case, "svg")
        svg = xml.dom.minidom.parse(path)
        for name in ("script", "image", "a", "foreignObject", "use"):
            equal((case, name, len(svg.getElementsByTagName(name))), (case, name, 0))
        assert os.path.getsize(path) < 1e6, "%s: %d bytes" % (case, os.path.getsize(path))
    for dark in (False, True):
        page = bench.open("shop", "svg", width=1200, height=250, dark=dark)
        bench.keep(page, "picture_dark" if dark else "picture")
    page = bench.open("hostile", "svg", width=1200, height=250)
    titles = page.evaluate("[...document.querySelectorAll('g title')].map(t => t.textContent)")
    assert any(title.startswith(HOSTILE + "\n") for title in titles), titles
    bench.keep(page, "picture_hostile")


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build")
    parser.add_argument("-k", default="", metavar="NAME", help="only checks with NAME in their name")
    options = parser.parse_args()
    checks = [check for check in CHECKS if options.k in check.__name__]
    if not find_chromium():
        print("skip  flame graph: no chromium (scripts/install-deps test)")
        print("0 passed, 0 failed, %d skipped" % len(checks))
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix="asyncspy-flamegraph-") as folder, Browser() as browser:
        bench = Bench(options.build, browser, folder)
        for check in checks:
            try:
                check(bench)
                bench.end()
                print("ok    %s" % check.__doc__)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                bench.pages.clear()
                print("FAIL  %s\n%s" % (check.__doc__, traceback.format_exc()))
    print("%d passed, %d failed, 0 skipped" % (len(checks) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
