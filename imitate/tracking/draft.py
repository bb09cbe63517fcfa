"""A draft: a reference motion as tracking control performs it, with the verdict on it and the controller around it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imitate.rollout import Rollout
from imitate.tracking.feasibility import Verdict
from pose.archive import load_arrays, save_arrays

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Draft:
    """A reference motion, performed by tracking control."""

    rollout: Rollout
    """The performance, as far as it went, T frames."""
    verdict: Verdict
    """What could be followed and what not, (T,)."""
    controls: np.ndarray
    """Offsets of the servo targets [rad] that performed it: a policy's action times its `action_scale`, (T - 1, nu)."""
    qvel: np.ndarray
    """Velocities of the performance, (T, nv)."""
    gains: np.ndarray
    """Feedback around it, (T - 1, nu, 2 nv): the controls are `controls + gains @ x`, where x is (tangent step from the
    performance's pose to the present one, difference of velocities)."""
    figures: dict[str, float]
    """Row name -> value, as in DESIGN.md, "Figures"; not saved with the rest."""

    @property
    def digest(self) -> str:
        """Names the controller: another one is another expert to learn from."""
        parts = (self.rollout.qpos, self.qvel, self.controls, self.gains.astype(np.float32))
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

    def save(self, path: Path) -> None:
        """Writes one `.npz`."""
        save_arrays(
            path,
            "draft",
            FORMAT_VERSION,
            {
                **self.rollout.arrays(),
                **{f"verdict_{name}": value for name, value in vars(self.verdict).items()},
                "controls": self.controls,
                "qvel": self.qvel,
                "gains": self.gains.astype(np.float32),
            },
        )

    @classmethod
    def load(cls, path: Path) -> "Draft":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        arrays = load_arrays(path, "draft", FORMAT_VERSION)
        verdict = Verdict(
            feasible=arrays["verdict_feasible"],
            reason=tuple(str(reason) for reason in arrays["verdict_reason"]),
            deviation=arrays["verdict_deviation"],
            saturation=arrays["verdict_saturation"],
            unsupported=arrays["verdict_unsupported"],
        )
        gains = arrays["gains"].astype(np.float64)
        return cls(Rollout.of_arrays(arrays), verdict, arrays["controls"], arrays["qvel"], gains, {})
