"""The interface by which long work reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work. The command line draws a bar from it; a caller may pass any function."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Reports that `done` of `total` is finished, in any unit; `note` says in a few words what is being done."""


def silent(done: float, total: float, note: str = "") -> None:
    """A `Progress` that reports nothing."""


def take_part(progress: Progress, index: int, count: int) -> Progress:
    """The progress of one of several parts of equal length."""
    return lambda done, total, note="": progress(index * total + done, count * total, note)
