"""Chromium without a window, driven by its DevTools protocol."""

import base64
import json
import subprocess
import tempfile
import time
from pathlib import Path

import websocket

SECONDS = 60
OPTIONS = "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--hide-scrollbars"
FAKE_CAMERA = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
NAMED = (
    "image table navigation link heading region button DisclosureTriangle columnheader rowheader textbox Canvas "
    "combobox checkbox slider spinbutton"
).split()
FOCUSABLE = """(() => {
    const all = [...document.querySelectorAll("*")];
    return [...document.querySelectorAll("a[href], summary, [tabindex], button, input, select, textarea")]
        .filter(each => each.checkVisibility() && !each.disabled).map(each => all.indexOf(each));
})()"""
LOADED = """new Promise(done => {
    if (document.readyState === "complete") done();
    else addEventListener("load", () => done());
})"""
FOCUSED = """(() => {
    const here = document.activeElement;
    if (here === document.body) return null;
    const style = getComputedStyle(here);
    return [[...document.querySelectorAll("*")].indexOf(here), style.outlineStyle !== "none"];
})()"""


class Browser:
    """One page. Use as a context: `with Browser(address) as page: page.evaluate("1 + 1")`."""

    def __init__(self, address):
        self.address, self.number = address, 0

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = ["chromium", *OPTIONS, *FAKE_CAMERA, f"--user-data-dir={self.profile.name}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port, browser = self._port_and_place(Path(self.profile.name, "DevToolsActivePort"))
        self.socket = websocket.create_connection(
            f"ws://127.0.0.1:{port}{browser}", timeout=SECONDS, suppress_origin=True
        )
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.navigate", url=self.address)
        self.evaluate(LOADED)  # else a row header is met before its text has been read
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.profile.cleanup()

    def call(self, method, **parameters):
        """The result of a command of the protocol."""
        self.number += 1
        asked = {"id": self.number, "method": method, "params": parameters}
        self.socket.send(json.dumps(asked | ({"sessionId": self.session} if self.session else {})))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, script):
        """The value of an expression of JavaScript, awaited if it is a promise."""
        made = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in made, made["exceptionDetails"]
        return made["result"].get("value")

    def text(self, name):
        """The text of an element, by its id."""
        return self.evaluate(f"document.getElementById({name!r})?.textContent ?? ''")

    def wait_for(self, name, beginning):
        """The text of an element once it begins so."""
        until = time.monotonic() + SECONDS
        while not (text := self.text(name)).startswith(beginning):
            assert time.monotonic() < until, f"{name} is {text!r}; says: {self.text('says')!r}"
            time.sleep(0.05)
        return text

    def screenshot(self, path, width=1400, height=1000):
        """Writes a PNG of the page."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def _port_and_place(self, path):
        """What Chromium writes into a file of two lines once it listens."""
        until = time.monotonic() + SECONDS
        while not path.exists() or len(path.read_text().split()) < 2:
            assert time.monotonic() < until, "Chromium does not start"
            time.sleep(0.05)
        return path.read_text().split()

    def without_a_name(self):
        """Roles of what a screen reader meets and cannot name."""
        self.call("Accessibility.enable")
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        met = [(each["role"]["value"], each.get("name", {}).get("value", "")) for each in nodes if not each["ignored"]]
        assert len(met) > 10
        return [role for role, name in met if role in NAMED and not name.strip()]

    def for_the_keyboard(self):
        """Numbers of the elements that can be used, among all of the page in its order."""
        return self.evaluate(FOCUSABLE)

    def reached_by_tab(self):
        """Numbers of the elements that the Tab key reaches, each of which must show that it has been."""
        self.evaluate("document.activeElement.blur()")
        reached = []
        while True:
            for kind in "rawKeyDown", "keyUp":
                self.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            found = self.evaluate(FOCUSED)
            if found is None or found[0] in reached:
                return reached
            assert found[1], f"element {found[0]} does not show that the keyboard has reached it"
            reached.append(found[0])
