"""A page in headless Chromium, driven by Playwright: for measuring and testing, not for showing."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pose.errors import InputError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Programs that are tried, in order."""
READY_MS = 120_000
"""Longest time until the page has loaded [ms]."""
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Draw without a graphics card."""


@dataclass
class OpenPage:
    """A loaded page, and what it did that it should not."""

    page: Any
    """Playwright's page."""
    session: Any
    """Its DevTools session; what goes through it is not subject to the page's Content-Security-Policy."""
    browser: Any
    """The DevTools session of the whole browser."""
    requests: list[str] = field(default_factory=list)
    """Addresses that were asked for, the file itself left out."""
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console, and exceptions."""

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression that JSON can hold.

        Raises:
          RuntimeError: it threw.
        """
        found = self.session.send("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", "exception"))
        return found["result"].get("value")

    def cpu_seconds(self) -> float:
        """Time that all processes of the browser have used so far, on all cores together [s]."""
        return float(sum(one["cpuTime"] for one in self.browser.send("SystemInfo.getProcessInfo")["processInfo"]))


def find_chromium() -> str | None:
    """The program on this machine, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def open_page(path: Path, size: tuple[int, int] = (960, 540), touch: bool = False) -> Iterator[OpenPage]:
    """Opens a live page from its file and waits until it runs.

    Args:
      path: the page.
      size: width and height of the window [px].
      touch: as a phone has it.

    Raises:
      InputError: Playwright or Chromium is missing.
    """
    program = find_chromium()
    if program is None:
        raise InputError("no Chromium on this machine; install it (Debian: apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise InputError("playwright is not installed; pip install playwright (no browser of its own)") from error
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    options = [*SOFTWARE_GL, *(["--no-sandbox"] if root else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        try:
            page = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=touch).new_page()
            opened = OpenPage(page, page.context.new_cdp_session(page), browser.new_browser_cdp_session())
            _listen(opened, path.resolve().as_uri())
            page.goto(path.resolve().as_uri())
            page.wait_for_selector("#loading", state="detached", timeout=READY_MS)
            yield opened
        finally:
            browser.close()


def _listen(opened: OpenPage, own: str) -> None:
    """Notes requests and complaints from the beginning on."""

    def note_request(request: Any) -> None:
        if request.url != own and not request.url.startswith(("data:", "blob:")):
            opened.requests.append(request.url)

    def note_message(message: Any) -> None:
        if message.type in ("error", "warning"):
            opened.complaints.append(message.text)

    opened.page.on("request", note_request)
    opened.page.on("console", note_message)
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
