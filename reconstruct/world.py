"""Setting the world upon the person: the ground at rest, the origin under the first frame, x where the person faces."""

import numpy as np

from reconstruct.camera import Camera
from reconstruct.rotations import conjugate, heading, multiply, rotate, to_matrix


def standing_still(qpos: np.ndarray, belt: tuple[float, float], fps: float) -> np.ndarray:
    """The motion as seen from the ground, if the ground moved with the velocity `belt` [m/s] (a treadmill)."""
    moved = qpos.copy()
    moved[:, :2] -= np.arange(len(qpos))[:, None] / fps * np.array(belt)
    return moved


def centred(qpos: np.ndarray, camera: Camera) -> tuple[np.ndarray, Camera]:
    """Motion and camera in a world whose origin lies under the first root position and whose x is its heading."""
    turn = conjugate(heading(qpos[0, 3:7]))
    origin = np.array([qpos[0, 0], qpos[0, 1], 0.0])
    moved = qpos.copy()
    moved[:, :3] = rotate(turn, qpos[:, :3] - origin)
    moved[:, 3:7] = multiply(turn, qpos[:, 3:7])
    return moved, camera.moved(to_matrix(turn), -rotate(turn, origin))
