"""Training examples without end: random people in random motions before random cameras, detected with errors."""

from dataclasses import dataclass

import numpy as np

from reconstruct.lifting.lifter_input import LANDMARKS, bone_depth, look_straight, make_features
from sfv.lifter.detector_noise import DetectorNoise, FilmedExamples, turn_to_ray

FRAMES = 32
"""Frames of an example."""
LIMB = 0.10
"""Standard deviation of the logarithm of a limb's length about the humanoid's."""
SIZE = 0.12
"""Standard deviation of the logarithm of a whole person's size."""
LENS_ERROR = 0.25
"""Standard deviation of the logarithm of the assumed focal length over the true one."""
PACE = (0.6, 1.5)
"""Least and most speed at which a motion is played."""
OTHER_ARMS = 0.35
"""Share of examples with the arms of another motion."""
OVERHEAD = 0.06
"""Share of cameras far above the head (drones, balconies)."""

# Parent of each landmark, where a limb begins: (child part, parent part). Scaling runs outwards.
TREE = (("shoulder", "hip"), ("elbow", "shoulder"), ("wrist", "elbow"), ("index", "wrist"), ("knee", "hip"),
        ("ankle", "knee"), ("heel", "ankle"), ("foot_index", "ankle"))  # fmt: skip
_AT = {name: index for index, name in enumerate(LANDMARKS)}


@dataclass(frozen=True)
class Examples:
    """A batch: what the lifter reads and what it should say."""

    features: np.ndarray
    """(N, T, F), float32."""
    depth: np.ndarray
    """The true depth of each bone, (N, T, B), float32."""
    known: np.ndarray
    """Frames in which somebody is seen, (N, T), float32."""


