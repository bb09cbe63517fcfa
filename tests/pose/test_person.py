"""Truth: made-up persons whose paths are known, with the faults that detectors have."""

import numpy as np
import pytest

from pose.errors import InputError
from pose.estimator import Crop, Poses, no_poses
from pose.landmarks import INDEX, LANDMARKS, MIRRORED
from pose.person import CORE, best_path, body_size, choose_person, count_people, people_boxes
from pose.zoom import Look, doubtful, whereabouts

FPS = 30.0
T = 60


def stick(x: float, y: float, height: float, phase: float = 0.0) -> np.ndarray:
    """33 landmarks of a walking stick figure whose hips are at (x, y), (33, 2) [px]."""
    swing = 0.12 * height * np.sin(phase)
    body = np.tile(np.array([x, y], dtype=float), (33, 1))
    for i, name in enumerate(LANDMARKS):
        side = 1.0 if "left" in name else -1.0
        if "shoulder" in name:
            body[i] += (side * 0.05 * height, -0.3 * height)
        elif "elbow" in name:
            body[i] += (-side * swing / 2, -0.15 * height)
        elif any(part in name for part in ("wrist", "pinky", "thumb")) or name.endswith(("left_index", "right_index")):
            body[i] += (-side * swing, 0.0)
        elif "hip" in name:
            body[i] += (side * 0.04 * height, 0.0)
        elif "knee" in name:
            body[i] += (side * swing / 2, 0.22 * height)
        elif any(part in name for part in ("ankle", "heel", "foot")):
            body[i] += (side * swing, 0.45 * height)
        else:
            body[i] += (0.0, -0.45 * height)
    return body


def poses(*bodies: tuple[np.ndarray, float]) -> Poses:
    if not bodies:
        return no_poses(33)
    xy = np.stack([body for body, _ in bodies])
    return Poses(xy, np.zeros((len(xy), 33, 3)), np.stack([np.full(33, score) for _, score in bodies]))


def woman(t: int) -> np.ndarray:
    return stick(900 - 8 * t, 500, 300, 0.3 * t)


def man(t: int) -> np.ndarray:
    return stick(100 + 10 * t, 480, 260, 0.3 * t + 1)


def crossing(rng: np.random.Generator) -> tuple[list[Poses], list[tuple[int, int]]]:
    """Two persons who cross at frame 44, in random order, each missed now and then; (frames, rows of both)."""
    frames, truth = [], []
    for t in range(T):
        bodies = [(woman(t) + rng.normal(0, 3, (33, 2)), 0.9, 0), (man(t) + rng.normal(0, 3, (33, 2)), 0.8, 1)]
        bodies = [body for body in bodies if rng.random() > 0.15]
        rng.shuffle(bodies)
        frames.append(poses(*[(xy, score) for xy, score, _ in bodies]))
        who = [n for *_, n in bodies]
        truth.append(tuple(who.index(n) if n in who else -1 for n in (0, 1)))
    return frames, truth


@pytest.mark.parametrize("seed", range(5))
def test_follows_each_of_two_who_cross(seed: int) -> None:
    frames, truth = crossing(np.random.default_rng(seed))
    # Where they stand in each other's place for a frame or two, nothing but appearance could tell them apart.
    apart = np.array([np.linalg.norm(woman(t)[0] - man(t)[0]) > 110 for t in range(T)])
    assert apart.sum() > 40 and apart[-5:].all()
    for n, person in enumerate(("1", "2")):
        rows = choose_person(frames, FPS, person)
        np.testing.assert_array_equal(rows[apart], np.array([rows[n] for rows in truth])[apart])
    np.testing.assert_array_equal(choose_person(frames, FPS), choose_person(frames, FPS, "1"))


def test_point_at_a_time_names_the_person() -> None:
    frames, truth = crossing(np.random.default_rng(0))
    x, y = man(10)[CORE].mean(axis=0)
    rows = choose_person(frames, FPS, f"{x:.0f},{y:.0f}@{5 + 10 / FPS:.3f}", start=5.0)
    np.testing.assert_array_equal(rows[:40], [rows[1] for rows in truth[:40]])
    np.testing.assert_array_equal(rows[50:], [rows[1] for rows in truth[50:]])


def test_never_jumps_to_another_person_when_the_first_leaves() -> None:
    frames = [poses((woman(t), 0.9)) if t < 40 else poses((man(0), 0.9)) for t in range(T)]
    rows = choose_person(frames, FPS)
    assert (rows[:40] == 0).all() and (rows[40:] == -1).all()


def test_false_body_for_a_few_frames_is_passed_over() -> None:
    frames = [
        poses((woman(t), 0.8)) if t not in (20, 21, 35) else poses((stick(500, 200, 280), 0.95)) for t in range(T)
    ]
    rows = best_path(frames, FPS)
    np.testing.assert_array_equal(np.flatnonzero(rows < 0), [20, 21, 35])


def test_exchanged_sides_do_not_break_a_path() -> None:
    frames = [poses((woman(t)[list(MIRRORED)] if t % 3 else woman(t), 0.8)) for t in range(T)]
    assert (best_path(frames, FPS) == 0).all()


