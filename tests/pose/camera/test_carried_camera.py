"""Truth: a room of points, seen by cameras whose path is known; and films of a wall that stands, turns or passes."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.camera import background_tracks, carried_camera
from pose.camera.background_tracks import Tracks, track_background
from pose.camera.carried_camera import FOCALS, follow_any_camera, is_convincing, measure_rotation_misfit
from pose.camera.ground_plane import find_ground
from pose.camera.structure import CameraTrack, _Builder, reconstruct_scene

FPS, FOCAL, NOMINAL = 30.0, 560.0, 686.0
T = 60
EYE = 1.5


def make_path(metres: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and places of a hand-held camera that goes sideways; x right, y down, z ahead."""
    share = np.linspace(0.0, 1.0, T)
    sway = np.sin(np.outer(np.arange(T) / FPS, [4.0, 7.0, 5.0]))
    R = Rotation.from_rotvec(0.01 * sway + np.outer(share, [0.02, -0.25, 0.0])).as_matrix()
    place = np.outer(share, [metres, 0.0, 0.2 * metres]) + 0.02 * sway * (metres > 0)
    return R @ R[0].T, (place - place[0]) @ R[0].T


def see_room(R: np.ndarray, place: np.ndarray, noise: float = 0.2) -> Tracks:
    """Tracks of points on a floor and a wall, a tenth of which move by themselves."""
    rng = np.random.default_rng(0)
    floor = np.column_stack([rng.uniform(-5, 8, 260), np.full(260, EYE), rng.uniform(2, 7, 260)])
    wall = np.column_stack([rng.uniform(-6, 9, 260), rng.uniform(-2, EYE, 260), np.full(260, 7.0)])
    points = np.concatenate([floor, wall])
    seen_c = np.einsum("tij,tpj->tpi", R, points - place[:, None])
    xy = FOCAL * seen_c[..., :2] / np.maximum(seen_c[..., 2:], 0.1) + noise * rng.normal(size=(T, len(points), 2))
    xy[:, ::10] += np.cumsum(rng.normal(size=(T, len(points[::10]), 2)), axis=0)
    outside = (np.abs(xy) > (320, 180)).any(axis=-1) | (seen_c[..., 2] < 0.5)
    gone = np.cumsum(outside, axis=0) > 0
    xy[gone] = np.nan
    keys = np.append(np.arange(0, T - 1, 4), T - 1)
    return Tracks(xy[:, np.isfinite(xy[:9, :, 0]).all(axis=0)].astype(np.float32), keys, 0.5, 640.0)


@pytest.fixture(scope="module")
def walked() -> tuple[CameraTrack, np.ndarray, np.ndarray]:
    R, place = make_path(2.0)
    track = reconstruct_scene(see_room(R, place), FPS, NOMINAL)
    assert track is not None
    return track, R, place


def test_a_clip_of_three_key_frames_is_followed_too():
    tracks = see_room(*make_path(1.5))
    builder = _Builder.of(replace(tracks, keys=tracks.keys[[0, 3, 6]]), FPS, NOMINAL)
    assert any(builder.start(*pair) for pair in builder.propose_pairs())
    builder.grow()
    assert builder.placed.all()


def test_path_of_a_camera_is_found_up_to_its_length(walked: tuple[CameraTrack, np.ndarray, np.ndarray]) -> None:
    track, R, place = walked
    path = (track.place - track.place[0]) @ track.R[0].T
    scale = np.linalg.norm(place[-1]) / np.linalg.norm(path[-1])
    assert np.linalg.norm(scale * path - place, axis=1).max() < 0.06
    turned = track.R @ track.R[0].T @ R.swapaxes(1, 2)
    assert np.degrees(Rotation.from_matrix(turned).magnitude()).max() < 1.0
    assert np.exp(track.log_focal) == pytest.approx(FOCAL, rel=0.1)
    assert is_convincing(track, 10.0)


def test_ground_is_found_under_the_camera(walked: tuple[CameraTrack, np.ndarray, np.ndarray]) -> None:
    track, _, place = walked
    scale = np.linalg.norm(place[-1]) / np.linalg.norm(track.place[-1] - track.place[0])
    points = (track.scene.points()[np.unique(track.sightings.point)] - track.place[0]) @ track.R[0].T
    down = find_ground(points, np.array([0.0, -1.0, 0.0]))
    assert down is not None
    np.testing.assert_allclose(scale * down, [0.0, EYE, 0.0], atol=0.1)
    # A wall alone is no ground, nor is a table with much below it.
    assert find_ground(points[points[:, 2] * scale > 6.9], np.array([0.0, -1.0, 0.0])) is None
    table = np.concatenate([points[:40] * [1, 0, 1] + [0, 0.4, 0], points + [0, 0.6, 0]])
    lower = find_ground(table, np.array([0.0, -1.0, 0.0]))
    assert lower is not None and np.linalg.norm(lower) > 0.6


