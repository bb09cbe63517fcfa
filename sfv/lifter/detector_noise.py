"""The pose network's errors, measured on films with known truth, and put onto motions that were never filmed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reconstruct.lifting.lifter_input import (
    BONES,
    COLUMNS,
    MIRROR_BONES,
    MIRROR_LANDMARKS,
    MIRROR_REVERSED,
    bone_depth,
    look_straight,
    make_features,
    measure_metre,
    mirror_features,
)
from sfv.lifter.films import DetectedFilm

CANDIDATES = 6
"""Films from which the one most like a pose lends it its errors: a far arm is lost as far arms are."""
LOUDNESS = 0.25
"""Standard deviation of the logarithm of a factor on a film's errors."""
LENT = 0.5
"""Share of examples whose errors of depth are that film's as well; the others' are drawn anew."""
JITTER = 0.01
"""Noise on real detections, so that few films are not learnt by heart."""


@dataclass(frozen=True)
class FilmedExamples:
    """What the lifter reads of real detections, and the truth; T frames, N films."""

    features: np.ndarray
    """(N, T, F)."""
    depth: np.ndarray
    """(N, T, B)."""
    known: np.ndarray
    """Frames in which somebody was seen, (N, T)."""

    @classmethod
    def of(cls, films: Sequence[DetectedFilm]) -> "FilmedExamples":
        """All films, each as it is and mirrored."""
        views = [look(film) for film in films]
        features = np.stack([make_features(view.xy, view.confidence, view.hint) for view in views])
        depth = np.stack([view.depth for view in views])
        known = np.stack([(view.confidence > 0).any(axis=-1) for view in views]).astype(np.float32)
        sign = np.where(MIRROR_REVERSED, -1.0, 1.0)
        return cls(
            np.concatenate([features, mirror_features(features)]),
            np.concatenate([depth, depth[..., MIRROR_BONES] * sign]).astype(np.float32),
            np.concatenate([known, known]),
        )

    def __len__(self) -> int:
        return len(self.features)

    def draw(self, count: int, rng: np.random.Generator) -> "FilmedExamples":
        """Some of them."""
        rows = rng.integers(len(self), size=count)
        features = self.features[rows]
        features = features + JITTER * rng.standard_normal(features.shape).astype(np.float32)
        return FilmedExamples(features, self.depth[rows], self.known[rows])


@dataclass(frozen=True)
class View:
    """One film as the lifter sees it."""

    xy: np.ndarray
    """Detections by `look_straight`, (T, J, 2)."""
    true_xy: np.ndarray
    """Where they should be, (T, J, 2)."""
    confidence: np.ndarray
    """(T, J)."""
    hint: np.ndarray
    """The network's own depth of each bone, (T, B)."""
    depth: np.ndarray
    """The true one, (T, B)."""


def look(film: DetectedFilm) -> View:
    """A film's detections and truth in the picture of a camera that looks straight at the person."""
    middle = 0.5 * np.array(film.image_size)
    plane, confidence = film.xy[:, COLUMNS] - middle, film.confidence[:, COLUMNS]
    focal = np.full(len(plane), film.focal_px)
    seen = np.where(confidence > 0, 1.0, 0.0)
    true_plane = film.focal_px * film.true_xyz_c[..., :2] / film.true_xyz_c[..., 2:]
    plane = np.where(seen[..., None] > 0, plane, true_plane)
    ones = np.ones(confidence.shape)
    ray = turn_to_ray(film.true_xyz_c, plane, focal)
    return View(
        look_straight(plane, ones, focal),
        ray[..., :2] / np.maximum(ray[..., 2:], 0.2),
        confidence,
        bone_depth(film.xyz[:, COLUMNS]),
        bone_depth(ray),
    )


def turn_to_ray(xyz_c: np.ndarray, plane_px: np.ndarray, focal_px: np.ndarray) -> np.ndarray:
    """Points in camera axes turned as `look_straight` turns the picture, (..., T, J, 3)."""
    middle = plane_px.mean(axis=-2) / focal_px[..., None]
    yaw = np.arctan(middle[..., 0])
    pitch = -np.arctan(middle[..., 1] / np.hypot(1.0, middle[..., 0]))
    sin_y, cos_y, sin_p, cos_p = (f(a)[..., None] for a in (yaw, pitch) for f in (np.sin, np.cos))
    x, y, z = np.moveaxis(xyz_c, -1, 0)
    x, z = cos_y * x - sin_y * z, sin_y * x + cos_y * z
    y, z = cos_p * y + sin_p * z, -sin_p * y + cos_p * z
    return np.stack([x, y, z], axis=-1)


