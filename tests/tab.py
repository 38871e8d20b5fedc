"""A page in headless Chromium that is looked at and clicked, over the browser's own protocol on two pipes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from browser import executable

SECONDS = 60.0  # before something that never comes is given up

# The protocol is spoken on descriptors 3 and 4, whatever numbers ours have; these may be among them.
LAUNCH = """
import os, sys
from fcntl import F_DUPFD, fcntl
ends = [fcntl(int(number), F_DUPFD, 10) for number in sys.argv[1:3]]
for end, known in zip(ends, (3, 4)):
    os.dup2(end, known)
os.execv(sys.argv[3], sys.argv[3:])
"""


class PageLeft(AssertionError):
    """The page was left for another one before it could answer."""


class Tab:
    """One page. Use it in a `with` block."""

    def __init__(self, folder: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        command = [executable(), *options, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        launch = [sys.executable, "-c", LAUNCH, str(to_browser), str(from_browser), *command]
        null = subprocess.DEVNULL
        self._process = subprocess.Popen(launch, pass_fds=(to_browser, from_browser), stdout=null, stderr=null)
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._number, self._session = b"", 0, {}
        self.wrong: list[str] = []
        page = next(t for t in self._ask("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self._ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def window(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """The size of the window, and whether the reader likes it dark."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        self._ask("Page.navigate", url=url)
        self.wait(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript."""
        told = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression is true, on this page or on the one it is left for."""
        end = time.monotonic() + SECONDS
        while not self._holds(condition):
            assert time.monotonic() < end, f"never came: {condition}; {self.wrong}"
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element, which must be what lies there."""
        box = json.dumps(selector)
        self.run(f"document.querySelector({box}).scrollIntoView({{block: 'center'}})")
        x, y, hit = self.run(
            f"(() => {{ const e = document.querySelector({box}), b = e.getBoundingClientRect();"
            " const x = b.x + b.width / 2, y = b.y + b.height / 2;"
            " return [x, y, e.contains(document.elementFromPoint(x, y))]; })()"
        )
        assert hit, f"{selector} is covered"
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Replace what stands in a field, then leave it."""
        self.click(selector)
        self.run(f"document.querySelector({json.dumps(selector)}).select()")
        self._ask("Input.insertText", text=text)
        self.key("Tab", 9)

    def key(self, name: str, code: int) -> None:
        """Press a key where the focus is."""
        for kind in ("keyDown", "keyUp"):
            self._ask("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def choose(self, selector: str, value: str) -> None:
        """Take an option of a select, whose list is the system's and cannot be clicked."""
        self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        shot = self._ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _holds(self, condition: str) -> bool:
        try:
            return bool(self.run(condition))
        except PageLeft:
            return False

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        request = {"id": self._number, "method": method, "params": params, **getattr(self, "_session", {})}
        os.write(self._out, json.dumps(request).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self._note(answer)
        if answer.get("error", {}).get("message") == "Inspected target navigated or closed":
            raise PageLeft(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._in, 1 << 16)
            assert chunk, "the browser ended"
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        """What goes wrong in the page."""
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.wrong.append(params["exceptionDetails"]["exception"].get("description", "exception"))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.wrong.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
