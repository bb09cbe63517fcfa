"""What a user may say about a motion file where the file is silent or wrong, and what was found out about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pose.errors import InputError

Up = Literal["auto", "x", "y", "z", "-x", "-y", "-z"]
Unit = Literal["auto", "m", "cm", "mm", "dm", "inches", "feet"]
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "dm": 0.1, "inches": 0.0254, "feet": 0.3048}


@dataclass(frozen=True)
class MotionFileConfig:
    """How a motion file is to be read, where the file does not say it or says it wrong."""

    up: Up = "auto"
    """Axis of a motion file that points up; auto: what the format, the rest pose or standing frames say."""
    fps: float | None = None
    """Frames a second of a motion file; default: what the file says."""
    unit: Unit = "auto"
    """Unit of lengths in a motion file; auto: by the length of the legs."""
    joint: tuple[str, ...] = ()
    """Joints of a motion file by name, such as left_knee=LoLeg_L; of markers the middle: left_knee=LKNE+LKNM."""

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps < 10000:
            raise InputError(f"--fps {self.fps:g}: give frames a second, such as 30")
        for pair in self.joint:
            if "=" not in pair:
                raise InputError(f"--joint {pair}: give LANDMARK=NAME, such as left_knee=LoLeg_L")

    @property
    def up_axis(self) -> np.ndarray | None:
        """The unit vector, (3,); None for auto."""
        return None if self.up == "auto" else to_axis(self.up)

    @property
    def joints(self) -> dict[str, str]:
        """Name of a joint by landmark."""
        return {landmark.strip(): name for landmark, _, name in (pair.partition("=") for pair in self.joint)}


@dataclass(frozen=True)
class Finding:
    """One thing that was found out about a motion file."""

    topic: str
    """What it is about: `up`, `unit`, `rate`, `speed`, `tilt`, `knees`, `joints`, `format`, ..."""
    text: str
    """In plain words, with the option that overrules it."""
    doubtful: bool = False
    """Whether the user should look at it: something that is probably wrong."""


def summarise(findings: Iterable[Finding]) -> str:
    """All findings in one line, the doubtful ones first."""
    ordered = sorted(findings, key=lambda finding: not finding.doubtful)
    return "; ".join(finding.text for finding in ordered)


def to_axis(name: str) -> np.ndarray:
    """`-y` -> (0, -1, 0)."""
    axis = np.zeros(3)
    axis["xyz".index(name[-1])] = -1.0 if name.startswith("-") else 1.0
    return axis


def name_axis(axis: Sequence[float] | np.ndarray) -> str:
    """(0, -1, 0) -> `-y`; for the axis that is nearest."""
    longest = int(np.abs(axis).argmax())
    return ("+" if axis[longest] > 0 else "-") + "xyz"[longest]
