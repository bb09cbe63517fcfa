"""Stick figures in the image and the detections of them, for the tests of pose estimation."""

import numpy as np

from pose.estimator import Poses, no_poses
from pose.landmarks import LANDMARKS


def stick(x: float, y: float, height: float, phase: float = 0.0) -> np.ndarray:
    """33 landmarks of a walking stick figure whose hips are at (x, y), (33, 2) [px]."""
    swing = 0.12 * height * np.sin(phase)
    body = np.tile(np.array([x, y], dtype=float), (33, 1))
    for i, name in enumerate(LANDMARKS):
        side = 1.0 if "left" in name else -1.0
        if "shoulder" in name:
            body[i] += (side * 0.05 * height, -0.3 * height)
        elif "elbow" in name:
            body[i] += (-side * swing / 2, -0.15 * height)
        elif any(part in name for part in ("wrist", "pinky", "thumb")) or name.endswith(("left_index", "right_index")):
            body[i] += (-side * swing, 0.0)
        elif "hip" in name:
            body[i] += (side * 0.04 * height, 0.0)
        elif "knee" in name:
            body[i] += (side * swing / 2, 0.22 * height)
        elif any(part in name for part in ("ankle", "heel", "foot")):
            body[i] += (side * swing, 0.45 * height)
        else:
            body[i] += (0.0, -0.45 * height)
    return body


def poses(*bodies: tuple[np.ndarray, float]) -> Poses:
    """Detections in one image: bodies (33, 2) [px] and their scores."""
    if not bodies:
        return no_poses(33)
    xy = np.stack([body for body, _ in bodies])
    return Poses(xy, np.zeros((len(xy), 33, 3)), np.stack([np.full(33, score) for _, score in bodies]))


def woman(t: int) -> np.ndarray:
    """Walks to the left, (33, 2) [px]."""
    return stick(900 - 8 * t, 500, 300, 0.3 * t)


def man(t: int) -> np.ndarray:
    """Walks to the right, (33, 2) [px]."""
    return stick(100 + 10 * t, 480, 260, 0.3 * t + 1)
