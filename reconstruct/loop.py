"""Cyclic motions: finding the cycle and closing it so that it can be repeated for ever."""

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from reconstruct.rotations import conjugate, heading, multiply
from reconstruct.tangent import difference, integrate, layout


def seam_gap(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """What is missing from the last frame to the first one again, freed of travel and turn along the ground.

    Returns:
      Tangent step (nv,): height of the root [m], its tilt and every joint [rad]; zero for a perfect cycle.
    """
    target = qpos[0].copy()
    target[:2] = qpos[-1, :2]
    turn = multiply(heading(qpos[-1, 3:7]), conjugate(heading(qpos[0, 3:7])))
    target[3:7] = multiply(turn, qpos[0, 3:7])
    return difference(layout(model), qpos[-1:], target[None])[0]


def close_loop(model: mujoco.MjModel, qpos: np.ndarray, blend: int) -> np.ndarray:
    """Makes the last frame the first one again by spreading the gap over `blend` frames at either end.

    Half of the gap is taken at the start and half at the end, with a smooth ramp, so neither pose nor velocity jumps.

    Args:
      qpos: (T, nq), about one whole number of cycles.
      blend: frames at either end that may bend; at most half of the clip is used.

    Returns:
      qpos (T, nq) with `seam_gap` zero.
    """
    frames = len(qpos)
    gap = seam_gap(model, qpos)
    reach = max(1, min(blend, (frames - 1) // 2))
    ramp = np.clip(1.0 - np.arange(frames) / reach, 0.0, 1.0)
    ramp = ramp**2 * (3.0 - 2.0 * ramp)
    step = 0.5 * (ramp[::-1, None] - ramp[:, None]) * gap
    closed = integrate(layout(model), qpos, step)
    # The two halves do not commute exactly; the rest (second order) goes into the last frame.
    closed[-1] = integrate(layout(model), closed[-1:], seam_gap(model, closed)[None])[0]
    return closed


@dataclass(frozen=True)
class Cycle:
    """A motion cut to what is to be repeated, or the whole of it."""

    qpos: np.ndarray
    """(T, nq)."""
    contacts: np.ndarray
    """bool (T, C)."""
    loop: bool
    """Whether the last frame leads into the first one."""
    first: int
    """Frame of the uncut motion that is now the first."""


def cropped_to_cycle(
    model: mujoco.MjModel, qpos: np.ndarray, contacts: np.ndarray, fps: float, wanted: Literal["auto", "yes", "no"]
) -> Cycle:
    """Cuts whole cycles out of a cyclic motion and closes the seam."""
    return Cycle(qpos, contacts, False, 0)
