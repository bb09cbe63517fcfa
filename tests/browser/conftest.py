"""A browser for tests of pages: Chromium by Playwright, which says what it loads and what goes wrong in it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest


@dataclass
class Witness:
    """What a page did."""

    page: Any
    requests: list[str] = field(default_factory=list)
    """Addresses that it asked for."""
    errors: list[str] = field(default_factory=list)
    """Errors in its console, and exceptions."""


@pytest.fixture
def witness() -> Iterator[Witness]:
    """An empty page in headless Chromium, watched."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        found = Witness(page)
        page.on("request", lambda request: found.requests.append(request.url))
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("console", lambda said: found.errors.append(said.text) if said.type == "error" else None)
        yield found
        browser.close()
