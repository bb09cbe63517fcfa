"""Feet and hands that slide along the ground: how fast, and how that depends on pose and velocity.

Of a foot that rolls or pivots, the point that is slowest counts, as in `foot_slide`. Simulated contact is soft: a point
that bears anything lies below the surface, by millimetres.
"""

from collections.abc import Sequence

import mujoco
import numpy as np

from imitate.env.joint_layout import JointLayout
from imitate.scene.ground import Ground

FAST = 0.6
"""Speed at which sliding costs half of its square [m/s]; beyond, it costs little more (Geman and McClure)."""
# A foot that lands has the speed of its reference for a moment: if that cost its square, a plan would rather not land.


def slide_squared(
    parts: Sequence[np.ndarray], places: np.ndarray, spatial: np.ndarray, com: np.ndarray, ground: Ground
) -> np.ndarray:
    """Squared speeds along the ground of the parts that bear, bounded by `FAST` and added up [m^2/s^2], (N,).

    Args:
      parts: of each part, its points among the S sites.
      places: of the sites, world [m], (N, S, 3).
      spatial: MuJoCo's spatial velocities of the sites' bodies (rotation, then translation at `com`), (N, S, 6).
      com: centre of mass of the whole tree, (N, 3).
      ground: whose surface they bear on.
    """
    total = np.zeros(len(places))
    for sites in parts:
        points = places[:, sites]
        bears = points[..., 2] < ground.height(points[..., :2])
        speed = spatial[:, sites, 3:] + np.cross(spatial[:, sites, :3], points - com[:, None])
        slowest = np.where(bears, np.square(speed[..., :2]).sum(axis=-1), np.inf).min(axis=1)
        slowest[np.isinf(slowest)] = 0.0
        total += slowest / (1.0 + slowest / FAST**2)
    return total


def expand_sliding(
    data: mujoco.MjData, joints: JointLayout, ground: Ground, parts: Sequence[np.ndarray], qvel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Velocities along the ground of the parts that bear [m/s], (2 P,), and their Jacobian, (2 P, 2 nv).

    With v = J(q) u, the derivative by u is J. That by the angle of a hinge is dJ/dt at the velocity u, for second
    derivatives of a point's place commute. Rotations of a ball do not: a step d of its rotation adds J (d x w), where w
    is its angular velocity. Both are weighted as Geman and McClure's loss has it.

    Args:
      data: at the pose, after `mj_kinematics` and `mj_comPos`.
      joints: of the body.
      ground: whose surface they bear on.
      parts: of each part, its points' sites.
      qvel: velocity, (nv,).
    """
    model, velocities, jacobians = data.model, [np.empty(0)], [np.empty((0, 2 * data.model.nv))]
    data.qvel[:] = qvel
    mujoco.mj_comVel(model, data)
    for sites in parts:
        places = data.site_xpos[sites]
        bearing = sites[places[:, 2] < ground.height(places[:, :2])]
        if not len(bearing):
            continue
        by_velocity = np.empty((len(bearing), 3, model.nv))
        for jacobian, site in zip(by_velocity, bearing, strict=True):
            mujoco.mj_jacSite(model, data, jacobian, None, int(site))
        speeds = np.linalg.norm(by_velocity[:, :2] @ qvel, axis=1)
        slowest = int(np.argmin(speeds))
        along, by_pose, site = by_velocity[slowest], np.empty((3, model.nv)), int(bearing[slowest])
        mujoco.mj_jacDot(model, data, by_pose, None, data.site_xpos[site], int(model.site_bodyid[site]))
        balls = joints.quat_dof
        by_pose[:, balls] += np.cross(qvel[balls], along[:, balls])
        weight = 1.0 / (1.0 + (speeds[slowest] / FAST) ** 2)
        velocities.append(weight * along[:2] @ qvel)
        jacobians.append(weight * np.concatenate([by_pose[:2], along[:2]], axis=1))
    return np.concatenate(velocities), np.concatenate(jacobians)
