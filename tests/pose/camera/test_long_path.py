"""Two minutes of a camera in a hand that walks along a street: simulated corners, whose path and places are known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.camera.background_tracks import KEY_SHIFT, LARGEST_SHIFT, MOST_KEYS, KeyFrames, Tracks
from pose.camera.carried_camera import is_convincing
from pose.camera.structure import reconstruct_scene

FPS, FOCAL, NOMINAL, EYE = 30.0, 560.0, 686.0, 1.5
SECONDS, SPEED = 120.0, 1.3
POINTS_PER_M = 12
"""Corners on the ground, and as many on the houses [1/m]."""
LASTS = 300
"""Mean number of frames after which optical flow loses a corner."""
NOISE = 0.2
"""Standard deviation of a corner's place [px]."""


def walk_along() -> tuple[np.ndarray, np.ndarray]:
    """Rotations (T, 3, 3) and places (T, 3) in the axes of the first frame; x right, y down, z ahead."""
    t = np.arange(round(SECONDS * FPS)) / FPS
    sway = np.sin(np.outer(t, [4.0, 7.0, 5.0]) + [0.0, 1.0, 2.0])
    look = np.outer(np.radians(12.0) * np.sin(0.25 * t), [0.0, 1.0, 0.0])
    R = Rotation.from_rotvec(0.01 * sway + look).as_matrix()
    place = np.outer(SPEED * t, [1.0, 0.0, 0.0]) + np.outer(np.sin(0.13 * t), [0.0, 0.0, 1.0]) + 0.02 * sway
    return R @ R[0].T, (place - place[0]) @ R[0].T


def see_street(R: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Corners of a street [px], (T, N, 2): each is seen once, until it leaves the picture or flow loses it."""
    rng = np.random.default_rng(0)
    low, high = place[:, 0].min() - 8.0, place[:, 0].max() + 8.0
    count, columns = int(POINTS_PER_M * (high - low)), list[np.ndarray]()
    ground = np.column_stack([rng.uniform(low, high, count), np.full(count, EYE), rng.uniform(2, 7, count)])
    houses = np.column_stack([rng.uniform(low, high, count), rng.uniform(-2, EYE, count), rng.uniform(6.5, 9.0, count)])
    for point in np.concatenate([ground, houses]):
        seen_c = np.einsum("tij,tj->ti", R, point - place)
        xy = FOCAL * seen_c[:, :2] / np.maximum(seen_c[:, 2:], 0.1)
        inside = np.flatnonzero((np.abs(xy) < (320, 180)).all(axis=1) & (seen_c[:, 2] > 0.5))
        inside = inside[: 1 + int(np.argmax(np.append(np.diff(inside) > 1, True)))] if len(inside) else inside
        inside = inside[: 8 + int(rng.exponential(LASTS))]
        if len(inside) < 6:
            continue
        column = np.full((len(R), 2), np.nan, np.float32)
        column[inside] = xy[inside] + NOISE * rng.normal(size=(len(inside), 2))
        columns.append(column)
    return np.stack(columns, axis=1)


def choose_keys(xy: np.ndarray) -> tuple[np.ndarray, float]:
    """Key frames as `track_background` chooses them, and how far apart they are in the end [px]."""
    keys, seen = KeyFrames(), np.isfinite(xy[..., 0])
    for t in range(1, len(xy)):
        last = keys.frames[-1]
        both = seen[t] & seen[last]
        moved = np.median(np.linalg.norm(xy[t, both] - xy[last, both], axis=1)) if both.any() else np.inf
        if keys.is_due(float(moved), int(both.sum()), int(seen[last].sum())):
            keys.frames.append(t)
    return np.unique([*keys.frames, len(xy) - 1]), keys.shift


@pytest.mark.slow
def test_a_walk_of_two_minutes_is_followed_without_drift():
    R, place = walk_along()
    xy = see_street(R, place)
    keys, shift = choose_keys(xy)
    assert len(keys) <= MOST_KEYS + 1 and KEY_SHIFT < shift <= LARGEST_SHIFT
    track = reconstruct_scene(Tracks(xy, keys, 0.5, 640.0), FPS, NOMINAL)
    assert track is not None and is_convincing(track, 10.0)
    assert np.exp(track.log_focal) == pytest.approx(FOCAL, rel=0.03)
    path = (track.place - track.place[0]) @ track.R[0].T
    ours, theirs = path - path.mean(axis=0), place - place.mean(axis=0)
    u, size, vt = np.linalg.svd(theirs.T @ ours)
    unit = size.sum() / (ours**2).sum()
    assert np.linalg.norm(unit * ours @ (u @ vt).T - theirs, axis=1).max() < 0.5  # of 156 m
    part = round(10.0 * FPS)
    lengths = [np.linalg.norm(one[part::part] - one[:-part:part], axis=1) for one in (path, place)]
    units = lengths[1] / lengths[0]
    assert np.ptp(units / np.median(units)) < 0.02
