"""Keypoints as a detector would give them for a film that is never made: the true landmarks and a detector's noise."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pose.keypoints import Keypoints
from pose.landmarks import LANDMARKS
from reconstruct.characters.character import Character
from reconstruct.kinematics import point_positions
from reconstruct.observations import landmark_points
from sfv.demo.demo import Demo
from sfv.demo.motions import FPS

IMAGE_NOISE = 0.02
"""Standard deviation in the plane of the image [m]."""
# BlazePose's median error in the plane is .057 of a torso's length, 3 cm, of which a part is the same in all frames.
SPACE_NOISE = (0.04, 0.04, 0.08)
"""Standard deviation of the landmarks in 3D, right, down and away from the camera [m]."""
SLOW_S = 0.17
"""Standard deviation of the window over which a detector's slow errors last [s]."""
SHARES = (0.5, 0.85)
"""Factors on new and slow errors; their squares sum to about one."""
CONFIDENCE = 0.9


def simulate_keypoints(truth: Demo, character: Character, seed: int = 0) -> Keypoints:
    """Keypoints of a motion before its camera, which stands still.

    Args:
      truth: motion and camera.
      character: whose motion it is.
      seed: of the noise.
    """
    rng, frames = np.random.default_rng(seed), len(truth.qpos)
    present = tuple(name for name in LANDMARKS if name in character.landmarks)
    columns = [LANDMARKS.index(name) for name in present]
    seen_w = point_positions(character.model, truth.qpos, landmark_points(character, present))
    seen_c = truth.camera.to_camera(seen_w)
    px_per_metre = truth.camera.focal_px / seen_c[..., 2].mean()

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        smooth = gaussian_filter1d(rng.normal(size=shape), SLOW_S * FPS, axis=0)
        smooth *= np.sqrt(2.0 * np.sqrt(np.pi) * SLOW_S * FPS)  # of unit variance again
        return SHARES[0] * rng.normal(size=shape) + SHARES[1] * smooth

    xy, xyz, confidence = np.zeros((frames, 33, 2)), np.zeros((frames, 33, 3)), np.zeros((frames, 33))
    xy[:, columns] = truth.camera.project(seen_w) + IMAGE_NOISE * px_per_metre * draw((frames, len(columns), 2))
    hips = seen_c[:, [present.index("left_hip"), present.index("right_hip")]].mean(axis=1, keepdims=True)
    xyz[:, columns] = seen_c - hips + draw((frames, len(columns), 3)) * SPACE_NOISE
    confidence[:, columns] = CONFIDENCE
    return Keypoints(xy, xyz, confidence, FPS, LANDMARKS, truth.camera.image_size)
