"""Noise of the states in which episodes start."""

import numpy as np

from imitate.env.config import EnvConfig
from imitate.scene.scene import Scene
from reconstruct import rotations


def add_noise(
    qpos: np.ndarray,
    steps: np.ndarray,
    qvel: np.ndarray,
    nv: int,
    scene: Scene,
    config: EnvConfig,
    rng: np.random.Generator,
) -> None:
    """Adds the configured noise to the starts of M episodes, in place; a box never comes nearer.

    Args:
      qpos: poses of all that moves, (M, ...).
      steps: tangent steps that will be made from them, of the body and behind it of the box, (M, ...).
      qvel: velocities, in the layout of `steps`.
      nv: degrees of freedom of the body.
      scene: says whether there is a box, and whether its place is known.
      config: how much noise.
      rng: where it comes from.
    """
    shape = len(qpos), nv
    steps[:, 6:nv] += config.pose_noise * rng.standard_normal(shape)[:, 6:]
    qvel[:, 6:nv] += config.velocity_noise * rng.standard_normal(shape)[:, 6:]
    if scene.has_box:
        away, aside, yaw = config.box_noise * rng.standard_normal((3, len(qpos)))
        away *= not scene.box_is_known  # who leans on a box would fall towards it
        moved = np.stack([np.abs(away), aside, np.zeros(len(qpos))], axis=1)
        steps[:, nv : nv + 3] += rotations.rotate(qpos[:, -4:], moved)
        steps[:, -1] += yaw
