"""Drives a headless Chromium by its DevTools protocol, over a pipe, with the standard library alone."""
import base64
import itertools
import json
import os
import queue
import shutil
import subprocess
import threading
import time

# https://chromedevtools.github.io/devtools-protocol: key, code and Windows' number of the keys used.
KEYS = {
    "Tab": ("Tab", 9), "Enter": ("Enter", 13), "Escape": ("Escape", 27), " ": ("Space", 32),
    "ArrowLeft": ("ArrowLeft", 37), "ArrowUp": ("ArrowUp", 38), "ArrowRight": ("ArrowRight", 39),
    "ArrowDown": ("ArrowDown", 40), "Backspace": ("Backspace", 8), "a": ("KeyA", 65),
}


def find_chromium():
    """The program named by CHROMIUM, or the first one in PATH; None without any."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next(filter(None, map(shutil.which, filter(None, names))), None)


class Browser:
    """A running Chromium with a profile of its own in `folder`."""

    def __init__(self, program, folder):
        (its_input, to_it), (from_it, its_output) = os.pipe(), os.pipe()
        options = [
            "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={folder}", "--no-first-run",
            "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync",
            "--disable-component-update", "--no-default-browser-check", "--hide-scrollbars", "--lang=en-US",
        ]
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        # It reads file 3 and writes file 4.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{its_input} 4>&{its_output}', "bash", program, *options, "about:blank"],
            pass_fds=(its_input, its_output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(its_input)
        os.close(its_output)
        self.writer, self.reader = os.fdopen(to_it, "wb", 0), os.fdopen(from_it, "rb")
        self.numbers, self.answers, self.tabs = itertools.count(1), {}, {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        rest = b""
        while chunk := self.reader.read1(1 << 20):
            *texts, rest = (rest + chunk).split(b"\0")
            for message in map(json.loads, texts):
                if "id" in message:
                    self.answers[message["id"]].put(message)
                elif tab := self.tabs.get(message.get("sessionId")):
                    tab.take(message["method"], message["params"])
        for answer in list(self.answers.values()):
            answer.put({"error": {"message": "the browser has ended"}})

    def call(self, method, session=None, timeout=60, **parameters):
        """Calls a method of the protocol and returns its result."""
        number = next(self.numbers)
        self.answers[number] = queue.Queue()
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self.writer.write(json.dumps(message).encode() + b"\0")
        answer = self.answers[number].get(timeout=timeout)
        del self.answers[number]
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def open(self, url, **size):
        """Opens a tab; `size` is that of Tab.resize."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self.tabs[session] = Tab(self, session, target)
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            tab.call(f"{domain}.enable")
        tab.resize(**size)
        tab.go(url)
        return tab

    def close(self):
        """Ends the browser."""
        try:
            self.call("Browser.close", timeout=10)
        except (OSError, RuntimeError, queue.Empty):
            self.process.kill()
        self.process.wait()


class Tab:
    """A tab; `errors` are exceptions and messages of its console, `requests` the addresses it asked for."""

    def __init__(self, browser, session, target):
        self.browser, self.session, self.target = browser, session, target
        self.errors, self.requests, self.headers = [], [], {}
        self.loaded = threading.Event()

    def call(self, method, **parameters):
        """Calls a method of the protocol for this tab."""
        return self.browser.call(method, self.session, **parameters)

    def take(self, method, parameters):
        """Takes an event of the protocol."""
        if method == "Page.loadEventFired":
            self.loaded.set()
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Network.responseReceived" and parameters["type"] == "Document":
            self.headers = {name.lower(): value for name, value in parameters["response"]["headers"].items()}
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            entry = parameters["entry"]
            self.errors.append(f"{entry['text']} ({entry.get('url', '')})")
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in parameters["args"]))

    def close(self):
        """Closes the tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)

    def go(self, url):
        """Loads an address."""
        self.loaded.clear()
        self.call("Page.navigate", url=url)
        if not self.loaded.wait(30):
            raise AssertionError(f"{url} did not load")

    def reload(self):
        """Loads the page again."""
        self.loaded.clear()
        self.call("Page.reload")
        if not self.loaded.wait(30):
            raise AssertionError("the page did not load again")

    def evaluate(self, script):
        """The value of a script in the page; a promise's result."""
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if details := result.get("exceptionDetails"):
            raise AssertionError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def wait(self, script, what=None, seconds=60):
        """Waits until a script has a true value, and returns it."""
        end = time.monotonic() + seconds
        while True:
            # An element of the page arrives as {}.
            if (value := self.evaluate(script)) not in (None, False, 0, ""):
                return value
            if time.monotonic() > end:
                raise AssertionError(f"did not come within {seconds} s: {what or script}")
            time.sleep(0.05)

    def press(self, key, times=1, modifiers=0):
        """Presses a key; `modifiers` are 1 for Alt, 2 for Control, 8 for Shift."""
        code, number = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key)
        for _ in range(times):
            shared = dict(key=key, code=code, windowsVirtualKeyCode=number, modifiers=modifiers)
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown",
                      **shared, **({"text": text} if text else {}))
            self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def type(self, selector, text):
        """Puts a text in place of that of a field."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.press("a", modifiers=2)
        self.evaluate(f"document.querySelector({json.dumps(selector)}).select?.()")
        if text:
            self.call("Input.insertText", text=text)
        else:
            self.press("Backspace")

    def click(self, selector):
        """Clicks into the middle of an element with the mouse."""
        x, y = self.evaluate(f"""(() => {{
          const element = document.querySelector({json.dumps(selector)});
          element.scrollIntoView({{ block: "center", behavior: "instant" }});
          const box = element.getBoundingClientRect();
          const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
          const top = document.elementFromPoint(x, y);
          if (!element.contains(top)) throw new Error("covered by " + top?.outerHTML.slice(0, 80));
          return [x, y];
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def resize(self, width=1280, height=900, scale=1, mobile=False):
        """Gives the page a size in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride",
                  width=width, height=height, deviceScaleFactor=scale, mobile=mobile)

    def prefer(self, **features):
        """Sets media features, such as prefers_color_scheme="dark"."""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def picture(self, path, is_whole=False):
        """Writes a PNG of the page: what is seen, or all of it."""
        data = self.call("Page.captureScreenshot", captureBeyondViewport=is_whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def nodes(self):
        """The accessibility tree: role, name and properties of what a screen reader meets."""
        for node in self.call("Accessibility.getFullAXTree")["nodes"]:
            if not node.get("ignored"):
                properties = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
                yield node["role"]["value"], node.get("name", {}).get("value", ""), properties