def vary_body(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same motions by people with other limbs: lengths of both sides alike, (N, T, J, 3)."""
    count = len(xyz)

    def draw(sigma: float) -> np.ndarray:
        return np.exp(sigma * rng.standard_normal((count, 1, 1)))

    out = xyz.copy()
    hips = 0.5 * (xyz[:, :, _AT["left_hip"]] + xyz[:, :, _AT["right_hip"]])
    neck = 0.5 * (xyz[:, :, _AT["left_shoulder"]] + xyz[:, :, _AT["right_shoulder"]])
    width, breadth, trunk, head = draw(LIMB), draw(LIMB), draw(LIMB), draw(LIMB)
    new_neck = hips + trunk * (neck - hips)
    for side in ("left", "right"):
        hip, shoulder = _AT[f"{side}_hip"], _AT[f"{side}_shoulder"]
        out[:, :, hip] = hips + width * (xyz[:, :, hip] - hips)
        out[:, :, shoulder] = new_neck + breadth * (xyz[:, :, shoulder] - neck)
    for name in ("nose", "left_ear", "right_ear"):
        out[:, :, _AT[name]] = new_neck + head * (xyz[:, :, _AT[name]] - neck)
    for child, parent in TREE[1:]:
        longer = draw(LIMB)
        for side in ("left", "right"):
            c, p = _AT[f"{side}_{child}"], _AT[f"{side}_{parent}"]
            out[:, :, c] = out[:, :, p] + longer * (xyz[:, :, c] - xyz[:, :, p])
    return out * np.exp(SIZE * rng.standard_normal((count, 1, 1, 1)))


def exchange_arms(xyz: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same motions, a share of them with the arms of another, which move about its own chest as they did, so that
    arms are not guessed from what legs do in the data, (N, T, J, 3)."""
    other = xyz[rng.permutation(len(xyz))]
    arms = [[_AT[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist", "index")] for side in ("left", "right")]
    out, turn = xyz.copy(), find_chest(xyz) @ np.swapaxes(find_chest(other), -1, -2)
    moved = rng.random((len(xyz), 1, 1, 1)) < OTHER_ARMS
    for shoulder, *rest in arms:
        about = other[:, :, rest] - other[:, :, shoulder, None]
        arm = out[:, :, shoulder, None] + np.einsum("ntij,ntkj->ntki", turn, about)
        out[:, :, rest] = np.where(moved, arm, out[:, :, rest])
    return out


def find_chest(xyz: np.ndarray) -> np.ndarray:
    """Axes of the chest from hips and shoulders: to the left, up, and forward, as columns, (..., 3, 3)."""
    left = xyz[..., _AT["left_shoulder"], :] - xyz[..., _AT["right_shoulder"], :]
    hips = xyz[..., _AT["left_hip"], :] + xyz[..., _AT["right_hip"], :]
    up = xyz[..., _AT["left_shoulder"], :] + xyz[..., _AT["right_shoulder"], :] - hips
    left = left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-9)
    up = up - left * np.sum(up * left, axis=-1, keepdims=True)
    up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    return np.stack([left, up, np.cross(left, up)], axis=-1)


def film(xyz_w: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random cameras: every direction, height, distance, a little roll, and a lens that is not quite known.

    Args:
      xyz_w: landmarks, (N, T, J, 3).

    Returns:
      Landmarks by `look_straight`, (N, T, J, 2), and in axes of the ray through the person, (N, T, J, 3).
    """
    count = len(xyz_w)
    middle = xyz_w.mean(axis=(1, 2))
    azimuth = rng.uniform(-np.pi, np.pi, count)
    distance = np.exp(rng.uniform(np.log(2.0), np.log(9.0), count))
    rise = np.where(rng.random(count) < OVERHEAD, rng.uniform(1.0, 4.0, count), rng.uniform(-0.9, 1.3, count))
    away = np.stack([np.cos(azimuth) * distance, np.sin(azimuth) * distance, rise], axis=-1)
    eye = middle + away
    # The camera looks somewhere near the person, level but for its pitch, and a little rolled.
    aim = middle + 0.15 * distance[:, None] * rng.standard_normal((count, 3))
    forward = aim - eye
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.maximum(np.linalg.norm(right, axis=-1, keepdims=True), 1e-6)
    down = np.cross(forward, right)
    roll = np.radians(4.0) * rng.standard_normal((count, 1))
    right, down = np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right
    R = np.stack([right, down, forward], axis=1)
    xyz_c = np.einsum("nij,ntpj->ntpi", R, xyz_w - eye[:, None, None])
    depth = np.maximum(xyz_c[..., 2:], 0.3)
    plane = xyz_c[..., :2] / depth
    lens = np.exp(LENS_ERROR * rng.standard_normal((count, 1)))
    return look_straight(plane, np.ones(plane.shape[:-1]), lens), turn_to_ray(xyz_c, plane, lens)


@dataclass
class ExampleMaker:
    """Draws batches; `clips` are ranges of frames of `xyz_w` that belong together."""

    xyz_w: np.ndarray
    """Landmarks of all motions, (T, J, 3), float32."""
    clips: list[slice]
    chance: np.ndarray
    """Of each clip, adding up to 1."""
    noise: DetectorNoise | None
    """The detector's errors; None for perfect detections."""
    filmed: FilmedExamples | None = None
    """Real detections that are mixed in."""

    def draw(self, count: int, rng: np.random.Generator, filmed_share: float = 0.0) -> Examples:
        """A batch of `count` examples, of which a share are real detections."""
        real = round(filmed_share * count) if self.filmed is not None else 0
        xyz = vary_body(exchange_arms(self._pick(count - real, rng), rng), rng)
        xy, xyz_c = film(xyz, rng)
        depth = bone_depth(xyz_c)
        confidence, hint = np.ones(xy.shape[:-1]), depth
        if self.noise is not None:
            xy, confidence, hint = self.noise.disturb(xy, depth, rng)
        features = make_features(xy, confidence, hint)
        known = np.ones(features.shape[:2], np.float32)
        if not real or self.filmed is None:
            return Examples(features, depth.astype(np.float32), known)
        more = self.filmed.draw(real, rng)
        return Examples(
            np.concatenate([features, more.features]),
            np.concatenate([depth.astype(np.float32), more.depth]),
            np.concatenate([known, more.known]),
        )

    def _pick(self, count: int, rng: np.random.Generator) -> np.ndarray:
        chosen = rng.choice(len(self.clips), count, p=self.chance)
        length = np.array([self.clips[c].stop - self.clips[c].start for c in chosen])
        pace = np.minimum(rng.uniform(*PACE, count), (length - 1) / (FRAMES - 1))
        first = np.floor(rng.random(count) * (length - pace * (FRAMES - 1)))
        rows = (
            np.array([self.clips[c].start for c in chosen])[:, None]
            + first[:, None]
            + pace[:, None] * np.arange(FRAMES)
        )
        low = np.minimum(np.floor(rows).astype(int), len(self.xyz_w) - 2)
        share = (rows - low)[..., None, None]
        return (1.0 - share) * self.xyz_w[low] + share * self.xyz_w[low + 1]
