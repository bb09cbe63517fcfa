"""What the lifter sees of a clip: landmarks about the hips in the picture of a camera that looks straight at somebody,
in units of a metre at their distance, and the pose network's own doubtful depth."""

import numpy as np
from scipy.ndimage import maximum_filter1d, percentile_filter

from pose.landmarks import LANDMARKS as ALL

FPS = 24.0
"""Frames a second that the lifter is trained on; other clips are resampled."""
SIDED = ("shoulder", "elbow", "wrist", "index", "hip", "knee", "ankle", "heel", "foot_index")
LANDMARKS = ("nose", "left_ear", "right_ear", *(f"{side}_{part}" for part in SIDED for side in ("left", "right")))
"""Landmarks that the lifter reads."""
BONES = (
    ("right_hip", "left_hip"),
    ("right_shoulder", "left_shoulder"),
    ("right_ear", "left_ear"),
    *((f"{side}_{a}", f"{side}_{b}")
      for a, b in (("hip", "shoulder"), ("shoulder", "ear"), ("shoulder", "elbow"), ("elbow", "wrist"),
                   ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot_index"), ("heel", "foot_index"))
      for side in ("left", "right")),
    ("left_ear", "nose"),
    ("right_ear", "nose"),
)  # fmt: skip
"""Bones whose depth it gives, read from start to end."""
LIMBS = tuple(bone for bone in BONES if bone[0].endswith(("shoulder", "elbow", "hip", "knee"))
              and bone[1].endswith(("elbow", "wrist", "knee", "ankle")))  # fmt: skip
"""Upper arms, forearms, thighs and shins."""
METRES = {"hip-shoulder": 0.50, "shoulder-elbow": 0.27, "elbow-wrist": 0.26, "hip-knee": 0.39, "knee-ankle": 0.41}
"""Lengths of the bones from which the size of a metre is read, of a person of 1.75 m [m]."""
UNIT = 0.3
"""In which lengths of bones are given to the network [m]."""
SCALE_RANK = 2
"""How many bones of a frame may seem longer than they are."""
SCALE_WINDOW = 25
"""Frames over which the size of a metre is one."""

COLUMNS = np.array([ALL.index(name) for name in LANDMARKS])
"""Of the lifter's landmarks among all 33."""
_START = np.array([LANDMARKS.index(a) for a, _ in BONES])
_END = np.array([LANDMARKS.index(b) for _, b in BONES])
_LONG = [(LANDMARKS.index(f"{side}_{a}"), LANDMARKS.index(f"{side}_{b}"), metres)
         for a, b, metres in ((*name.split("-"), m) for name, m in METRES.items())
         for side in ("left", "right")]  # fmt: skip
_HIPS = [LANDMARKS.index("left_hip"), LANDMARKS.index("right_hip")]


def _exchange(name: str) -> str:
    return name.replace("left", "*").replace("right", "left").replace("*", "right")


MIRROR_LANDMARKS = np.array([LANDMARKS.index(_exchange(name)) for name in LANDMARKS])
"""`x[..., MIRROR_LANDMARKS, :]` is the same body with left and right exchanged."""
_PAIRS = [(_exchange(a), _exchange(b)) for a, b in BONES]
MIRROR_BONES = np.array([BONES.index(p) if p in BONES else BONES.index(p[::-1]) for p in _PAIRS])
"""The bone on the other side of each."""
MIRROR_REVERSED = np.array([p not in BONES for p in _PAIRS])
"""Whether that bone is read from its end to its start, bool (B,)."""


def look_straight(plane_px: np.ndarray, weight: np.ndarray, focal_px: np.ndarray) -> np.ndarray:
    """Landmarks in the picture of a camera that is turned to the person, at a focal length of 1, (..., T, J, 2).

    Args:
      plane_px: relative to the principal point [px], (..., T, J, 2).
      weight: of each landmark in the person's middle, (..., T, J).
      focal_px: (..., T) or scalar [px].
    """
    focal = np.broadcast_to(focal_px, plane_px.shape[:-2])
    total = np.maximum(weight.sum(axis=-1), 1e-9)[..., None]
    middle = (plane_px * weight[..., None]).sum(axis=-2) / total
    yaw = np.arctan(middle[..., 0] / focal)
    pitch = -np.arctan(middle[..., 1] / np.hypot(focal, middle[..., 0]))
    sin_y, cos_y, sin_p, cos_p = (f(a)[..., None] for a in (yaw, pitch) for f in (np.sin, np.cos))
    x, y = plane_px[..., 0] / focal[..., None], plane_px[..., 1] / focal[..., None]
    # The transposes of the rotations in `observations.rotate_to_camera`: about y by the yaw, then about x.
    x, z = cos_y * x - sin_y, sin_y * x + cos_y
    y, z = cos_p * y + sin_p * z, -sin_p * y + cos_p * z
    z = np.maximum(z, 0.2)
    return np.stack([x / z, y / z], axis=-1)


def make_features(xy: np.ndarray, confidence: np.ndarray, hint: np.ndarray) -> np.ndarray:
    """The lifter's input, (..., T, F), float32.

    Args:
      xy: landmarks by `look_straight`, (..., T, J, 2).
      confidence: 0 where nothing was seen, (..., T, J).
      hint: the pose network's own depth of each bone, by `bone_depth`, (..., T, B).
    """
    hips = xy[..., _HIPS, :].mean(axis=-2)
    about = xy - hips[..., None, :]
    metre = measure_metre(xy)[..., None]
    moved = np.diff(hips, axis=-2, prepend=hips[..., :1, :]) / metre
    about = np.where((confidence > 0)[..., None], about / metre[..., None], 0.0)
    flat = about.reshape(*about.shape[:-2], -1)
    short = measure_foreshortening(xy, metre)
    parts = [np.clip(flat, -3.0, 3.0), confidence, hint, *short, np.clip(10.0 * moved, -3.0, 3.0)]
    return np.concatenate(parts, axis=-1).astype(np.float32)


FEATURES = 3 * len(LANDMARKS) + 4 * len(BONES) + 2


def measure_foreshortening(xy: np.ndarray, metre: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each bone's length in the picture, the longest of both sides over about a second, and how deep that makes it.

    The depth without its sign is the sine whose cosine is the one over the other (Taylor 2000, "Reconstruction of
    articulated objects from point correspondences in a single uncalibrated image").

    Args:
      xy: landmarks by `look_straight`, (..., T, J, 2).
      metre: size of a metre in the picture, (..., T, 1).

    Returns:
      (..., T, B) each; lengths in `UNIT`.
    """
    length = np.linalg.norm(xy[..., _END, :] - xy[..., _START, :], axis=-1) / (UNIT * metre)
    longest = maximum_filter1d(length, SCALE_WINDOW, axis=-2, mode="nearest")
    longest = np.maximum(longest, longest[..., MIRROR_BONES])
    depth = np.sqrt(np.maximum(1.0 - (length / np.maximum(longest, 1e-6)) ** 2, 0.0))
    return np.clip(length, 0.0, 3.0), np.clip(longest, 0.0, 3.0), depth


def measure_metre(xy: np.ndarray) -> np.ndarray:
    """How large a metre at the person's distance is in the picture, (..., T).

    Bones are foreshortened and never lengthened, so a long one, over about a second, shows its length; the two longest
    of a frame may be mistakes.
    """
    ratio = np.stack([np.linalg.norm(xy[..., b, :] - xy[..., a, :], axis=-1) / m for a, b, m in _LONG], axis=-1)
    long = np.sort(ratio, axis=-1)[..., -1 - SCALE_RANK]
    size = [1] * (long.ndim - 1) + [SCALE_WINDOW]
    return np.maximum(percentile_filter(long, 80, size=size, mode="nearest"), 1e-6)


def mirror_features(features: np.ndarray) -> np.ndarray:
    """The input of the mirrored clip: left and right exchanged, x turned round, (..., F)."""
    count, bones = len(LANDMARKS), len(BONES)
    ends = np.cumsum([2 * count, count, *[bones] * 4])
    xy, confidence, hint, *short, moved = np.split(features, ends, axis=-1)
    xy = xy.reshape(*xy.shape[:-1], count, 2)[..., MIRROR_LANDMARKS, :] * [-1.0, 1.0]
    hint = hint[..., MIRROR_BONES] * np.where(MIRROR_REVERSED, -1.0, 1.0)
    parts = [confidence[..., MIRROR_LANDMARKS], hint, *(one[..., MIRROR_BONES] for one in short), moved * [-1.0, 1.0]]
    return np.concatenate([xy.reshape(*features.shape[:-1], -1), *parts], axis=-1).astype(np.float32)


def bone_depth(xyz: np.ndarray) -> np.ndarray:
    """The share of each bone's length that leads away from the camera, (..., J, 3) -> (..., B)."""
    bones = xyz[..., _END, :] - xyz[..., _START, :]
    return bones[..., 2] / np.maximum(np.linalg.norm(bones, axis=-1), 1e-6)
