"""A motion made for a plane, set upon other ground: footholds on it, legs and arms adapted, the rest left alone.

What rests on the plane rests on the ground below it: each foothold is lifted to the ground's height, moved so that it
lies on one tread where there are edges, and kept for as long as the contact lasts; between two of them a foot goes
over the edges. Root and joints follow by least squares over the whole trajectory, with the reconstruction's solver.
"""

import mujoco
import numpy as np

from imitate.scene.footprints import SOLE, part_sites
from imitate.scene.ground import Ground
from reconstruct.characters.character import Character
from reconstruct.contacts import contact_points, find_contacts, find_runs, part_contacts
from reconstruct.kinematics import PointSet, compute_kinematics, point_positions
from reconstruct.solver.blocks import Block
from reconstruct.solver.solve import minimise
from reconstruct.solver.tangent import JointJacobian, TangentSpace
from reconstruct.terms import residuals

STANCE_SIGMA, SWING_SIGMA = 0.004, 0.02
"""Standard deviations of contact points from their place on the ground, and from their way between two places [m]."""
POSE_SIGMA = {"place": 0.1, "rotation": 0.1, "joints": 0.3}
"""Standard deviations of the changed motion from the original: root [m] and [rad], joints [rad]."""
CHANGE_SIGMA = 60.0
"""Standard deviation of the acceleration of the change [m/s2 or rad/s2]."""
CLEARANCE = 0.05
"""Height of a foot above the edges that it passes [m]."""
ITERATIONS = 8
"""Iterations of the solver."""


def place_on_ground(
    frames: np.ndarray, fps: float, character: Character, model: mujoco.MjModel, ground: Ground
) -> np.ndarray:
    """Sets a motion upon a ground.

    Args:
      frames: the motion on the plane, qpos (T, nq).
      fps: its frames a second.
      character: names the points that touch the ground.
      model: its body.
      ground: the surface; the motion's root keeps its height above the `support` as far as limbs reach.

    Returns:
      qpos (T, nq).
    """
    soles = contact_points(character)
    raised = frames.copy()
    raised[:, 2] += ground.support(frames[:, :2])
    flat = point_positions(model, frames, soles)
    contact = find_contacts(flat, fps)
    targets = plan_foot_paths(flat, contact, character, ground)
    # The way that the body's own rise would carry a foot is as good, where the foot is far from the ground.
    free = ~contact & (not len(ground.edges))
    near = np.where(free, np.exp(-np.maximum(flat[..., 2], 0.0) / 0.1), 1.0)
    return lead_feet(raised, fps, character, model, targets, near / np.where(contact, STANCE_SIGMA, SWING_SIGMA))


def lead_feet(
    frames: np.ndarray,
    fps: float,
    character: Character,
    model: mujoco.MjModel,
    targets: np.ndarray,
    weight: np.ndarray,
    place_sigma: tuple[float, float, float] | None = None,
) -> np.ndarray:
    """Changes a motion as little and as smoothly as can be so that feet and hands go where they shall.

    Args:
      frames: the motion, its root about where it is to be, qpos (T, nq).
      fps: its frames a second.
      character: names the points that touch the ground.
      model: its body.
      targets: where those points shall be, world [m], (T, P, 3).
      weight: of their distances, one by the standard deviation [1/m], (T, P).
      place_sigma: standard deviations of the root's place along x, y and z [m]; those of `POSE_SIGMA` if left out.

    Returns:
      qpos (T, nq).
    """
    space, soles = TangentSpace.of(model), contact_points(character)
    scale = weight[..., None]
    pose = np.full(model.nv, POSE_SIGMA["joints"])
    pose[:3] = POSE_SIGMA["place"] if place_sigma is None else place_sigma
    pose[3:6] = POSE_SIGMA["rotation"]

    def terms(qpos: np.ndarray, _: np.ndarray) -> list[Block]:
        feet = compute_kinematics(model, qpos, PointSet.of(contacts=soles))["contacts"]
        count = 3 * len(soles)
        off = (scale * (feet.pos_w - targets)).reshape(-1, count)
        by_pose = (scale[..., None] * feet.jac).reshape(-1, 1, count, model.nv)
        return [
            Block("footholds", off, by_pose, moved=np.repeat(feet.moved, 3, axis=0)),
            residuals.tracking(space, qpos, frames, pose),
            sudden_change(space, frames, qpos, fps),
            residuals.hinge_limits(space, qpos, 0.01),
        ]

    return minimise(terms, space, frames, np.zeros(0), np.zeros(0, dtype=bool), ITERATIONS, 1e-2).qpos


def sudden_change(space: TangentSpace, original: np.ndarray, qpos: np.ndarray, fps: float) -> Block:
    """Second differences of the step from the original to the changed motion, (T - 2, nv)."""
    step = space.difference(original, qpos)
    _, by_end = space.difference_jacobians(step)
    scale = fps**2 / CHANGE_SIGMA
    residual = (step[2:] - 2.0 * step[1:-1] + step[:-2]) * scale
    jacobian = JointJacobian.stack([by_end[:-2], by_end[1:-1] * -2.0, by_end[2:]]) * scale
    return Block("change", residual, jacobian)


def plan_foot_paths(flat: np.ndarray, contact: np.ndarray, character: Character, ground: Ground) -> np.ndarray:
    """Where contact points shall be on the ground, world [m], (T, P, 3).

    Args:
      flat: where they are on the plane, (T, P, 3).
      contact: which of them rest on it, bool (T, P).
    """
    targets, along = flat.copy(), np.array([np.cos(ground.yaw), np.sin(ground.yaw)])
    touching = part_contacts(contact, character.contacts)
    for part, sites in enumerate(part_sites(character)):
        here = flat[:, sites]
        shift, known = np.zeros(len(flat)), np.zeros(len(flat), dtype=bool)
        rise = np.zeros(here.shape[:2])
        for start, end in find_runs(touching[:, part]):
            middle = here[start:end].mean(axis=0)
            u, _ = ground.local(middle[:, :2])
            shift[start:end] = ground.foothold(float(u.min()) - SOLE, float(u.max()) + SOLE)
            if len(ground.edges):
                rise[start:end] = ground.height(middle[:, :2] + shift[start] * along).max()
            else:
                rise[start:end] = ground.height(here[start:end, :, :2])
            known[start:end] = True
        if not known.any():
            rise[:] = ground.support(here[..., :2])
        else:
            t = np.arange(len(flat))
            shift = np.interp(t, t[known], shift[known])
            rise = np.stack([np.interp(t, t[known], column[known]) for column in rise.T], axis=1)
        targets[:, sites, :2] += shift[:, None, None] * along
        targets[:, sites, 2] += rise
        if len(ground.edges):
            over = np.max([ground.height(targets[:, sites, :2] + du * along) for du in (-SOLE, 0.0, SOLE)], axis=0)
            swung = ~known[:, None] & (targets[:, sites, 2] < over + CLEARANCE)
            targets[:, sites, 2] = np.where(swung, over + CLEARANCE, targets[:, sites, 2])
    return targets
