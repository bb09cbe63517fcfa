"""ReferenceMotion: the motion that a policy is asked to imitate."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pose.archive import REMAKE, load_as, save_arrays

FORMAT_VERSION = 1


@dataclass(frozen=True)
class ReferenceMotion:
    """A motion of one character over T frames, world frame with z up and the ground at z = 0."""

    qpos: np.ndarray
    """Positions in MuJoCo's layout: root xyz [m], root quaternion wxyz, then the joints [rad or wxyz], (T, nq)."""
    fps: float
    """Frames a second."""
    character: str
    """Name of the character whose joints these are."""
    height: float
    """Standing height that the character is scaled to [m]."""
    joint_names: tuple[str, ...]
    """The model's joints in the order of qpos, the free joint first."""
    contacts: np.ndarray
    """Which parts touch the ground in each frame, bool (T, C)."""
    contact_names: tuple[str, ...]
    """Names of the C parts (`[contacts]` of the character)."""
    loop: bool = False
    """True if the motion goes on from its last frame into its first one (a cycle): the last frame is then the first
    one again, moved along the ground and turned about the vertical."""
    guessed: tuple[str, ...] = ()
    """Landmarks that no video showed and that were guessed because the user asked for it, see `guess_legs`."""

    def __post_init__(self) -> None:
        if self.qpos.ndim != 2 or len(self.qpos) < 2 or self.qpos.shape[1] < 8:
            raise ValueError(f"ReferenceMotion.qpos: shape {self.qpos.shape}, expected (T >= 2, nq >= 8)")
        if not np.isfinite(self.qpos).all():
            raise ValueError("ReferenceMotion.qpos: holds NaN or infinity")
        norm = np.linalg.norm(self.qpos[:, 3:7], axis=1)
        if np.abs(norm - 1).max() > 1e-4:
            raise ValueError(f"ReferenceMotion.qpos: root quaternion of length {norm.min():.4f}; normalise it")
        if self.contacts.shape != (len(self.qpos), len(self.contact_names)) or self.contacts.dtype != bool:
            raise ValueError(
                f"ReferenceMotion.contacts: {self.contacts.dtype} {self.contacts.shape}, "
                f"expected bool {(len(self.qpos), len(self.contact_names))}"
            )
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise ValueError(f"ReferenceMotion.fps: {self.fps}, expected a positive number")
        if not self.height > 0:
            raise ValueError(f"ReferenceMotion.height: {self.height}, expected metres")

    def __len__(self) -> int:
        return len(self.qpos)

    @property
    def duration(self) -> float:
        """From the first to the last frame [s]; for a loop this is one cycle."""
        return (len(self.qpos) - 1) / self.fps

    def save(self, path: Path) -> None:
        """Writes one `.npz`."""
        save_arrays(path, "motion", FORMAT_VERSION, self.arrays())

    @classmethod
    def load(cls, path: Path, mend: str = REMAKE) -> "ReferenceMotion":
        """Reads what `save` wrote.

        Args:
          path: of the file.
          mend: what its owner can do if it is damaged: a file that a user gave is not made again.

        Raises:
          InputError: it is damaged, or another one.
        """
        return load_as(path, "motion", FORMAT_VERSION, cls.of_arrays, mend)

    def arrays(self) -> dict[str, Any]:
        """All that there is to save, by name."""
        return {
            "qpos": self.qpos,
            "fps": self.fps,
            "character": np.array(self.character),
            "height": self.height,
            "joint_names": np.array(self.joint_names),
            "contacts": self.contacts,
            "contact_names": np.array(self.contact_names),
            "loop": self.loop,
            **({"guessed": np.array(self.guessed)} if self.guessed else {}),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "ReferenceMotion":
        """The opposite of `arrays`."""
        return cls(
            qpos=arrays["qpos"].astype(np.float64),
            fps=float(arrays["fps"]),
            character=str(arrays["character"]),
            height=float(arrays["height"]),
            joint_names=tuple(str(name) for name in arrays["joint_names"]),
            contacts=arrays["contacts"].astype(bool),
            contact_names=tuple(str(name) for name in arrays["contact_names"]),
            loop=bool(arrays.get("loop", False)),
            guessed=tuple(str(name) for name in arrays.get("guessed", ())),
        )
