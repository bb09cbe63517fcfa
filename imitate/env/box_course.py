"""Where a reference motion has the box that it pushes: before its hands, and as fast as the body moves on."""

import numpy as np

from imitate.env.reference import Reference
from imitate.env.task import Task
from imitate.scene.footprints import find_palms
from imitate.scene.scene import BOX, CONTROL_HZ
from reconstruct import rotations

GAP = 0.03
"""Distance between the furthest point of the body and the box that it pushes [m]."""
MIN_TURN = 0.02
"""Least turn of a cycle over a whole episode that the box follows [rad]."""
SPEED_WINDOW = 15
"""Frames on either side over which the body's speed is averaged."""


def plan_box(task: Task, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """Poses and velocities of a box along a reference, (K, 7) and (K, 6), as its free joint has them.

    The box's middle lies between the hands' tracks: a box that is pushed off its middle turns away. A motion that is
    under way when it begins has a box that moves as well: one at rest would stop it like a wall.

    Args:
      task: whose box it is.
      reference: the task's motion upon the ground, K frames.
    """
    ground, half = task.ground, task.model.geom(BOX).size
    along = half[0] * np.cos(ground.incline) + half[2] * abs(np.sin(ground.incline))
    _, aside = ground.local(find_palms(task.character, task.motion)[..., :2])
    gap = 0.0 if task.scene.box_is_known else GAP  # a body that leans on one that was found would fall against it
    u = reference.reach + gap + along
    xy = ground.world(u, np.full(len(u), aside.mean()))
    z = ground.height(xy) + half[2] / np.cos(ground.incline)
    tilt, yaw = -ground.incline / 2, ground.yaw / 2
    quat = [np.cos(yaw) * np.cos(tilt), -np.sin(yaw) * np.sin(tilt), np.cos(yaw) * np.sin(tilt)]
    quat.append(np.sin(yaw) * np.cos(tilt))

    centre, _ = ground.local(reference.com[:, :2])
    frames = np.arange(len(centre))
    before, after = np.maximum(frames - SPEED_WINDOW, 0), np.minimum(frames + SPEED_WINDOW, len(frames) - 1)
    speed = np.maximum((centre[after] - centre[before]) * CONTROL_HZ / (after - before), 0.0)
    ahead = np.array([np.cos(ground.yaw), np.sin(ground.yaw), np.tan(ground.incline)])
    qpos = np.column_stack([xy, z, np.tile(quat, (len(u), 1))])
    qvel = np.column_stack([speed[:, None] * ahead, np.zeros((len(u), 3))])
    if reference.loop and ground.flat:
        _turn_with_cycle(reference, qpos, qvel)
    return qpos, qvel


def follow_box(task: Task) -> np.ndarray:
    """Poses of the box beside the frames of a task's motion, as its free joint has them, (T, 7)."""
    motion = task.motion
    qpos, _ = plan_box(task, task.reference(motion.duration))
    frames = np.minimum(np.arange(len(motion)) / motion.fps * CONTROL_HZ, len(qpos) - 1.0)
    low = np.minimum(frames.astype(int), len(qpos) - 2)
    share = (frames - low)[:, None]
    between = (1.0 - share) * qpos[low] + share * qpos[low + 1]
    between[:, 3:] /= np.linalg.norm(between[:, 3:], axis=1, keepdims=True)
    return between


def follow_corners(task: Task) -> np.ndarray:
    """Corners of the box beside the frames of a task's motion, in the order of `SceneObject.corners` [m], (T, 8, 3)."""
    signs = np.array([(a, b, c) for c in (-1, 1) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    poses = follow_box(task)
    return poses[:, None, :3] + rotations.rotate(poses[:, None, 3:], signs * np.array(task.box_half))


def _turn_with_cycle(reference: Reference, qpos: np.ndarray, qvel: np.ndarray) -> None:
    """Turns the box with a cycle that turns, in place: in later cycles it lies before the body as in the first."""
    frames, cycle = np.arange(len(reference)), reference.starts
    apart = np.abs(reference.phase[:, None] - reference.phase[:cycle])
    first = np.where(frames < cycle, frames, np.minimum(apart, 1.0 - apart).argmin(axis=1))
    turn = reference.heading - reference.heading[first]
    if np.abs(turn).max() < MIN_TURN:
        return
    quats = rotations.from_rotvec(np.stack([0.0 * turn, 0.0 * turn, turn], axis=1))
    away = qpos[first, :3] - reference.qpos[first, :3]
    qpos[:, :2] = (reference.qpos[:, :3] + rotations.rotate(quats, away))[:, :2]
    qpos[:, 3:] = rotations.multiply(quats, qpos[first, 3:])
    qvel[:, :3] = rotations.rotate(quats, qvel[first, :3])
