"""A real browser without a window: Chromium, spoken to over a pipe in its DevTools protocol."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
_CODES = {"ArrowLeft": 37, "ArrowRight": 39, "Enter": 13}


def find() -> str | None:
    """The program, or None where there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    """A context manager that opens pages, presses keys, and keeps what they download in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last = 0

    def __enter__(self) -> Browser:
        there, self._to = os.pipe()
        self._from, back = os.pipe()
        # The browser reads from descriptor 3 and writes to 4, whatever numbers the pipes have here.
        move = f'exec 3<&{there} 4>&{back}; exec "$0" "$@"'
        program = ["bash", "-c", move, str(find()), "--headless", "--no-sandbox", "--disable-gpu"]
        program += ["--remote-debugging-pipe", f"--user-data-dir={self.folder / 'profile'}", "about:blank"]
        self._log = (self.folder / "browser.log").open("w")
        self._process = subprocess.Popen(program, pass_fds=(there, back), stdout=self._log, stderr=self._log)
        os.close(there)
        os.close(back)
        self._in = os.fdopen(self._from, "rb")
        self._session: str | None = None
        target = next(t for t in self("Target.getTargets")["targetInfos"] if t["type"] == "page")
        attached = self("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self("Page.enable")
        self("Page.setDownloadBehavior", behavior="allow", downloadPath=str(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._to)
        self._in.close()
        self._log.close()

    def __call__(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, and its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._message())
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return answer["result"]

    def _message(self) -> bytes:
        read = bytearray()
        while (byte := self._in.read(1)) != b"\0":
            assert byte, "the browser has ended: " + (self.folder / "browser.log").read_text()[-2000:]
            read += byte
        return bytes(read)

    def open(self, path: Path) -> None:
        """Open a file, and wait until its script has run."""
        self("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def value(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys, each down and up."""
        for key in keys:
            code = _CODES.get(key, ord(key[0].upper()))
            same: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code}
            self("Input.dispatchKeyEvent", type="keyDown", **same, **({"text": key} if len(key) == 1 else {}))
            self("Input.dispatchKeyEvent", type="keyUp", **same)

    def choose(self, selector: str, path: Path) -> None:
        """Give a file to an input."""
        node = self("DOM.querySelector", nodeId=self("DOM.getDocument")["root"]["nodeId"], selector=selector)
        self("DOM.setFileInputFiles", files=[str(path.resolve())], nodeId=node["nodeId"])

    def downloaded(self, name: str, seconds: float = 20) -> str:
        """The text of a file that the page let fall."""
        end = time.monotonic() + seconds
        while not (self.folder / name).is_file():
            assert time.monotonic() < end, f"{name} never came"
            time.sleep(0.05)
        return (self.folder / name).read_text(encoding="utf-8")

    def picture(self, path: Path) -> None:
        """What the page looks like, as PNG."""
        import base64

        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))
