"""Truth: made-up persons whose paths are known, with the faults that detectors have."""

import numpy as np
import pytest

from pose.errors import InputError
from pose.estimator import Poses
from pose.landmarks import MIRRORED
from pose.people.person import CORE, choose_person, count_people, find_best_path, find_people_boxes
from tests.people import man, poses, stick, woman

FPS = 30.0
T = 60


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
    rows = find_best_path(frames, FPS)
    np.testing.assert_array_equal(np.flatnonzero(rows < 0), [20, 21, 35])


def test_exchanged_sides_do_not_break_a_path() -> None:
    frames = [poses((woman(t)[list(MIRRORED)] if t % 3 else woman(t), 0.8)) for t in range(T)]
    assert (find_best_path(frames, FPS) == 0).all()


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
def test_wrong_person_is_an_error(person: str, says: str) -> None:
    frames, _ = crossing(np.random.default_rng(0))
    with pytest.raises(InputError, match=says) as error:
        choose_person(frames, FPS, person)
    assert "\n" not in str(error.value)


def test_people_are_counted_once_however_often_they_were_detected() -> None:
    frames = [poses((woman(t), 0.9), (woman(t) + 5, 0.8), (man(t), 0.7), (stick(500, 200, 280), 0.3)) for t in (0, 1)]
    frames += [poses((woman(2), 0.4)), poses()]
    np.testing.assert_array_equal(count_people(frames, np.array([True, True, True, False])), [2, 2, 1, 0])


def test_people_hide_the_background_also_where_the_person_was_not_seen() -> None:
    frames = [poses((woman(0), 0.9), (man(0), 0.8)), poses()]
    boxes = find_people_boxes(frames, np.stack([woman(0), np.zeros((33, 2))]), np.array([True, False]))
    expected = [*woman(0).min(axis=0), *woman(0).max(axis=0)]
    assert len(boxes[0]) == 3
    np.testing.assert_allclose(boxes[0][0], expected)
    np.testing.assert_allclose(boxes[1], [expected])


def test_nobody_is_an_error() -> None:
    with pytest.raises(InputError, match="no person was found"):
        choose_person([poses()] * 10, FPS)
    with pytest.raises(InputError, match="no person was found"):
        choose_person([poses((woman(t), 0.05)) for t in range(10)], FPS)
