"""check_speedscope.py BUILD: speedscope itself, in a headless Chromium, reads what is written for it,
and traces.

Its npm package is fetched once into BUILD/speedscope; without it, or Chromium, this is skipped.
"""
import base64
import functools
import hashlib
import http.server
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.parse

from browser import Browser, find_chromium
from formats import Checks, Skipped, write

VERSION = "1.25.0"
# npm view speedscope@VERSION dist.integrity
SHA512 = "cpf9HWTZf1ijLXBJrk87Ve/54tnYx6rlf0gUThvn3ook6h63hLXVOQiMf44PT+XoV503cPfvfiT5gP5vojp6Ag=="
SECONDS = 60
# Whatever a name says, it stays text.
HOSTILE = "</script><img src=x onerror=alert(1)>"


def is_whole(package):
    return package.exists() and SHA512 == base64.b64encode(
        hashlib.sha512(package.read_bytes()).digest()).decode()


def fetch_package(build):
    """The package's archive, checked."""
    folder = pathlib.Path(build) / "speedscope"
    package = folder / ("speedscope-%s.tgz" % VERSION)
    if is_whole(package):
        return package
    if not shutil.which("npm"):
        raise Skipped("npm is not installed, and the package is not in " + str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(["npm", "pack", "--loglevel=error", "--fetch-retries=1", "--pack-destination",
                               folder, "speedscope@" + VERSION], timeout=SECONDS,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        raise Skipped("npm does not answer") from None
    if done.returncode != 0:
        raise Skipped("npm cannot be had: " + done.stderr.decode(errors="replace")[-200:])
    if not is_whole(package):
        package.unlink(missing_ok=True)
        raise AssertionError("the package is not the one that it should be")
    return package


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Served:
    """speedscope's page and files, at an address of this machine."""

    def __init__(self, package, **files):
        self._folder = tempfile.TemporaryDirectory(prefix="asyncspy-speedscope-")
        top = pathlib.Path(self._folder.name)
        with tarfile.open(package) as archive:
            archive.extractall(top)
        self.release = top / "package/dist/release"
        for name, text in files.items():
            (self.release / name).write_text(text)
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=self.release))
        self.url = "http://127.0.0.1:%d/" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()


def check_schema(checks, served, document):
    try:
        import jsonschema
    except ImportError:
        checks.skip("the schema of speedscope", "python3-jsonschema is not installed")
        return
    schema = json.loads((served.release / "file-format-schema.json").read_text())
    errors = jsonschema.Draft7Validator(schema).iter_errors(document)
    checks.check("the schema of speedscope", [error.message[:200] for error in errors])


def check_document(checks, document):
    """What the schema does not say."""
    count, problems = len(document["shared"]["frames"]), []
    for profile in document["profiles"]:
        if len(profile["samples"]) != len(profile["weights"]):
            problems.append("%s: a weight for each sample" % profile["name"])
        if abs(sum(profile["weights"]) - profile["endValue"]) > 1e-9:
            problems.append("%s: the weights are not the whole" % profile["name"])
        if not all(0 <= index < count for sample in profile["samples"] for index in sample):
            problems.append("%s: an index of no frame" % profile["name"])
    checks.check("samples and weights", problems)


def open_view(browser, served, name, view):
    page = browser.open("%sindex.html#profileURL=%s&view=%s" % (
        served.url, urllib.parse.quote(served.url + name), view))
    page.wait_for("document.title !== 'speedscope'", 30)
    return page


def read_rows(page, frame):
    """The texts of the sandwich view's rows, white space made one, when the frame is in them."""
    page.wait_for("document.body.innerText.includes(%s)" % json.dumps(frame))
    rows = page.evaluate("[...document.querySelectorAll('tr')].map(row => row.innerText)")
    return [" ".join(row.split()) for row in rows if "%" in row]


def list_names(document, profile):
    """Of the frames of a profile, as a row of the page shows them."""
    frames = document["shared"]["frames"]
    return {" ".join(frames[index]["name"].split()) for sample in profile["samples"]
            for index in sample}


def check_profile(checks, page, document, index):
    """Every frame of a profile is in the page's table, and no other."""
    profile = document["profiles"][index]
    names = list_names(document, profile)
    page.wait_for("document.body.innerText.includes(%s)" % json.dumps(
        "%s (%d/%d)" % (profile["name"], index + 1, len(document["profiles"]))))
    rows = read_rows(page, min(names, key=len))
    checks.check("the frames of " + profile["name"],
                 [name for name in names if not any(name in row for row in rows)] +
                 [row for row in rows if not any(name in row for name in names)])
    return rows


def check_page(checks, browser, served, document):
    page = open_view(browser, served, "profile", "sandwich")
    checks.expect("the title", page.evaluate("document.title"), document["name"] + " - speedscope")
    rows = check_profile(checks, page, document, 0)
    checks.check("what is waited for", [] if any(
        row.startswith("2.00s (22%) 2.00s (22%)") and "Lock#1 'pool.sem'" in row for row in rows
    ) else rows)
    checks.check("a hostile name", [] if any(HOSTILE in row for row in rows) else rows)
    for index in range(1, len(document["profiles"])):
        page.press("n")
        check_profile(checks, page, document, index)
    check_quiet(checks, page)


def check_quiet(checks, page):
    checks.expect("no errors", [said for said in page.console if said[0] == "error"], [])
    checks.expect("no dialogs", page.dialogs, [])


def check_picture(checks, browser, served, path):
    page = open_view(browser, served, "profile", "left-heavy")
    page.wait_for("document.querySelectorAll('canvas').length")
    browser.wait(0.5)  # it draws when it likes
    page.screenshot(path)
    check_quiet(checks, page)


def check_trace(checks, browser, served):
    """It pairs begins and ends by their names, and says where it cannot."""
    page = open_view(browser, served, "trace", "sandwich")
    page.wait_for("document.body.innerText.includes('process 42 (pid 42), MainThread (tid 42)')")
    rows = read_rows(page, "select")
    checks.check("a thread of the trace", [] if any(
        row.startswith("2.00s (100%)") and "<module>" in row for row in rows) else rows)
    checks.expect("begins and ends of the trace", [
        text for _, text in page.console if "Doing nothing" in text or "still open" in text], [])
    check_quiet(checks, page)


def main():
    checks, build = Checks(), pathlib.Path(sys.argv[1])
    document = json.loads(write(build, "write_trace", "speedscope"))
    check_document(checks, document)
    try:
        if not find_chromium():
            raise Skipped("chromium is not installed")
        package = fetch_package(build)
    except Skipped as why:
        checks.skip("speedscope", why)
        checks.end()
    trace = write(build, "write_trace", "trace")
    with Served(package, profile=json.dumps(document), trace=trace) as served, \
            Browser() as browser:
        check_schema(checks, served, document)
        check_page(checks, browser, served, document)
        check_picture(checks, browser, served, build / "artefacts/speedscope.png")
        check_trace(checks, browser, served)
    checks.end()


main()
