"""How long work tells of itself, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work; the front door draws a bar with the time left from it."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """`done` of `total` (any unit, both may be fractions) is finished; `note` is a short live remark."""


def silent(done: float, total: float, note: str = "") -> None:
    """Nobody listens."""
