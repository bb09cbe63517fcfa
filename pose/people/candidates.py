"""Choosing and merging the candidate detections of one person, frame by frame.

The second pass (`pose.people.crops`) gives several candidates a frame. Their scores are a weak guide: wrong skeletons
reach 0.75. Candidates that agree with others of the same frame, keep the lengths of the bones and continue their
neighbours in time are right far more often.
"""

import numpy as np

from pose.estimator import Poses, concatenate
from pose.landmarks import INDEX, MIRRORED
from pose.people.chain import find_best_chain
from pose.people.person import CORE, body_size, pose_distance_px

AGREEMENT_DISTANCE = 0.1
"""Two candidates agree if they lie within this distance of each other [body sizes]."""
MERGE_DISTANCE = 0.15
"""Candidates within this distance of the chosen one are merged into it [body sizes]."""
MERGE_SIGMA = 0.04
"""Standard deviation of the Gaussian that weights landmarks by their distance from the chosen one's [body sizes]."""
DISAGREEMENT_SIGMA = 0.07
"""Standard deviation of merged candidates at which a landmark keeps 60 % of its score [body sizes]."""
PRIOR_STD = 0.03
"""Standard deviation that a single candidate is assumed to have [body sizes]."""
VISIBILITY_SHARE = 0.2
"""Share of a landmark's score that is the network's own visibility, in [0, 1]; the rest is agreement."""
# Visibility says little of a landmark's place: on the synthetic films and the real kick .93 of the landmarks with a
# visibility below .1 are right, .95 of the others.
AGREEMENT_GAIN = 0.5
"""Gain of full agreement with the other candidates, where a perfect score gains 1."""
BONE_CHAINS = (("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))
BONES = tuple(
    (INDEX[f"{side}_{upper}"], INDEX[f"{side}_{lower}"]) for side in ("left", "right") for upper, lower in BONE_CHAINS
)
BONE_COST = 1.0
"""Cost of bones whose mean error is as large as their mean length."""
LEAP = 0.12
"""Motion in 1/30 s that costs half of `LEAP_COST` [body sizes]."""
LEAP_COST = 1.0
"""Cost of a link between two candidates without any continuity."""
MISSING_COST = 1.0
"""Cost of a frame without a chosen candidate."""
MEMORY_S = 0.7
"""Longest gap across which continuity counts [s]."""


def choose_candidates(frames: list[Poses], fps: float) -> np.ndarray:
    """Chooses at most one candidate a frame, at the least cost over the clip.

    A candidate costs what it lacks in score and agreement, and its wrong bones; a link between two costs their motion.

    Args:
      frames: all candidates for one person, frame by frame.
      fps: frames a second.

    Returns:
      The chosen row in each frame, -1 for none, int (T,).
    """
    counts = np.array([len(poses) for poses in frames])
    if counts.sum() == 0:
        return np.full(len(frames), -1)
    everyone = concatenate(frames)
    size = _usual_size_px(everyone.xy)
    # Cost of each candidate in itself, less the cost of a frame without one.
    own_cost = _own_cost(frames, everyone, size) - MISSING_COST
    links = _Continuity(everyone.xy, np.repeat(np.arange(len(frames)), counts), size, fps)
    return find_best_chain(counts, -own_cost, links, max(1, round(MEMORY_S * fps)))


class _Continuity:
    """Links between candidates: a cost of motion that saturates, so that one wrong candidate cannot break a chain."""

    def __init__(self, xy: np.ndarray, frame: np.ndarray, size: float, fps: float) -> None:
        self.xy, self.frame, self.size, self.fps = xy, frame, size, fps

    def gain(self, past: np.ndarray, now: np.ndarray) -> np.ndarray:
        gap = np.maximum((self.frame[now[0]] - self.frame[past]) * 30.0 / self.fps, 1.0)[:, None]
        motion = pose_distance_px(self.xy[past], self.xy[now]) / self.size / LEAP
        return -LEAP_COST * motion**2 / (motion**2 + gap**2)

    def extend(self, past: np.ndarray, now: np.ndarray) -> None:
        """Nothing to keep: these links do not depend on the path."""


def merge_candidates(frames: list[Poses], rows: np.ndarray) -> Poses:
    """Merges the candidates that agree with the chosen one of each frame: means weighted by score and distance.

    A candidate's left and right are exchanged where it agrees better so. The score of a landmark falls where the
    candidates differ, which says more of its error than the network's own score (`pose.confidence`). Against known
    truth this mean is better than the chosen candidate alone, and than an unweighted mean.

    Args:
      frames: all candidates, frame by frame.
      rows: the chosen one in each frame, -1 for none, int (T,).

    Returns:
      One body a frame, (T, J, ...); zeros where none is chosen.
    """
    frame_count, landmarks = len(frames), frames[0].xy.shape[1]
    xy, xyz, score = (np.zeros((frame_count, landmarks, *width)) for width in ((2,), (3,), ()))
    chosen = [poses.xy[row] for poses, row in zip(frames, rows, strict=True) if row >= 0]
    size = _usual_size_px(np.stack(chosen)) if chosen else 1.0
    for t in np.flatnonzero(rows >= 0):
        similar = _select_similar(frames[t], int(rows[t]), size)
        distance = np.linalg.norm(similar.xy - frames[t].xy[rows[t]], axis=-1) / size
        weight = (similar.score + 1e-3) * np.exp(-0.5 * (distance / MERGE_SIGMA) ** 2)
        weight = (weight / weight.sum(axis=0))[..., None]
        xy[t], xyz[t] = (weight * similar.xy).sum(axis=0), (weight * similar.xyz).sum(axis=0)
        std = np.sqrt(((distance**2).sum(axis=0) + PRIOR_STD**2) / len(similar))
        visibility = 1.0 - VISIBILITY_SHARE + VISIBILITY_SHARE * similar.score.mean(axis=0)
        score[t] = visibility * np.exp(-0.5 * (std / DISAGREEMENT_SIGMA) ** 2)
    return Poses(xy, xyz, score)


def _usual_size_px(xy: np.ndarray) -> float:
    return float(np.percentile(body_size(xy), 75))


def _select_similar(poses: Poses, row: int, size: float) -> Poses:
    """The candidates that agree with the one at `row`, each with left and right as they agree better."""
    metres = 1.5 / size  # a body is about 1.5 m from shoulders to ankles and hands
    xy, xyz = poses.xy[row, CORE], poses.xyz[row, CORE]
    orders = np.arange(poses.xy.shape[1]), np.array(MIRRORED)
    distance_px, distance = list[np.ndarray](), list[np.ndarray]()
    for order in orders:
        in_image = np.linalg.norm(poses.xy[:, order[CORE]] - xy, axis=-1)
        in_space = np.linalg.norm(poses.xyz[:, order[CORE]] - xyz, axis=-1)
        distance_px.append(np.median(in_image, axis=1))
        distance.append(metres * in_image.mean(axis=1) + in_space.mean(axis=1))
    agree = np.minimum(*distance_px) < MERGE_DISTANCE * size
    order = np.where((distance[1] < distance[0])[:, None], orders[1], orders[0])[agree]
    which = np.flatnonzero(agree)[:, None]
    return Poses(poses.xy[which, order], poses.xyz[which, order], poses.score[which, order])


def _own_cost(frames: list[Poses], everyone: Poses, size: float) -> np.ndarray:
    """Cost of each candidate in itself, (N,): lack of score and of agreement with other candidates, and wrong bones."""
    score = everyone.score[:, CORE].mean(axis=1)
    agreement = np.concatenate([_agreement(poses, size) for poses in frames])
    upper, lower = np.array(BONES).T
    lengths = np.linalg.norm(everyone.xyz[:, upper] - everyone.xyz[:, lower], axis=-1)
    # Left and right bones are alike; the median over both is not fooled by one side's exchanges.
    median = np.tile(np.median(lengths, axis=0).reshape(2, -1).mean(axis=0), 2)
    error = np.abs(lengths - median).mean(axis=1) / np.maximum(median.mean(), 1e-6)
    return 1.0 - score - AGREEMENT_GAIN * agreement + BONE_COST * np.minimum(error, 1.0)


def _agreement(poses: Poses, size: float) -> np.ndarray:
    """Share of the other candidates of the frame that agree, weighted by their scores; 0 for a single one, (n,)."""
    if len(poses) == 0:
        return np.zeros(0)
    score = poses.score[:, CORE].mean(axis=1)
    agree = pose_distance_px(poses.xy, poses.xy) < AGREEMENT_DISTANCE * size
    np.fill_diagonal(agree, False)
    return (agree * score).sum(axis=1) / np.maximum(score.sum() - score, 1.0)
