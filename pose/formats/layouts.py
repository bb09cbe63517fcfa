"""Layouts of other detectors' keypoints: which point is which landmark of ours, and how sure their scores are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pose.landmarks import INDEX, LANDMARKS

KeypointOrder = Literal[
    "auto", "body_25", "body_25b", "coco_17", "coco_18", "halpe_26", "whole_body_133", "blazepose_33"
]


@dataclass(frozen=True)
class Layout:
    """The points of a detector."""

    name: str
    points: Mapping[int, str]
    """Our landmark by its index; necks, heads and small toes have no counterpart and are dropped."""
    score: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 1.0))
    """How likely a point of a score is right: pairs of score and probability, interpolated between."""

    def to_confidence(self, score: np.ndarray) -> np.ndarray:
        """Scores of the detector as probabilities that its points are right, any shape."""
        known, likely = np.array(self.score).T
        return np.interp(score, known, likely)


# A part affinity field's peak of .5 is as good as BlazePose's .9: people in good view have .6 to .9.
OPENPOSE_SCORE = ((0.0, 0.0), (0.1, 0.35), (0.3, 0.75), (0.5, 0.9), (0.8, 0.98), (1.0, 1.0))
# Heat maps and SimCC (HRNet, ViTPose, RTMPose) peak between .6 and .95 in good view; below .3 points are guesses.
HEATMAP_SCORE = ((0.0, 0.0), (0.2, 0.3), (0.4, 0.75), (0.6, 0.92), (0.9, 0.99), (1.0, 1.0))

_COCO_17 = dict(
    enumerate(
        (
            "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
            "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee",
            "left_ankle", "right_ankle",
        )
    )
)  # fmt: skip
_COCO_18 = {
    0: "nose", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist", 5: "left_shoulder", 6: "left_elbow",
    7: "left_wrist", 8: "right_hip", 9: "right_knee", 10: "right_ankle", 11: "left_hip", 12: "left_knee",
    13: "left_ankle", 14: "right_eye", 15: "left_eye", 16: "right_ear", 17: "left_ear",
}  # fmt: skip
_BODY_25 = {
    0: "nose", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist", 5: "left_shoulder", 6: "left_elbow",
    7: "left_wrist", 9: "right_hip", 10: "right_knee", 11: "right_ankle", 12: "left_hip", 13: "left_knee",
    14: "left_ankle", 15: "right_eye", 16: "left_eye", 17: "right_ear", 18: "left_ear", 19: "left_foot_index",
    21: "left_heel", 22: "right_foot_index", 24: "right_heel",
}  # fmt: skip
_FEET_BY_SIDE = {19: "left_foot_index", 21: "left_heel", 22: "right_foot_index", 24: "right_heel"}
_HALPE_26 = _COCO_17 | {20: "left_foot_index", 21: "right_foot_index", 24: "left_heel", 25: "right_heel"}
_HANDS = {
    93: "left_thumb", 96: "left_index", 108: "left_pinky", 114: "right_thumb", 117: "right_index", 129: "right_pinky",
}  # fmt: skip
_WHOLE_BODY = _COCO_17 | {17: "left_foot_index", 19: "left_heel", 20: "right_foot_index", 22: "right_heel"} | _HANDS

LAYOUTS: dict[str, Layout] = {
    "body_25": Layout("BODY_25", _BODY_25, OPENPOSE_SCORE),
    "body_25b": Layout("BODY_25B", _COCO_17 | _FEET_BY_SIDE, OPENPOSE_SCORE),
    "coco_17": Layout("COCO-17", _COCO_17, HEATMAP_SCORE),
    "coco_18": Layout("COCO-18", _COCO_18, OPENPOSE_SCORE),
    "halpe_26": Layout("HALPE_26", _HALPE_26, HEATMAP_SCORE),
    "whole_body_133": Layout("COCO-WholeBody", _WHOLE_BODY, HEATMAP_SCORE),
    "blazepose_33": Layout("BlazePose", dict(enumerate(LANDMARKS))),
}
BY_COUNT = {
    17: "coco_17", 18: "coco_18", 25: "body_25", 26: "halpe_26", 33: "blazepose_33", 133: "whole_body_133",
    136: "halpe_26",
}  # fmt: skip
"""Number of points -> layout; 136 are HALPE's with face and hands, and begin like its 26."""
LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


def is_body_25b(points: np.ndarray) -> bool:
    """Whether 25 points are BODY_25B's: its points 1 to 4 lie about the nose, and its limbs are as long left as right.

    Args:
      points: bodies (N, 25, 3): x, y, score.
    """
    seen = (points[:, :5, 2] > 0).all(axis=1)
    xy = points[seen, :, :2]
    if not len(xy):
        return False
    size = np.maximum(np.ptp(xy, axis=1).max(axis=1), 1e-9)
    face = np.linalg.norm(xy[:, 1:5] - xy[:, :1], axis=2) / size[:, None]
    near = np.median(face, axis=0)
    if near[:2].max() > 0.12 or near[2:].max() > 0.25:
        return False
    return measure_asymmetry(points, "body_25b") < measure_asymmetry(points, "body_25")


def measure_asymmetry(points: np.ndarray, layout: str) -> float:
    """How unequal left and right limbs are, as layouts would have them: mean of |log of the ratio of usual lengths|."""
    column = {name: i for i, name in LAYOUTS[layout].points.items()}
    ratios = []
    for upper, lower in LIMBS:
        lengths = []
        for side in ("left", "right"):
            a, b = points[:, column[f"{side}_{upper}"]], points[:, column[f"{side}_{lower}"]]
            seen = (a[:, 2] > 0) & (b[:, 2] > 0)
            lengths.append(float(np.median(np.linalg.norm(a[seen, :2] - b[seen, :2], axis=1))) if seen.any() else 0.0)
        if min(lengths) > 0:
            ratios.append(abs(np.log(lengths[0] / lengths[1])))
    return float(np.mean(ratios)) if ratios else np.inf


def to_landmarks(points: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Bodies (N, K, 3) in a layout -> places (N, 33, 2) and confidences (N, 33), 0 for what the layout lacks."""
    xy, confidence = np.zeros((len(points), len(LANDMARKS), 2)), np.zeros((len(points), len(LANDMARKS)))
    for i, name in layout.points.items():
        xy[:, INDEX[name]] = points[:, i, :2]
        confidence[:, INDEX[name]] = layout.to_confidence(points[:, i, 2])
    xy[confidence == 0] = 0.0
    return xy, confidence
