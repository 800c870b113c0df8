"""A headless Chromium for tests, driven by the DevTools protocol over a pipe.

    with Browser() as browser:
        page = browser.open("file:///tmp/page.html", width=1000, height=700)
        page.evaluate("document.title")
        page.click(40, 80)

It has a profile of its own in a temporary folder and reaches nothing but files and 127.0.0.1.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

SWITCHES = """--headless=new --no-sandbox --disable-gpu --no-first-run --no-default-browser-check
--disable-background-networking --disable-component-update --disable-sync --disable-extensions
--disable-dev-shm-usage --hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe
--allow-file-access-from-files""".split()
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
SECONDS = 60  # for one answer

KEYS = {"Escape": 27, "Enter": 13, "Tab": 9, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37,
        "ArrowRight": 39, "Home": 36, "Backspace": 8}


def find_chromium():
    """The program, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or \
        shutil.which("google-chrome")


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self, program=None):
        self._folder = tempfile.mkdtemp(prefix="asyncspy-chromium-")
        self._next_id = 0
        self._buffer = b""
        self._pages = {}
        self._process = None
        try:
            self._start(program or find_chromium())
        except BaseException:
            self.close()
            raise

    def _start(self, program):
        # It reads its orders from descriptor 3 and writes to 4. Ours lie above, out of the way.
        ends = [end for _ in range(2) for end in os.pipe()]
        orders_in, self._orders, self._answers, answers_out = [
            fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
        for end in ends:
            os.close(end)
        shell = 'exec 3<&%d 4>&%d; exec "$@"' % (orders_in, answers_out)
        with open(os.path.join(self._folder, "stderr"), "wb") as stderr:
            self._process = subprocess.Popen(
                ["bash", "-c", shell, "bash", program, *SWITCHES, NOWHERE,
                 "--user-data-dir=" + os.path.join(self._folder, "profile"), "about:blank"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                pass_fds=(orders_in, answers_out), start_new_session=True,
                env=dict(os.environ, HOME=self._folder))
        os.close(orders_in)
        os.close(answers_out)
        self.call("Browser.getVersion")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._process:
            try:
                self.call("Browser.close")
                self._process.wait(10)
            except (BrowserError, OSError, subprocess.TimeoutExpired):
                pass
            try:  # its own session: what it left behind
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()
            os.close(self._orders)
            os.close(self._answers)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, url, width=1200, height=800, dark=False, scale=1):
        """A new page, when it has loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        page.resize(width, height, scale)
        page.set_media(dark=dark)
        page.go(url)
        return page

    def call(self, method, session=None, **params):
        """One command of the protocol and its answer."""
        number = self.send(method, session, params)
        deadline = time.monotonic() + SECONDS
        while True:
            message = self._receive(deadline)
            if message is None:
                raise BrowserError("%s: no answer within %d s" % (method, SECONDS))
            if message.get("id") == number:
                break
        if "error" in message:
            raise BrowserError("%s: %s" % (method, message["error"]["message"]))
        return message["result"]

    def send(self, method, session, params):
        """One command, whatever its answer; its number."""
        self._next_id += 1
        order = {"id": self._next_id, "method": method, "params": params}
        if session:
            order["sessionId"] = session
        data = json.dumps(order).encode() + b"\0"
        while data:
            data = data[os.write(self._orders, data):]
        return self._next_id

    def wait(self, seconds, until=lambda: False):
        """Lets the pages run, until something is true. Whether it is."""
        deadline = time.monotonic() + seconds
        while not until() and self._receive(deadline):
            pass
        return until()

    def _receive(self, deadline):
        """The next message, after telling its page; None: it is too late."""
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return None
            data = os.read(self._answers, 1 << 20)
            if not data:
                with open(os.path.join(self._folder, "stderr"), errors="replace") as stderr:
                    raise BrowserError("chromium ended: " + stderr.read()[-500:])
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(line)
        page = self._pages.get(message.get("sessionId"))
        if page and "method" in message:
            page.hear(message["method"], message["params"])
        return message


class Page:
    """What it says on the console (errors, refused policies and exceptions too) is in `console`
    as (level, text); what it asked for, its own address first, in `requests`; the dialogs that
    it opened (they are closed at once), in `dialogs`."""

    def __init__(self, browser, session):
        self._browser = browser
        self._session = session
        self.console, self.requests, self.dialogs = [], [], []
        self._loaded = False
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        return self._browser.call(method, self._session, **params)

    def hear(self, method, params):
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
            self._browser.send("Page.handleJavaScriptDialog", self._session, {"accept": False})
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            words = [str(a.get("value", a.get("description"))) for a in params["args"]]
            self.console.append((params["type"], " ".join(words)))
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.console.append(("error", details.get("exception", {}).get(
                "description", details["text"])))
        elif method == "Log.entryAdded":
            self.console.append((params["entry"]["level"], params["entry"]["text"]))

    def go(self, url):
        self._loaded = False
        self.call("Page.navigate", url=url)
        if not self._browser.wait(SECONDS, lambda: self._loaded):
            raise BrowserError("%s does not load" % url)

    def resize(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=False)

    def set_media(self, dark=False, reduced_motion=False, media=""):
        """`media`: "print" or the screen."""
        features = [("prefers-color-scheme", "dark" if dark else "light"),
                    ("prefers-reduced-motion", "reduce" if reduced_motion else "no-preference")]
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": name, "value": value} for name, value in features])

    def evaluate(self, script):
        """The value of an expression (a promise is awaited), as JSON has it."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait_for(self, script, seconds=10):
        """Until the expression is true; its value."""
        deadline = time.monotonic() + seconds
        while True:
            value = self.evaluate(script)
            if value:
                return value
            if time.monotonic() > deadline:
                raise BrowserError("not within %g s: %s" % (seconds, script))
            self._browser.wait(0.05)

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x, y, modifiers=0):
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      clickCount=1, modifiers=modifiers)

    def click_on(self, selector):
        """In the middle of the first element that matches, scrolled into view."""
        x, y = self.evaluate("""(() => {
            const element = document.querySelector(%s);
            element.scrollIntoView({block: "nearest", behavior: "instant"});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        })()""" % json.dumps(selector))
        self.click(x, y)

    def type(self, text):
        """Where the focus is."""
        self.call("Input.insertText", text=text)

    def press(self, key, control=False):
        """A key of KEYS, or a character."""
        code = KEYS.get(key) or ord(key.upper())
        what = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if control else 0}
        if not control and (key == "Enter" or len(key) == 1):
            what["text"] = "\r" if key == "Enter" else key
        self.call("Input.dispatchKeyEvent", type="keyDown" if "text" in what else "rawKeyDown",
                  **what)
        what.pop("text", None)
        self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    def set_files(self, selector, paths):
        """As if these were chosen in an <input type=file>."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[os.path.abspath(p) for p in paths])

    def screenshot(self, path, whole=False):
        """A PNG of what is seen, or of the whole page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path, "wb") as out:
            out.write(base64.b64decode(shot["data"]))