def test_a_rotation_explains_a_pan_but_not_a_walk() -> None:
    R, _ = make_path(2.0)
    focals = [factor * NOMINAL for factor in FOCALS]
    assert measure_rotation_misfit(see_room(R, np.zeros((T, 3))), focals) < 1.0
    assert measure_rotation_misfit(see_room(*make_path(2.0)), focals) > 3.0


def film_wall(shift: np.ndarray, turn: np.ndarray) -> list[np.ndarray]:
    """A wall that fills the picture, before a camera that shifts [px] or turns [rad]."""
    rng = np.random.default_rng(1)
    texture = cv2.resize(rng.uniform(40, 215, (60, 120, 3)).astype(np.float32), (1280, 720), interpolation=0)
    frames = []
    for x, angle in zip(shift, turn, strict=True):
        R = Rotation.from_rotvec([0.0, angle, 0.0]).as_matrix()
        lens = np.array([[520.0, 0, 160], [0, 520, 90], [0, 0, 1]])
        to_wall = np.array([[1, 0, -640.0 + x], [0, 1, -360], [0, 0, 520]])
        image = cv2.warpPerspective(texture, lens @ R @ to_wall, (320, 180), borderMode=cv2.BORDER_REFLECT)
        frames.append(np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8))
    return frames


def test_tripod_stays_still_and_a_pan_is_no_path() -> None:
    nobody = [np.zeros((0, 4))] * 20
    still = film_wall(np.zeros(20), np.zeros(20))
    assert follow_any_camera(lambda: still, nobody, FPS) == (None, "")
    pan = film_wall(np.zeros(20), np.linspace(0.0, 0.2, 20))
    motion, doubt = follow_any_camera(lambda: pan, nobody, FPS)
    assert motion is not None and motion.path is None and not doubt


def test_what_shows_nothing_is_named() -> None:
    bare = [np.full((180, 320, 3), 200, np.uint8)] * 12
    motion, doubt = follow_any_camera(lambda: bare, [np.zeros((0, 4))] * 12, FPS)
    assert motion is None and "too little" in doubt


def test_another_start_has_the_sights_back_that_an_earlier_one_dropped() -> None:
    tracks = see_room(*make_path(2.0))
    builder = _Builder.of(tracks, FPS, NOMINAL)
    (i, j), *_ = builder.propose_pairs()
    before = builder.seen.copy()
    assert builder.start(i, j)
    builder.seen[:] = False
    assert builder.start(i, j)
    assert (before & ~builder.seen).mean() < 0.05


def test_corners_that_no_two_key_frames_see_take_no_memory_and_too_many_key_frames_are_thinned_out_or_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall = film_wall(np.linspace(0.0, 400.0, 30), np.zeros(30))
    nobody = [np.zeros((0, 4))] * 30
    tracks = track_background(wall, nobody)
    assert tracks.whole and tracks.keys[-1] == 29 and len(tracks.xy) == 30
    assert (tracks.seen[tracks.keys].sum(axis=0) >= 2).all() and len(tracks.keys) > 5
    monkeypatch.setattr(background_tracks, "MOST_KEYS", 4)
    thinned = track_background(wall, nobody)
    assert thinned.whole and len(thinned.xy) == 30 and len(thinned.keys) <= 5
    assert set(thinned.keys[:-1]) < set(tracks.keys) | {29} and thinned.keys[0] == 0 and thinned.keys[-1] == 29
    assert (thinned.seen[thinned.keys].sum(axis=0) >= 2).all()
    monkeypatch.setattr(background_tracks, "LARGEST_SHIFT", background_tracks.KEY_SHIFT)
    short = track_background(wall, nobody)
    assert not short.whole and len(short.xy) < 30
    monkeypatch.setattr(carried_camera, "TURNS", 0.0)
    motion, doubt = follow_any_camera(lambda: wall, nobody, FPS)
    assert (motion is None or motion.path is None) and "START and END" in doubt