@dataclass(frozen=True)
class DetectorNoise:
    """Errors of N films, and how the network's own depth follows the truth: h = gain s + bias + e, e first-order
    autoregressive, for each bone; both sides of the body have the same numbers."""

    error: np.ndarray
    """Of detections, in metres at the person's distance, (N, T, J, 2)."""
    confidence: np.ndarray
    """(N, T, J)."""
    depth: np.ndarray
    """True depth of bones in those films, (N, T, B)."""
    left: np.ndarray
    """What gain and bias leave of the network's own depth in those films, (N, T, B)."""
    gain: np.ndarray
    """(B,)."""
    bias: np.ndarray
    """(B,)."""
    sigma: np.ndarray
    """Standard deviation of e, (B,)."""
    memory: np.ndarray
    """Its correlation from one frame to the next, (B,)."""

    @classmethod
    def of(cls, films: Sequence[DetectedFilm]) -> "DetectorNoise":
        """Measures all films, as they are and mirrored."""
        views = [look(film) for film in films]
        error = np.stack([(view.xy - view.true_xy) / measure_metre(view.true_xy)[:, None, None] for view in views])
        confidence = np.stack([view.confidence for view in views])
        depth, hint = np.stack([view.depth for view in views]), np.stack([view.hint for view in views])
        sign = np.where(MIRROR_REVERSED, -1.0, 1.0)
        error = np.concatenate([error, error[..., MIRROR_LANDMARKS, :] * [-1.0, 1.0]])
        confidence = np.concatenate([confidence, confidence[..., MIRROR_LANDMARKS]])
        depth = np.concatenate([depth, depth[..., MIRROR_BONES] * sign])
        hint = np.concatenate([hint, hint[..., MIRROR_BONES] * sign])
        gain, bias = np.zeros(len(BONES)), np.zeros(len(BONES))
        left = np.zeros_like(hint)
        for bone in range(len(BONES)):
            s, h = depth[..., bone].ravel(), hint[..., bone].ravel()
            gain[bone], bias[bone] = np.polyfit(s, h, 1)
            left[..., bone] = hint[..., bone] - gain[bone] * depth[..., bone] - bias[bone]
        sigma = left.std(axis=(0, 1))
        memory = (left[:, 1:] * left[:, :-1]).mean(axis=(0, 1)) / np.maximum(sigma**2, 1e-9)
        return cls(error, confidence, depth, left, gain, bias, sigma, np.clip(memory, 0.0, 0.995))

    def disturb(
        self, xy: np.ndarray, depth: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Detections, confidence and the network's own depth for N true views of as many frames as the films have.

        Args:
          xy: true landmarks by `look_straight`, (N, T, J, 2).
          depth: true depth of bones, (N, T, B).
          rng: of the draw.
        """
        count, frames = depth.shape[:2]
        candidates = rng.integers(len(self.error), size=(count, CANDIDATES))
        middle = frames // 2
        far = np.linalg.norm(self.depth[candidates, middle] - depth[:, None, middle], axis=-1)
        chosen = candidates[np.arange(count), far.argmin(axis=1)]
        loud = np.exp(LOUDNESS * rng.standard_normal((count, 1, 1, 1)))
        error = loud * self.error[chosen] * measure_metre(xy)[..., None, None]
        noise = np.empty_like(depth)
        sigma = self.sigma * np.exp(LOUDNESS * rng.standard_normal((count, 1)))
        noise[:, 0] = sigma * rng.standard_normal((count, len(BONES)))
        fresh = np.sqrt(1.0 - self.memory**2) * sigma
        for t in range(1, frames):
            noise[:, t] = self.memory * noise[:, t - 1] + fresh * rng.standard_normal((count, len(BONES)))
        noise = np.where(rng.random((count, 1, 1)) < LENT, loud[..., 0] * self.left[chosen], noise)
        hint = np.clip(self.gain * depth + self.bias + noise, -1.0, 1.0)
        return xy + error, self.confidence[chosen], hint
