"""A camera that pans before a background that shows nothing (a white wall, one mat), followed by feet on the ground.

What rests on the ground moves through the picture as the camera turns, all of it alike; what the body moves does not.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from pose.camera.camera_motion import CameraMotion
from pose.keypoints import Keypoints
from pose.timeline.active_part import usual_size_px
from reconstruct.camera import focal_from_fov

SOLES, ANKLES, HANDS = ("heel", "foot_index"), ("ankle",), ("wrist",)
"""Landmarks that may rest on the ground, of either side; ankles where a detector has no soles."""
LEAST_HEARD = 0.25
"""Least share of the frames in which such a landmark is seen low: fewer say nothing about the camera."""
LOW = 0.12
"""Height above the body's lowest landmark up to which landmarks may rest on the ground [body sizes]."""
SURE = 0.3
"""Least confidence of a landmark that counts."""
STEADY = 0.15
"""Standard deviation of a resting landmark's velocity about that of the picture [body sizes/s]."""
PACE = 5.0
"""Change of the picture's velocity in a second that costs as much as one unexplained frame [body sizes/s]."""
FASTEST = 4.0
"""Largest velocity of a pan [body sizes/s]."""
STEP = 0.05
"""Resolution of the velocity of a pan [body sizes/s]."""
BETTER = 0.5
"""Share of what the best steady motion leaves unexplained that a pan may leave; otherwise the camera is at rest, or the
ground moves (`contacts.find_ground_velocity`)."""
FURTHER = 0.5
"""Distance by which a pan must move the picture [body sizes]."""


def estimate_pan_from_feet(keypoints: Keypoints, fov: float) -> CameraMotion | None:
    """Turn of the camera to the side in every frame; None for one that stands still, as most do.

    Dynamic programming over the picture's horizontal motion: it changes little from frame to frame, and in as many
    frames as possible some low landmark goes along with it.

    Args:
      keypoints: with no motion of the camera known.
      fov: of the lens along the image's longer side [degrees].
    """
    columns = find_touching(keypoints)
    size, fps = usual_size_px(keypoints), keypoints.fps
    if len(keypoints) < 3 or not columns:
        return None
    confidence = keypoints.confidence[:, columns]
    xy = gaussian_filter1d(keypoints.xy[:, columns] / size, 1.0, axis=0, mode="nearest")
    velocity = np.gradient(xy, 1.0 / fps, axis=0)
    sure = keypoints.confidence > SURE
    bottom = np.where(sure, keypoints.xy[..., 1], -np.inf).max(axis=1) / size
    usable = (confidence > SURE) & (xy[..., 1] > bottom[:, None] - LOW)
    if usable.any(axis=1).mean() < LEAST_HEARD:
        return None

    grid = np.arange(-FASTEST, FASTEST + STEP / 2, STEP)
    off = (velocity[..., 0, None] - grid) ** 2 + velocity[..., 1, None] ** 2
    unexplained = np.minimum(np.where(usable[..., None], off / STEADY**2, 1.0), 1.0).min(axis=1)
    change = np.minimum(((grid[:, None] - grid) * fps / PACE) ** 2, 1e6)
    total, before = unexplained[0], np.zeros((len(xy), len(grid)), dtype=int)
    for t in range(1, len(xy)):
        cost = total[:, None] + change
        before[t] = cost.argmin(axis=0)
        total = cost.min(axis=0) + unexplained[t]
    path = [int(total.argmin())]
    for t in range(len(xy) - 1, 0, -1):
        path.append(int(before[t, path[-1]]))
    path = np.array(path[::-1])
    speed = grid[path]
    # Frames that no motion explains (nothing is on the ground, or seen) say nothing.
    unexplained -= unexplained.min(axis=1, keepdims=True)
    left, steady = unexplained[np.arange(len(xy)), path].sum(), unexplained.sum(axis=0).min()
    if left > BETTER * steady or np.ptp(np.cumsum(speed)) < FURTHER * fps:
        return None
    # Px to angles where the person is: a turn moves the picture by more at its edges.
    focal = focal_from_fov(fov, keypoints.image_size)
    weight = keypoints.confidence / np.maximum(keypoints.confidence.sum(axis=1, keepdims=True), 1e-9)
    aside = ((keypoints.xy[..., 0] * weight).sum(axis=1) - 0.5 * keypoints.image_size[0]) / focal
    rate = gaussian_filter1d(speed, 2.0, mode="nearest") * size / fps / (focal * (1.0 + aside**2))
    angle = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]))])
    turns = Rotation.from_rotvec(angle[:, None] * np.array([0.0, 1.0, 0.0])).as_matrix()
    return CameraMotion(turns, np.ones(len(xy)), focal, False)


def find_touching(keypoints: Keypoints) -> list[int]:
    """Columns of the landmarks that may rest on the ground, of those that the detector has."""

    def find(parts: tuple[str, ...]) -> list[int]:
        names = [f"{side}_{part}" for part in parts for side in ("left", "right")]
        columns = [keypoints.names.index(name) for name in names if name in keypoints.names]
        return [column for column in columns if (keypoints.confidence[:, column] > SURE).any()]

    return (find(SOLES) or find(ANKLES)) + find(HANDS)
