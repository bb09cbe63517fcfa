"""What the user sees while a run works: one line a stage, and a progress bar for long work."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from pose.progress import Progress as ProgressCallback

NO_STYLE = re.compile(r"(\\*)\[(?!/?(?:bold|dim|red|green|yellow|cyan)\])")
"""A bracket, and backslashes before it, that begins none of the program's own styles."""


class NameSafeConsole(Console):
    """A console whose markup knows the program's styles alone: a file called `flip [best].mp4` is printed as it is."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text with its styles."""
        if options.get("markup") is not False:
            text = NO_STYLE.sub(r"\1\1\\[", text)
        return super().render_str(text, **options)


console = NameSafeConsole(stderr=True, highlight=False, emoji=False, width=None if sys.stderr.isatty() else 120)
"""Everything for people goes to standard error; standard output is for numbers that programs read."""

PLAIN_INTERVAL = 30.0
"""Seconds between lines where no terminal is there to draw a bar on."""

Listener = Callable[[str, float, float, str], None]
"""Is called with title, done, total and note of long work."""
_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Reports the progress of all long work of this process to another program, too."""
    _listeners.append(listener)


@contextmanager
def bar(title: str) -> Iterator[ProgressCallback]:
    """A progress callback that draws on a terminal, or writes a line now and then into a log."""
    with _draw_bar(title) if console.is_terminal else _print_lines(title) as progress:
        if not _listeners:
            yield progress
            return

        def progress_to_all(done: float, total: float, note: str = "") -> None:
            progress(done, total, note)
            for listener in _listeners:
                listener(title, done, total, note)

        progress_to_all(0.0, 0.0)
        yield progress_to_all


@contextmanager
def _draw_bar(title: str) -> Iterator[ProgressCallback]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as drawn:
        task = drawn.add_task(title, total=None, note="")

        def progress(done: float, total: float, note: str = "") -> None:
            drawn.update(task, completed=done, total=total, note=note)

        yield progress


@contextmanager
def _print_lines(title: str) -> Iterator[ProgressCallback]:
    begin = last = time.monotonic()
    first: float | None = None
    before = 0.0

    def progress(done: float, total: float, note: str = "") -> None:
        nonlocal begin, last, first, before
        now = time.monotonic()
        if total <= 0:
            return
        share = min(done / total, 1.0)
        if first is None or share < before:  # new work, work that goes on, or the next part of it
            begin, first = begin if first is None and share < 0.01 else now, share
        before = share
        if now - last < PLAIN_INTERVAL:
            return
        last = now
        left = f", {(now - begin) * (1 - share) / (share - first):.0f} s left" if share - first > 0.01 else ""
        print(f"  {title}: {share:4.0%}{left}  {note}", file=sys.stderr, flush=True)

    yield progress
