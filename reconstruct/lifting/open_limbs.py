"""Which limbs may be in front or behind for all that the film shows, and when: what a person is asked to look at."""

import numpy as np

from reconstruct.contacts import find_runs
from reconstruct.lifting.depth_density import DepthDensity
from reconstruct.lifting.lifter_input import BONES

OPEN = 0.2
"""Chance of the less likely side from which a limb is open."""
APART = 0.5
"""Distance of the two answers from which it matters which is right, as a share of the limb's length."""
SHORTEST = 0.15
"""Duration from which it is said [s]."""
NAMES = {"shoulder-elbow": "upper arm", "elbow-wrist": "forearm", "hip-knee": "thigh", "knee-ankle": "shin"}


def find_open_limbs(density: DepthDensity, seen: np.ndarray, fps: float, start: float = 0.0) -> tuple[str, ...]:
    """A line for each stretch of time in which a limb's depth has two answers, the longest first.

    Args:
      density: of `BONES`, (T, B).
      seen: frames with a detection, bool (T,).
      fps: frames a second of the film.
      start: time of the first frame in it [s].
    """
    unlikely = np.minimum(density.positive, 1.0 - density.positive)
    open_now = (unlikely > OPEN) & (density.mean[..., 1] - density.mean[..., 0] > APART) & seen[:, None]
    found = list[tuple[float, str]]()
    for index, (upper, lower) in enumerate(BONES):
        side, part = upper.split("_")[0], f"{upper.split('_')[-1]}-{lower.split('_')[-1]}"
        if part not in NAMES:
            continue
        for first, end in find_runs(open_now[:, index]):
            duration = (end - first) / fps
            if duration >= SHORTEST:
                at = f"{start + first / fps:.1f} to {start + end / fps:.1f} s"
                found.append((-duration, f"{side} {NAMES[part]}, {at}: could be in front or behind"))
    return tuple(line for _, line in sorted(found))