@pytest.mark.parametrize(
    ("person", "says"),
    [
        ("3", "only 2 found"),
        ("0", "cannot be read"),
        ("woman", "cannot be read"),
        ("10,10@0.5", "nobody was seen there"),
        ("500,500@99", "outside the range"),
    ],
)
def test_wrong_person_is_told(person: str, says: str) -> None:
    frames, _ = crossing(np.random.default_rng(0))
    with pytest.raises(InputError, match=says) as error:
        choose_person(frames, FPS, person)
    assert "\n" not in str(error.value)


def test_people_are_counted_once_however_often_they_were_looked_at() -> None:
    frames = [poses((woman(t), 0.9), (woman(t) + 5, 0.8), (man(t), 0.7), (stick(500, 200, 280), 0.3)) for t in (0, 1)]
    frames += [poses((woman(2), 0.4)), poses()]
    np.testing.assert_array_equal(count_people(frames, np.array([True, True, True, False])), [2, 2, 1, 0])


def test_people_hide_the_background_also_where_the_person_was_not_seen() -> None:
    frames = [poses((woman(0), 0.9), (man(0), 0.8)), poses()]
    boxes = people_boxes(frames, np.stack([woman(0), np.zeros((33, 2))]), np.array([True, False]))
    expected = [*woman(0).min(axis=0), *woman(0).max(axis=0)]
    assert len(boxes[0]) == 3
    np.testing.assert_allclose(boxes[0][0], expected)
    np.testing.assert_allclose(boxes[1], [expected])


def test_nobody_is_told() -> None:
    with pytest.raises(InputError, match="no person was found"):
        choose_person([poses()] * 10, FPS)
    with pytest.raises(InputError, match="no person was found"):
        choose_person([poses((woman(t), 0.05)) for t in range(10)], FPS)


def test_crop_maps_bodies_there_and_back() -> None:
    rng = np.random.default_rng(0)
    body = Poses(rng.uniform(0, 500, (2, 33, 2)), rng.normal(size=(2, 33, 3)), np.ones((2, 33)))
    crop = Crop(centre=(310.0, 220.0), side=400.0, angle=0.7, pixels=256)
    matrix = crop.image_to_crop()
    np.testing.assert_allclose(matrix @ [310.0, 220.0, 1.0], [128.0, 128.0])  # the centre stays the centre
    c, s = np.cos(0.7), np.sin(0.7)
    turned = body.xyz @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T  # clockwise to the eye: y points down
    back = crop.poses_to_image(Poses(body.xy @ matrix[:, :2].T + matrix[:, 2], turned, body.score))
    np.testing.assert_allclose(back.xy, body.xy, atol=1e-9)
    np.testing.assert_allclose(back.xyz, body.xyz, atol=1e-12)


def test_crop_turns_the_picture_as_it_turns_the_points() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[40:46, 150:156] = 255
    crop = Crop(centre=(110.0, 90.0), side=180.0, angle=-1.1, pixels=180)
    row, column = np.unravel_index(crop.cut(image)[:, :, 0].argmax(), (180, 180))
    expected = crop.image_to_crop() @ [153.0, 43.0, 1.0]
    assert np.hypot(column - expected[0], row - expected[1]) < 6


def test_mirrored_look_tells_the_same_body() -> None:
    rng = np.random.default_rng(0)
    crop = Crop(centre=(310.0, 220.0), side=400.0, angle=0.7, pixels=256)
    in_crop = Poses(rng.uniform(0, 256, (2, 33, 2)), rng.normal(size=(2, 33, 3)), rng.uniform(size=(2, 33)))
    # What the network says of the mirror's picture: the person's left hand is a right hand there.
    order = list(MIRRORED)
    xy = in_crop.xy[:, order] * (-1, 1) + (256, 0)
    seen = Poses(xy, in_crop.xyz[:, order] * (-1, 1, 1), in_crop.score[:, order])
    back, expected = Look(crop, False, True).poses_to_image(seen), crop.poses_to_image(in_crop)
    for name in ("xy", "xyz", "score"):
        np.testing.assert_allclose(getattr(back, name), getattr(expected, name), atol=1e-9)
    image = rng.integers(0, 255, (400, 500, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Look(crop, False, True).cut(image)[:, ::-1], crop.cut(image))


def test_gap_is_looked_for_on_the_way_and_just_beyond_the_ends() -> None:
    seen = [t for t in range(15, 45) if not 25 <= t < 33]
    frames = [poses((woman(t), 0.9)) if t in seen else poses() for t in range(T)]
    rows = best_path(frames, FPS)
    place = whereabouts(frames, rows, FPS)
    wanted = np.flatnonzero(place.possible & doubtful(frames, rows))
    np.testing.assert_array_equal(wanted, [*range(9, 15), *range(25, 33), *range(45, 51)])
    for t in wanted.tolist():
        true_centre = (woman(t)[CORE].min(axis=0) + woman(t)[CORE].max(axis=0)) / 2
        assert np.linalg.norm(place.centre[t] - true_centre) < 0.25 * body_size(woman(t))


def test_torso_is_turned_upright_in_the_second_round() -> None:
    handstand = stick(400, 300, 250)
    handstand = 2 * np.array([400, 300]) - handstand  # upside down
    frames = [poses((handstand, 0.9))] * 5
    crop = whereabouts(frames, np.zeros(5, dtype=int), FPS).looks(2, before=1)[1].crop
    matrix = crop.image_to_crop()
    in_crop = handstand @ matrix[:, :2].T + matrix[:, 2]
    assert in_crop[INDEX["nose"], 1] < in_crop[INDEX["left_hip"], 1] < in_crop[INDEX["left_ankle"], 1]
