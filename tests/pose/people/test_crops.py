"""The second pass: crops are planned where the person must be, and what is found there is mapped back."""

import numpy as np

from pose.estimator import Crop, Poses
from pose.landmarks import INDEX, MIRRORED
from pose.people.crops import AugmentedCrop, equalise_contrast, find_doubtful, find_inner_frames, interpolate_track
from pose.people.person import CORE, body_size, find_best_path
from tests.people import man, poses, stick, woman

FPS = 30.0
T = 60


def test_mirrored_crop_gives_the_same_body() -> None:
    rng = np.random.default_rng(0)
    crop = Crop(centre=(310.0, 220.0), side=400.0, angle=0.7, pixels=256)
    in_crop = Poses(rng.uniform(0, 256, (2, 33, 2)), rng.normal(size=(2, 33, 3)), rng.uniform(size=(2, 33)))
    # What the network says of the mirror's picture: the person's left hand is a right hand there.
    order = list(MIRRORED)
    xy = in_crop.xy[:, order] * (-1, 1) + (256, 0)
    seen = Poses(xy, in_crop.xyz[:, order] * (-1, 1, 1), in_crop.score[:, order])
    back, expected = AugmentedCrop(crop, False, True).poses_to_image(seen), crop.poses_to_image(in_crop)
    for name in ("xy", "xyz", "score"):
        np.testing.assert_allclose(getattr(back, name), getattr(expected, name), atol=1e-9)
    image = rng.integers(0, 255, (400, 500, 3), dtype=np.uint8)
    np.testing.assert_array_equal(AugmentedCrop(crop, False, True).cut(image)[:, ::-1], crop.cut(image))


def test_gap_is_looked_for_on_the_way_and_just_beyond_the_ends() -> None:
    seen = [t for t in range(15, 45) if not 25 <= t < 33]
    frames = [poses((woman(t), 0.9)) if t in seen else poses() for t in range(T)]
    rows = find_best_path(frames, FPS)
    track = interpolate_track(frames, rows, FPS)
    searched = np.flatnonzero(track.may_be_visible & find_doubtful(frames, rows))
    np.testing.assert_array_equal(searched, [*range(9, 15), *range(25, 33), *range(45, 51)])
    for t in searched.tolist():
        true_centre = (woman(t)[CORE].min(axis=0) + woman(t)[CORE].max(axis=0)) / 2
        assert np.linalg.norm(track.centre[t] - true_centre) < 0.25 * body_size(woman(t))


def test_torso_is_turned_upright_in_the_second_round() -> None:
    handstand = stick(400, 300, 250)
    handstand = 2 * np.array([400, 300]) - handstand  # upside down
    frames = [poses((handstand, 0.9))] * 5
    crop = interpolate_track(frames, np.zeros(5, dtype=int), FPS).plan_crops(2, round_=1)[1].crop
    matrix = crop.image_to_crop()
    in_crop = handstand @ matrix[:, :2].T + matrix[:, 2]
    assert in_crop[INDEX["nose"], 1] < in_crop[INDEX["left_hip"], 1] < in_crop[INDEX["left_ankle"], 1]


def test_crops_widen_from_round_to_round_and_hold_the_body() -> None:
    frames = [poses((woman(t), 0.9)) for t in range(T)]
    track = interpolate_track(frames, np.zeros(T, dtype=int), FPS)
    widest = [max(crop.crop.side for crop in track.plan_crops(30, round_)) for round_ in range(6)]
    assert (np.diff(widest) > 0).all()
    for round_ in range(6):
        for augmented in track.plan_crops(30, round_):
            matrix = augmented.crop.image_to_crop()
            inside = woman(30)[CORE] @ matrix[:, :2].T + matrix[:, 2]
            assert inside.min() > 0 and inside.max() < augmented.crop.pixels


def test_only_bodies_near_the_person_are_candidates() -> None:
    frames = [poses((man(t), 0.9), (woman(t), 0.9)) for t in range(20)]
    track = interpolate_track(frames, np.ones(20, dtype=int), FPS)
    for t, near in enumerate(track.select_near(frames)):
        np.testing.assert_array_equal(near.xy, woman(t)[None])


def test_doubtful_are_low_scores_and_bodies_off_the_middle_of_their_neighbours() -> None:
    frames = [poses((woman(t) + (0, 80 * (t == 10)), 0.5 if t == 20 else 0.9)) for t in range(40)]
    rows = np.zeros(40, dtype=int)
    rows[30] = -1
    doubtful = np.flatnonzero(find_doubtful(frames, rows))
    assert {10, 20, 30} <= set(doubtful.tolist()) <= {9, 10, 11, 20, 30}
    rows[[0, 39]] = -1
    np.testing.assert_array_equal(np.flatnonzero(find_inner_frames(rows)), range(2, 38))
    assert not find_inner_frames(np.full(5, -1)).any()


def test_contrast_is_raised_where_there_is_little() -> None:
    image = np.random.default_rng(0).normal(100, 4, (64, 64, 1)).repeat(3, axis=2).astype(np.uint8)
    after = equalise_contrast(image)
    assert after.shape == image.shape and after.dtype == np.uint8
    assert after.std() > 2 * image.std()
