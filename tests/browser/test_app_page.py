"""The page of `sfv app` in a real browser."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose.errors import InputError
from pose.video import VideoWriter
from sfv.app.app import open_browser
from sfv.commands.live import choose_all
from sfv.demo.demo import make_demo
from sfv.live.libraries import load_libraries
from sfv.live.page_file import write_page

from .conftest import Witness


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a page that was started as its user does."""
    command = [sys.executable, "-m", "sfv", "app", "--port", "0", "--no-browser", "--runs", str(tmp_path / "runs")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    yield re.findall(r"http://\S+", line)[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) in (0, 130, -signal.SIGINT)


def wait_for_frame(page: Any) -> None:
    """Waits until the picture of the film is there; Playwright's own waiting polls by eval, which the page forbids."""
    for _ in range(600):
        if page.evaluate("document.getElementById('frame').naturalWidth > 0"):
            return
        page.wait_for_timeout(100)
    raise AssertionError("no picture of the film within a minute")


def write_film(path: Path) -> Path:
    with VideoWriter(path, 10.0, (160, 120)) as film:
        for t in range(30):
            film.write(np.full((120, 160, 3), 8 * t, dtype=np.uint8))
    return path


def test_a_film_is_prepared(witness: Witness, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, opened = witness.page, list[str]()
    monkeypatch.setattr("webbrowser.open", opened.append)
    with open_browser(address):  # by way of a file, as the program does it
        page.goto(opened[0])
        page.wait_for_url(lambda url: url.startswith("http") and "token" not in url)
    page.set_input_files("#file", write_film(tmp_path / "flip.mp4"))
    page.wait_for_selector("#prepare-view:not([hidden])", timeout=60_000)
    wait_for_frame(page)
    box = page.locator("#frame").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    x, y = map(int, re.findall(r"\d+", page.inner_text("#person-hint"))[:2])
    assert abs(x - 40) <= 1 and abs(y - 60) <= 1
    page.fill("#end", "1.5")
    assert page.inner_text("#end-time") == "1.50 s"
    assert page.inner_text("#look-time") == "1.50 s"  # the frame that is looked at follows
    # A file that is none of ours, and a second page of the same browser.
    (tmp_path / "virus.exe").write_bytes(b"MZ")
    page.click("#other")
    page.set_input_files("#file", tmp_path / "virus.exe")
    page.wait_for_selector("#error:not([hidden])")
    assert "virus.exe" in page.inner_text("#error")
    second = page.context.new_page()
    second.goto(address.split("?")[0])
    second.wait_for_selector("#drop-view:not([hidden])")
    stranger = page.context.browser.new_context().new_page()
    assert stranger.goto(address.split("?")[0]).status == 403
    own = address.split("?")[0]
    assert not [url for url in witness.requests if not url.startswith((own, "data:", "blob:", opened[0]))]
    assert not witness.errors


def test_the_live_page_runs_in_place_and_can_be_saved(witness: Witness, address: str, tmp_path: Path) -> None:
    try:
        libraries = load_libraries()
    except InputError as error:
        pytest.skip(str(error))
    run = tmp_path / "runs" / "walk"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    write_page(choose_all(("walk",), None), run / "live.html", libraries)
    page = witness.page
    page.goto(address)
    page.click("#runs button")
    page.click("#reports summary >> text=live.html")
    live = page.frame_locator("#reports iframe[title='live.html']")
    live.locator("#loading").wait_for(state="detached", timeout=120_000)
    assert live.locator("#skills button").inner_text() == "walk"
    with page.expect_download() as saved:
        page.click("#reports a[download]")
    assert saved.value.suggested_filename == "live.html"
    assert Path(saved.value.path()).read_bytes() == (run / "live.html").read_bytes()
    own = address.split("?")[0]
    assert not [url for url in witness.requests if not url.startswith((own, "data:", "blob:", "about:"))]
    assert not witness.errors


@pytest.mark.slow
def test_a_skill_is_made_in_the_page(witness: Witness, address: str, tmp_path: Path) -> None:
    """A film is dropped, the person clicked, a minute trained, the job stopped and gone on with, the report seen."""
    film = tmp_path / "walk.mp4"
    make_demo("walk", film)
    page, shots = witness.page, Path(os.environ.get("SFV_SHOTS", tmp_path))
    page.goto(address)
    page.wait_for_url(lambda url: "token" not in url)
    page.set_input_files("#file", film)  # at once, while the page still loads
    page.wait_for_selector("#prepare-view:not([hidden])", timeout=120_000)
    wait_for_frame(page)
    box = page.locator("#frame").bounding_box()
    page.mouse.click(box["x"] + 0.22 * box["width"], box["y"] + 0.45 * box["height"])
    page.fill("#minutes", "1")
    page.screenshot(path=shots / "prepare.png")
    page.click("#go")
    page.wait_for_selector("#job:not([hidden])")
    page.wait_for_selector("#stages li video", timeout=400_000)
    page.screenshot(path=shots / "working.png", full_page=True)
    page.click("#stop")
    page.wait_for_selector("#go-on-box:not([hidden])", timeout=120_000)
    page.goto(address.split("?")[0])  # the page was closed and opened again
    page.click("#runs button")
    page.click("#go-on")
    page.wait_for_selector("#result video", timeout=900_000)
    page.wait_for_selector("#after:not([hidden])")
    page.wait_for_selector("#reports summary", timeout=60_000)
    page.click("#reports summary >> text=report.html")
    report = page.frame_locator("#reports iframe[title='report.html']")
    report.locator("h1").wait_for(timeout=60_000)
    assert "walk" in report.locator("h1").inner_text()
    page.screenshot(path=shots / "result.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 800})
    page.screenshot(path=shots / "phone.png", full_page=False)
    page.click("#export")
    page.wait_for_selector("#files a[href$='.glb']", timeout=120_000)
    own = address.split("?")[0]
    assert not [url for url in witness.requests if not url.startswith((own, "data:", "blob:", "about:"))]
    assert not witness.errors
