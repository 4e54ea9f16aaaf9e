"""A browser for tests: Chromium behind chromedriver, spoken to in plain HTTP (W3C WebDriver)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-prefers-reduced-motion",
)  # fmt: skip
TAB = "\ue004"
ENTER = "\ue007"


def programs() -> tuple[str, str] | None:
    """Chromium and chromedriver, if both are installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    return (chromium, driver) if chromium and driver else None


class Browser:
    """One WebDriver session."""

    def __init__(self, address: str, chromium: str, profile: Path, downloads: Path) -> None:
        self.address = address
        options = {
            "binary": chromium,
            "args": [*FLAGS, f"--user-data-dir={profile}"],
            "prefs": {"download.default_directory": str(downloads), "download.prompt_for_download": False},
        }
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{answer['sessionId']}"

    def call(self, method: str, path: str, body: dict | None = None) -> Any:
        return self._send(method, self.session + path, body)

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that the function body `script` returns in the page (a promise is awaited)."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def open(self, path: Path) -> None:
        self.call("POST", "/url", {"url": path.as_uri()})

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def room(self, width: int, height: int = 900, dark: bool = False) -> None:
        """The size of the screen, and which theme its owner prefers."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[feature])

    def key(self, key: str) -> None:
        presses = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": presses}]})

    def wait(self, condition: str, seconds: float = 30.0) -> None:
        """Until the expression `condition` is true in the page."""
        until = time.monotonic() + seconds
        while not self.run(f"return Boolean({condition})"):
            assert time.monotonic() < until, f"waited {seconds} s for {condition}"
            time.sleep(0.05)

    def console(self) -> list[str]:
        """What was written on the console since the last call, errors and warnings first of all."""
        return [f"{x['level']}: {x['message']}" for x in self.call("POST", "/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        """Every address the page asked for since the last call."""
        messages = [json.loads(x["message"])["message"] for x in self.call("POST", "/se/log", {"type": "performance"})]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path, *, whole: bool = True) -> None:
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.call("DELETE", "")

    def _send(self, method: str, path: str, body: dict | None = None) -> Any:
        data = None if method in ("GET", "DELETE") else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()[:600]) from error


@contextlib.contextmanager
def browser(chromium: str, driver: str, folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile in `folder`; its programs end with the scope."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("profile", "downloads"):
        (folder / name).mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    with subprocess.Popen(
        [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _ready(address)
            session = Browser(address, chromium, folder / "profile", folder / "downloads")
            try:
                yield session
            finally:
                session.close()
        finally:
            process.terminate()


def _ready(address: str, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{address}/status", timeout=5):
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
