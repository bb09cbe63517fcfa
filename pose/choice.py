"""Which of several tries at one person is right, frame by frame (dynamic programming over the clip).

Scores are a weak judge: wrong skeletons reach 0.75. Tries that agree with other tries at the same frame, keep the
lengths of the bones and follow on their neighbours in time are right far more often.
"""

import numpy as np

from pose.estimator import Poses, concatenate
from pose.landmarks import INDEX, MIRRORED
from pose.person import CORE, body_size, pose_distance_px

AGREE = 0.1
"""Tries agree that lie within this distance of each other [body sizes]."""
MERGE = 0.15
"""Tries that lie within this of the chosen one are merged into it [body sizes]."""
NEAR = 0.04
"""Of these, landmarks count less that lie further than this from the chosen one's [body sizes]."""
SPREAD = 0.07
"""Disagreement of merged tries that takes 40 % of a landmark's score [body sizes]; a fifth of a torso."""
ALONE = 0.03
"""Disagreement that a try with no others beside it is taken to have [body sizes]."""
UNSEEN = 0.2
"""Share of the score that is the network's own: whether it believes a landmark hidden tells little of its place (on the
synthetic films and the real kick .93 of those with visibility below .1 are right, .95 of the others)."""
AGREEMENT = 0.5
"""What full agreement is worth, where a perfect score is worth 1."""
CHAINS = (("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))
BONES = tuple(
    (INDEX[f"{side}_{upper}"], INDEX[f"{side}_{lower}"]) for side in ("left", "right") for upper, lower in CHAINS
)
BONE_COST = 1.0
"""Of bones that are wrong by their whole length, on the mean."""
LEAP = 0.12
"""Motion between frames at 30 a second that costs half of `LEAP_COST` [body sizes]."""
LEAP_COST = 1.0
"""Of a leap out of all continuity."""
MISSING_COST = 1.0
"""Of a frame for which no try is chosen."""
MEMORY_S = 0.7
"""Longest gap that continuity is asked across."""


def best_tries(frames: list[Poses], fps: float) -> np.ndarray:
    """The cheapest choice of at most one try a frame.

    Args:
      frames: all tries at one person, frame by frame.
      fps: frames a second.

    Returns:
      The chosen row in each frame, -1 for none, int (T,).
    """
    rows = np.full(len(frames), -1)
    counts = np.array([len(poses) for poses in frames])
    if counts.sum() == 0:
        return rows
    everyone = concatenate(frames)
    frame, first = np.repeat(np.arange(len(frames)), counts), np.concatenate([[0], np.cumsum(counts)])
    usual = float(np.percentile(body_size(everyone.xy), 75))
    # What each try costs in itself, less what passing over its frame would.
    single = _own_cost(frames, everyone, usual) - MISSING_COST
    total, before = single.copy(), np.full(len(frame), -1)
    memory = max(1, round(MEMORY_S * fps))
    for t in range(1, len(frames)):
        now = np.arange(first[t], first[t + 1])
        past = np.arange(first[max(0, t - memory)], first[t])
        if len(now) == 0 or len(past) == 0:
            continue
        gap = np.maximum((t - frame[past]) * 30.0 / fps, 1.0)[:, None]
        motion = pose_distance_px(everyone.xy[past], everyone.xy[now]) / usual / LEAP
        value = total[past][:, None] + LEAP_COST * motion**2 / (motion**2 + gap**2)
        best = value.argmin(axis=0)
        value = value.min(axis=0)
        better = value < 0
        total[now[better]] += value[better]
        before[now[better]] = past[best[better]]
    n = int(total.argmin()) if total.min() < 0 else -1
    while n >= 0:
        rows[frame[n]] = n - first[frame[n]]
        n = int(before[n])
    return rows


def merged(frames: list[Poses], rows: np.ndarray) -> Poses:
    """The chosen try of each frame, made one with those that agree with it: means weighted by score and nearness.

    Left and right of a try are exchanged where it agrees better so. Landmarks on which the tries differ lose score:
    that they do tells far more of their errors than what the network says of itself (`pose.confidence`).
    Against known truth, a mean by nearness is better than the chosen try alone, and than a mean of all alike.

    Returns:
      One body a frame, (T, J, ...); zeros where none is chosen.
    """
    frame_count, landmarks = len(frames), frames[0].xy.shape[1]
    xy, xyz, score = (np.zeros((frame_count, landmarks, *width)) for width in ((2,), (3,), ()))
    chosen = [poses.xy[row] for poses, row in zip(frames, rows, strict=True) if row >= 0]
    usual = float(np.percentile(body_size(np.stack(chosen)), 75)) if chosen else 1.0
    for t in np.flatnonzero(rows >= 0):
        tries = _like(frames[t], int(rows[t]), usual)
        away = np.linalg.norm(tries.xy - frames[t].xy[rows[t]], axis=-1) / usual
        weight = (tries.score + 1e-3) * np.exp(-0.5 * (away / NEAR) ** 2)
        weight = (weight / weight.sum(axis=0))[..., None]
        xy[t], xyz[t] = (weight * tries.xy).sum(axis=0), (weight * tries.xyz).sum(axis=0)
        spread = np.sqrt(((away**2).sum(axis=0) + ALONE**2) / len(tries))
        sight = 1.0 - UNSEEN + UNSEEN * tries.score.mean(axis=0)
        score[t] = sight * np.exp(-0.5 * (spread / SPREAD) ** 2)
    return Poses(xy, xyz, score)


def _like(poses: Poses, row: int, usual: float) -> Poses:
    """The tries that agree with one of them, each with the left and right that agree better."""
    metres = 1.5 / usual  # a body is about 1.5 m from shoulders to ankles and hands
    xy, xyz = poses.xy[row, CORE], poses.xyz[row, CORE]
    kept = list[tuple[np.ndarray, np.ndarray, np.ndarray]]()
    for order in (np.arange(poses.xy.shape[1]), np.array(MIRRORED)):
        flat = np.linalg.norm(poses.xy[:, order[CORE]] - xy, axis=-1)
        deep = np.linalg.norm(poses.xyz[:, order[CORE]] - xyz, axis=-1)
        kept.append((np.median(flat, axis=1), metres * flat.mean(axis=1) + deep.mean(axis=1), order))
    straight, exchanged = kept
    agree = np.minimum(straight[0], exchanged[0]) < MERGE * usual
    order = np.where((exchanged[1] < straight[1])[:, None], exchanged[2], straight[2])[agree]
    which = np.flatnonzero(agree)[:, None]
    return Poses(poses.xy[which, order], poses.xyz[which, order], poses.score[which, order])


def _own_cost(frames: list[Poses], everyone: Poses, usual: float) -> np.ndarray:
    """Of each try by itself, (N,): want of score, of agreement with other tries, and wrong bones."""
    score = everyone.score[:, CORE].mean(axis=1)
    agreement = np.concatenate([_agreement(poses, usual) for poses in frames])
    upper, lower = np.array(BONES).T
    lengths = np.linalg.norm(everyone.xyz[:, upper] - everyone.xyz[:, lower], axis=-1)
    # Left and right bones are alike; the median over both is not fooled by one side's exchanges.
    median = np.tile(np.median(lengths, axis=0).reshape(2, -1).mean(axis=0), 2)
    wrong = np.abs(lengths - median).mean(axis=1) / np.maximum(median.mean(), 1e-6)
    return 1.0 - score - AGREEMENT * agreement + BONE_COST * np.minimum(wrong, 1.0)


def _agreement(poses: Poses, usual: float) -> np.ndarray:
    """Share of the other tries at the frame that agree, each counted by its score; 0 for one try alone, (n,)."""
    if len(poses) == 0:
        return np.zeros(0)
    score = poses.score[:, CORE].mean(axis=1)
    agree = pose_distance_px(poses.xy, poses.xy) < AGREE * usual
    np.fill_diagonal(agree, False)
    return (agree * score).sum(axis=1) / np.maximum(score.sum() - score, 1.0)
