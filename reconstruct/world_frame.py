"""Where the ground is: the vertical from the body's balance, the height from its lowest points, the final axes."""

import numpy as np

from reconstruct.camera import Camera, View, tilt_from_up
from reconstruct.rotations import conjugate, from_matrix, heading, heading_between, multiply, rotate, to_matrix

UPRIGHT = np.radians(50.0)
"""Angle of the centre of mass from above the feet beyond which a frame shows nothing of the vertical [rad]."""
BALANCE_SIGMA = 0.05
"""Standard deviation of the vertical from the balance of a person who stands still [rad]."""
STRETCHED = (0.6, 0.9)
"""Distance of the centre of mass from the feet, as shares of that of the upright body, from which frames begin to count
and from which they count fully: a body that crouches or lunges is balanced by limbs whose depth is uncertain."""


def estimate_tilt(
    com_w: np.ndarray,
    feet_w: np.ndarray,
    view: View,
    tilt_sigma: tuple[float, float],
    duration: float,
    standing: float,
) -> tuple[float, float, float]:
    """Pitch and roll of the camera from the body's balance: on average its centre of mass is above its feet.

    True of anybody who stands or moves steadily, whatever the detector's bias in depth; combined with the prior that
    cameras are held level.

    Args:
      com_w: centre of mass in the world of a first view, (T, 3).
      feet_w: middle of the feet, (T, 3).
      view: that first view.
      tilt_sigma: standard deviation of pitch and roll over films [rad].
      duration: of the clip [s]; the longer, the better swaying averages out.
      standing: distance of the centre of mass from the feet of the body that stands upright [m].

    Returns:
      Pitch, roll, and the standard deviation of what balance says [rad].
    """
    rise = (com_w - feet_w) @ view.rotation().T
    length = np.maximum(np.linalg.norm(rise, axis=1), 1e-9)
    rise /= length[:, None]
    low, high = STRETCHED
    stretched = np.clip((length / standing - low) / (high - low), 0.0, 1.0)
    up, angle, weight = view.rotation()[:, 2], np.zeros(len(rise)), np.zeros(len(rise))
    for _ in range(20):
        angle = np.arccos(np.clip(rise @ up, -1.0, 1.0))
        weight = stretched * (angle < UPRIGHT) / (1.0 + (angle / 0.2) ** 2)
        if weight.sum() < 3:
            return view.pitch, view.roll, np.pi
        up = weight @ rise
        up /= np.linalg.norm(up)
    tilt = np.array(tilt_from_up(up))
    prior = np.square(tilt_sigma)
    scatter = np.sqrt(weight @ np.square(np.minimum(angle, UPRIGHT)) / weight.sum())
    steady = float((stretched * (angle < UPRIGHT)).mean())
    sigma = BALANCE_SIGMA + float(scatter) / np.sqrt(1.0 + 2.0 * duration * steady)
    pitch, roll = tilt * prior / (prior + sigma**2)
    return float(pitch), float(roll), sigma


def to_view(qpos: np.ndarray, old: View, new: View) -> np.ndarray:
    """The same motion before the same camera, in the world of another view, (T, nq)."""
    rotation, shift = old.change_to(new)
    moved = qpos.copy()
    moved[:, :3] = qpos[:, :3] @ rotation.T + shift
    moved[:, 3:7] = multiply(from_matrix(rotation), qpos[:, 3:7])
    return moved


def remove_ground_velocity(qpos: np.ndarray, ground_velocity: tuple[float, float], fps: float) -> np.ndarray:
    """The motion as seen from a ground that moves at `ground_velocity` [m/s], as a treadmill does, (T, nq)."""
    moved = qpos.copy()
    moved[:, :2] -= np.arange(len(qpos))[:, None] / fps * np.array(ground_velocity)
    return moved


def move_to(path: np.ndarray, pose: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Moves and turns a motion along the ground so that one of its poses is where the target is and faces as it does.

    Args:
      path: the motion, (T, nq).
      pose: the one of its poses, (nq,).
      target: the pose to move it to, (nq,).
    """
    turn = heading_between(pose[3:7], target[3:7])
    moved, level = path.copy(), np.array([1.0, 1.0, 0.0])
    moved[:, :3] = target[:3] * level + rotate(turn, path[:, :3] - pose[:3] * level)
    moved[:, 3:7] = multiply(turn, path[:, 3:7])
    return moved


def find_start(qpos: np.ndarray) -> tuple[float, np.ndarray]:
    """Heading [rad] and place (2,) [m] of the first root: the x axis and the origin of what `centre_world` gives."""
    w, _, _, z = heading(qpos[0, 3:7])
    return 2.0 * float(np.arctan2(z, w)), qpos[0, :2].copy()


def centre_world(qpos: np.ndarray, camera: Camera) -> tuple[np.ndarray, Camera]:
    """Motion and camera in a world whose origin lies under the first root position and whose x is its heading."""
    turn = conjugate(heading(qpos[0, 3:7]))
    origin = np.array([qpos[0, 0], qpos[0, 1], 0.0])
    moved = qpos.copy()
    moved[:, :3] = rotate(turn, qpos[:, :3] - origin)
    moved[:, 3:7] = multiply(turn, qpos[:, 3:7])
    return moved, camera.change_world(to_matrix(turn), -rotate(turn, origin))
