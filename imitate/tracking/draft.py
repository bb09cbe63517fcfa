"""A draft: a reference motion as tracking control performs it, before any learning."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imitate.rollout import Rollout
from imitate.tracking.feasibility import Verdict
from pose.archive import load_as, save_arrays

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Draft:
    """A reference motion performed by tracking control, a verdict on it, and the controller around the performance."""

    rollout: Rollout
    """The performance, as far as it went, T frames."""
    verdict: Verdict
    """Which frames could be followed, and why not the others, (T,)."""
    controls: np.ndarray
    """Offsets of the servo targets that performed it [rad], (T - 1, nu): a policy's actions times `action_scale`."""
    qvel: np.ndarray
    """Velocities of the performance, of the body and after it of the scene's box, (T, nv)."""
    gains: np.ndarray
    """Feedback around the performance, (T - 1, nu, 2 nv): the controls are `controls + gains @ x`, x being the tangent
    step from the pose of the performance to the present one, the box's after the body's, followed by the difference of
    velocities."""

    @property
    def digest(self) -> str:
        """Hash of performance and controller: a policy that was distilled from another one is another policy."""
        parts = (self.rollout.all_qpos, self.qvel, self.controls, self.gains.astype(np.float32))
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

    def save(self, path: Path) -> None:
        """Writes one `.npz` file."""
        save_arrays(path, "draft", FORMAT_VERSION, self.arrays())

    @classmethod
    def load(cls, path: Path) -> "Draft":
        """Reads what `save` wrote; raises `InputError` for a damaged or foreign file."""
        return load_as(path, "draft", FORMAT_VERSION, cls.of_arrays)

    def arrays(self) -> dict[str, Any]:
        """All that there is to save, by name."""
        return {
            **self.rollout.arrays(),
            **{f"verdict_{name}": value for name, value in vars(self.verdict).items()},
            "controls": self.controls,
            "qvel": self.qvel,
            "gains": self.gains.astype(np.float32),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Draft":
        """The opposite of `arrays`."""
        verdict = Verdict(
            feasible=arrays["verdict_feasible"],
            reason=tuple(str(reason) for reason in arrays["verdict_reason"]),
            deviation=arrays["verdict_deviation"],
            saturation=arrays["verdict_saturation"],
            unsupported=arrays["verdict_unsupported"],
        )
        gains = arrays["gains"].astype(np.float64)
        return cls(Rollout.of_arrays(arrays), verdict, arrays["controls"], arrays["qvel"], gains)
