"""Truth: a body that turns a somersault, and candidates of which some are wrong at a high score."""

import numpy as np
import pytest

from pose.estimator import Poses, no_poses
from pose.landmarks import LANDMARKS, MIRRORED
from pose.people.candidates import choose_candidates, merge_candidates

FPS, T = 30.0, 40


def somersault(t: int) -> np.ndarray:
    """33 landmarks about the hips, upright at first, a full turn in 24 frames; camera axes [m], (33, 3)."""
    height = {"shoulder": -0.5, "elbow": -0.25, "wrist": 0.0, "hip": 0.0, "knee": 0.42, "ankle": 0.82, "heel": 0.85}
    down = np.array([next((h for part, h in height.items() if part in name), -0.7) for name in LANDMARKS])
    side = np.array([0.15 if "left" in name else -0.15 for name in LANDMARKS])
    body = np.column_stack([0.2 * side, down, side])
    angle = 2 * np.pi * np.clip((t - 8) / 24, 0, 1)
    c, s = np.cos(angle), np.sin(angle)
    return body @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T


def move_into_picture(xyz: np.ndarray, t: int) -> np.ndarray:
    return 200 * xyz[:, :2] + (300 + 6 * t, 300)


def right(t: int, rng: np.random.Generator, score: float = 0.6) -> tuple[np.ndarray, np.ndarray, float]:
    xyz = somersault(t) + rng.normal(0, 0.01, (33, 3))
    return move_into_picture(xyz, t) + rng.normal(0, 2, (33, 2)), xyz, score


def wrong(t: int, rng: np.random.Generator, score: float = 0.75) -> tuple[np.ndarray, np.ndarray, float]:
    """Somewhere near, in another posture."""
    xyz = somersault(t) @ np.diag([1, -1, 1]) + rng.normal(0, 0.15, (33, 3))
    return move_into_picture(xyz, t) + rng.normal(0, 30, 2), xyz, score


def candidates(*parts: tuple[np.ndarray, np.ndarray, float]) -> Poses:
    if not parts:
        return no_poses(33)
    return Poses(*(np.stack(part) for part in zip(*[(xy, xyz, np.full(33, s)) for xy, xyz, s in parts], strict=True)))


@pytest.mark.parametrize("seed", range(3))
def test_agreement_and_continuity_beat_a_higher_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames, truth = [], []
    for t in range(T):
        order = rng.permutation(4)
        found = [right(t, rng), right(t, rng), wrong(t, rng), wrong(t, rng)]
        frames.append(candidates(*(found[n] for n in order)))
        truth.append(order)
    rows = choose_candidates(frames, FPS)
    assert (rows >= 0).all()
    assert all(truth[t][rows[t]] < 2 for t in range(T))


def test_a_single_wrong_candidate_is_left_out() -> None:
    rng = np.random.default_rng(0)
    frames = [candidates(wrong(t, rng, 0.4) if t in (15, 16) else right(t, rng)) for t in range(T)]
    np.testing.assert_array_equal(np.flatnonzero(choose_candidates(frames, FPS) < 0), [15, 16])


def test_unsure_candidates_on_the_way_are_better_than_none() -> None:
    rng = np.random.default_rng(0)
    frames = [candidates(right(t, rng, 0.35)) if t % 3 == 0 else candidates(right(t, rng)) for t in range(T)]
    assert (choose_candidates(frames, FPS) == 0).all()


def test_nothing_is_chosen_of_nothing() -> None:
    assert (choose_candidates([no_poses(33)] * 5, FPS) == -1).all()
    rng = np.random.default_rng(0)
    rows = choose_candidates([no_poses(33), candidates(right(1, rng)), no_poses(33)], FPS)
    np.testing.assert_array_equal(rows, [-1, 0, -1])


def test_merged_candidates_are_nearer_to_the_truth_and_unsure_where_they_differ() -> None:
    rng = np.random.default_rng(0)
    mirrored = list(MIRRORED)
    wrist = LANDMARKS.index("left_wrist")
    frames, one, all_three = [], [], []
    for t in range(T):
        found = [right(t, rng) for _ in range(3)]
        xy, xyz, score = found[1]
        found[1] = xy[mirrored], xyz[mirrored], score  # exchanged sides are exchanged back
        found[2][0][wrist] += 60.0
        frames.append(candidates(*found, wrong(t, rng)))
    merged = merge_candidates(frames, np.zeros(T, dtype=int))
    others = [n for n in range(33) if n != wrist]
    for t in range(T):
        truth = move_into_picture(somersault(t), t)[others]
        one.append(np.linalg.norm(frames[t].xy[0, others] - truth, axis=-1).mean())
        all_three.append(np.linalg.norm(merged.xy[t, others] - truth, axis=-1).mean())
    assert np.mean(all_three) < 0.7 * np.mean(one)  # 1 / sqrt(3) of it, were all alike
    assert merged.score[:, wrist].max() < 0.45 and merged.score[:, others].min() > 0.5
    nothing = merge_candidates(frames, np.full(T, -1))
    assert not nothing.score.any() and not nothing.xy.any()
