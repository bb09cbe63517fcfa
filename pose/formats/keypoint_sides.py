"""Whether left and right are exchanged in the names of 2D keypoints.

Seen from the side, and by limbs alone, it cannot be known: a person with left and right exchanged has the same picture
as one that is mirrored in depth, whose knees bend and feet point as they should. What is left is the face: it is seen
from the front alone, where somebody's left is on the right of the picture: clockwise of the way from hips to shoulders,
which holds of a handstand and of somebody lying, too.
"""

import numpy as np

from pose.landmarks import INDEX

SURE = 0.8
"""Confidence from which the face is seen; of people seen from behind detectors guess one, less surely."""
WIDE = 0.5
"""Width of the shoulders from which somebody is seen from the front or behind, as a share of the trunk's length."""
FACE = 0.06
"""Width of the eyes from which a face is seen from the front, as a share of the trunk's length."""
UPSIDE_DOWN = 0.5
"""Downward part of the way from hips to shoulders from which somebody is upside down, as a share of its length."""
FEWEST, MOST = 15, 0.9
"""Frames that must show a face, and the share of them in which shoulders must contradict it."""


def find_exchanged_sides(xy: np.ndarray, confidence: np.ndarray) -> tuple[str, ...]:
    """What to say where a face is seen and left and right of the shoulders are as on somebody's back.

    Args:
      xy: landmarks, y from the top [px], (T, J, 2). Somebody upside down, exchanged, is the mirror image of a file
        whose y is from below: of frames with shoulders below the hips nothing is said.
      confidence: of each, 0 to 1, (T, J); where all are equally sure nothing says which are seen, and nothing is said.

    Returns:
      One finding, or none.
    """
    seen = confidence > 0.0
    if not seen.any() or np.ptp(confidence[seen]) == 0.0:
        return ()

    pairs = {part: [INDEX[f"left_{part}"], INDEX[f"right_{part}"]] for part in ("shoulder", "hip", "eye")}
    up = xy[:, pairs["shoulder"]].mean(axis=1) - xy[:, pairs["hip"]].mean(axis=1)
    trunk = np.linalg.norm(up, axis=1)

    def width(part: str) -> np.ndarray:
        """How far the left one is clockwise of the right one, seen along the trunk, times the trunk's length, (T,)."""
        left, right = pairs[part]
        across = xy[:, left] - xy[:, right]
        return up[:, 0] * across[:, 1] - up[:, 1] * across[:, 0]

    known = confidence[:, [*pairs["shoulder"], *pairs["hip"], *pairs["eye"], INDEX["nose"]]].min(axis=1) > SURE
    shoulders, eyes = width("shoulder"), width("eye")
    known &= up[:, 1] < UPSIDE_DOWN * trunk
    frontal = known & (np.abs(shoulders) > WIDE * trunk**2) & (np.abs(eyes) > FACE * trunk**2)
    if frontal.sum() < FEWEST or (shoulders[frontal] < 0.0).mean() < MOST:
        return ()
    text = f"a face is seen in {int(frontal.sum())} frames, and left and right are as on somebody's back"
    return (f"{text}: they are probably exchanged in the file, exchange their names",)
