"""The lifter: a small temporal network that reads the depth of every bone, and its doubt, from 2D landmarks.

A temporal convolutional network (Pavllo et al. 2019, "3D human pose estimation in video with temporal convolutions and
semi-supervised training") with a mixture density at its end (Bishop 1994; Li and Lee 2019 use one for the ambiguity of
a single view). It departs from them in what it gives: not joints but, bone by bone, which way it leads and how far.
`sfv fit-lifter` trains it; here it is evaluated in NumPy.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from pose.archive import load_as
from reconstruct.characters.assets_folder import ASSETS
from reconstruct.lifting.depth_density import LEAST_SIGMA, DepthDensity
from reconstruct.lifting.lifter_input import (
    BONES,
    FEATURES,
    FPS,
    MIRROR_BONES,
    MIRROR_REVERSED,
    bone_depth,
    make_features,
    mirror_features,
)

FORMAT_VERSION = 1
WEIGHTS = ASSETS / "lifter" / "lifter.npz"
"""The shipped weights."""
DILATIONS = (1, 2, 4, 8)
"""Of the convolutions over three frames, one block each: it sees 15 frames to either side."""
OUTPUTS = 5
"""Numbers for each bone: the logit of leading away, two means, two standard deviations."""


@dataclass(frozen=True)
class Lifter:
    """The network's weights; `arrays` holds one input layer, two layers a block, and one output layer."""

    arrays: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        width = len(self.arrays["in.bias"])
        if self.arrays["in.weight"].shape != (width, FEATURES):
            raise ValueError(f"Lifter.arrays: in.weight {self.arrays['in.weight'].shape}, expected {(width, FEATURES)}")
        if self.arrays["out.weight"].shape != (OUTPUTS * len(BONES), width):
            raise ValueError(f"Lifter.arrays: out.weight {self.arrays['out.weight'].shape}")

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> "Lifter":
        """Reads a file of weights; raises `InputError` for a damaged or missing one."""
        return load_as(path, "lifter", FORMAT_VERSION, cls._of_arrays)

    @classmethod
    def _of_arrays(cls, arrays: dict[str, np.ndarray]) -> "Lifter":
        return cls({name: arrays[name].astype(np.float32) for name in arrays if name.endswith(("weight", "bias"))})

    def lift(self, xy: np.ndarray, confidence: np.ndarray, xyz: np.ndarray, fps: float) -> DepthDensity:
        """The depth of each of `lifter_input.BONES` in axes of the ray through the person, frame by frame.

        Mirrored, the answer is the mirrored one: both are computed and averaged.

        Args:
          xy: the lifter's landmarks by `look_straight`, (T, J, 2).
          confidence: (T, J).
          xyz: the pose network's 3D [m], (T, J, 3).
          fps: frames a second.
        """
        frames = len(xy)
        times = np.arange(max(2, round((frames - 1) / fps * FPS) + 1)) / FPS
        parts = [resample(values, times * fps) for values in (xy, confidence, xyz)]
        features = make_features(parts[0], parts[1], bone_depth(parts[2]))
        plain, mirrored = self.evaluate(features), self.evaluate(mirror_features(features))
        mirrored = mirrored[:, MIRROR_BONES]
        turned = mirrored[..., [0, 2, 1, 4, 3]] * np.array([-1.0, -1.0, -1.0, 1.0, 1.0])
        both = 0.5 * (plain + np.where(MIRROR_REVERSED[:, None], turned, mirrored))
        return to_density(both).at(np.arange(frames) / fps, FPS)

    def evaluate(self, features: np.ndarray) -> np.ndarray:
        """Logits, means and logarithms of standard deviations, (T, F) -> (T, B, 5)."""
        a = self.arrays
        hidden = np.maximum(features @ a["in.weight"].T + a["in.bias"], 0.0)
        for index, dilation in enumerate(DILATIONS):
            weight = a[f"block{index}.conv.weight"]
            padded = np.pad(hidden, ((dilation, dilation), (0, 0)), mode="edge")
            taps = [padded[k * dilation : k * dilation + len(hidden)] @ weight[:, :, k].T for k in range(3)]
            inner = np.maximum(sum(taps[1:], taps[0]) + a[f"block{index}.conv.bias"], 0.0)
            hidden = hidden + np.maximum(inner @ a[f"block{index}.mix.weight"].T + a[f"block{index}.mix.bias"], 0.0)
        raw = (hidden @ a["out.weight"].T + a["out.bias"]).reshape(len(features), len(BONES), OUTPUTS)
        size = 1.0 / (1.0 + np.exp(-raw[..., 1:3])) * np.array([-1.0, 1.0])
        return np.concatenate([raw[..., :1], size, np.clip(raw[..., 3:], -4.0, 1.0)], axis=-1)


def to_density(numbers: np.ndarray) -> DepthDensity:
    """The network's answer (T, B, 5) as densities."""
    away = 1.0 / (1.0 + np.exp(-numbers[..., 0]))
    return DepthDensity(away, numbers[..., 1:3], LEAST_SIGMA + np.exp(numbers[..., 3:]))


def resample(values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Values at fractional frames, linearly interpolated, (T, ...) -> (S, ...)."""
    low = np.clip(np.floor(frames).astype(int), 0, len(values) - 1)
    high = np.minimum(low + 1, len(values) - 1)
    share = np.clip(frames - low, 0.0, 1.0).reshape(-1, *[1] * (values.ndim - 1))
    return (1.0 - share) * values[low] + share * values[high]


@cache
def find_lifter() -> Lifter | None:
    """The shipped lifter; None if its file is missing."""
    return Lifter.load() if WEIGHTS.is_file() else None


def choose_lifter(depth: str) -> tuple[Lifter | None, str]:
    """The lifter if `depth` is "lifter" and its file is there, and a note if it is wanted and missing."""
    lifter = find_lifter() if depth == "lifter" else None
    missing = depth == "lifter" and lifter is None
    return lifter, f"{WEIGHTS.name} is missing, so the depth of limbs is the detector's own" if missing else ""
