"""Truth: stick figures among which it is known whom the film is about."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pose.errors import InputError
from pose.estimator import Poses
from pose.people.moving_region import MovingRegion
from pose.people.people_sheet import write_people_sheet
from pose.people.person import CORE, find_best_path
from pose.people.prominence import Choice, Crowd, choose_in_crowd, drop_others, find_mover, find_sure_bodies
from pose.people.silhouettes import Silhouettes, draw_limbs
from tests.people import poses, stick

FPS, T, SIZE, CELL = 30.0, 60, (1280, 720), 20.0
BINS = 4


def look(kind: int) -> np.ndarray:
    """Clothes of one kind, (2, bins)."""
    clothes = np.full((2, BINS), 0.02)
    clothes[:, kind] = 1.0 - 0.02 * (BINS - 1)
    return clothes


def region_along(place: np.ndarray) -> MovingRegion:
    """Motion within 80 pixels of places (T, 2) [px]."""
    rows, columns = round(SIZE[1] / CELL), round(SIZE[0] / CELL)
    y, x = CELL * (np.mgrid[:rows, :columns] + 0.5)
    energy = np.stack([np.exp(-0.5 * ((x - px) ** 2 + (y - py) ** 2) / 80**2) for px, py in place])
    return MovingRegion(place, np.full(len(place), 300.0), energy, CELL, np.tile(np.eye(2, 3), (len(place), 1, 1)))


def silhouettes_of(bodies: list[np.ndarray]) -> Silhouettes:
    """Exact ones, of bodies (33, 2) [px]."""
    scale = 0.25
    size = (round(SIZE[1] * scale), round(SIZE[0] * scale))
    masks = [np.packbits(draw_limbs(body * scale, size, 1.0), axis=1) for body in bodies]
    return Silhouettes(tuple(masks), size, scale)


def crowd_of(looks: list[np.ndarray], region: MovingRegion) -> Crowd:
    return Crowd(looks, region, silhouettes_of([dancer(t) for t in range(T)]), SIZE)


def dancer(t: int) -> np.ndarray:
    """On the head in the middle of the picture, swaying."""
    body = stick(640 + 30 * np.sin(0.3 * t), 420, 260, 0.4 * t)
    return body * (1, -1) + (0, 2 * 420)


def stage(dancer_score: float) -> tuple[list[Poses], list[np.ndarray], MovingRegion]:
    """A dancer before three spectators, who are larger in sum of their scores."""
    frames, looks = [], []
    for t in range(T):
        crowd = [(stick(x, 360, 280, 0.02 * t), 0.95) for x in (250, 460, 1000)]
        frames.append(poses(*crowd, (dancer(t), dancer_score)))
        looks.append(np.stack([look(1), look(2), look(3), look(0)]))
    return frames, looks, region_along(np.array([dancer(t)[CORE].mean(axis=0) for t in range(T)]))


def test_dancer_upside_down_is_preferred_to_spectators_and_named_by_moving() -> None:
    frames, looks, region = stage(0.6)
    assert (find_best_path(frames, FPS) != 3).all()  # by the detections alone a spectator would be followed
    crowd = crowd_of(looks, region)
    choice = choose_in_crowd(frames, FPS, crowd)
    assert (choice.rows == 3).all() and choice.risk == 0.0 and choice.unclaimed == 0.0
    assert (choose_in_crowd(frames, FPS, crowd, "moving").rows == 3).all()
    assert len(choice.people) == 4
    assert choose_in_crowd(frames, FPS, crowd, "2").rows[0] in (0, 1, 2)
    with pytest.raises(InputError, match="only 4 found"):
        choose_in_crowd(frames, FPS, crowd, "9")


def test_motion_where_nobody_was_found_is_a_risk_unless_the_user_named_the_person() -> None:
    frames, looks, region = stage(0.6)
    without = [frame.select([0, 1, 2]) for frame in frames]
    crowd = crowd_of([part[:3] for part in looks], region)
    choice = choose_in_crowd(without, FPS, crowd)
    assert choice.unclaimed > 0.9 and choice.risk > 0.9
    assert choose_in_crowd(without, FPS, crowd, "1").risk == 0.0
    x, y = without[5].xy[1][CORE].mean(axis=0)
    assert (choose_in_crowd(without, FPS, crowd, f"{x:.0f},{y:.0f}@0.2").rows == 1).all()


def test_two_equals_are_a_close_choice() -> None:
    frames = [poses((stick(400, 360, 300, 0.3 * t), 0.9), (stick(880, 360, 300, 0.3 * t), 0.9)) for t in range(T)]
    both = region_along(np.full((T, 2), (640.0, 360.0)))
    choice = choose_in_crowd(frames, FPS, crowd_of([np.stack([look(0), look(1)])] * T, both))
    assert choice.doubt > 0.95 and choice.risk > 0.4


def crossing(seed: int) -> tuple[list[Poses], list[np.ndarray], np.ndarray]:
    """Two of one height who meet, turn back behind each other and part: where they are does not tell who is who."""
    rng = np.random.default_rng(seed)
    frames, looks, truth = [], [], []
    for t in range(T):
        gap = 20 + 10 * abs(t - T / 2)
        who = [(stick(640 - gap, 360, 300, 0.3 * t), 0), (stick(640 + gap, 360, 300, 0.3 * t + 1), 1)]
        if T / 2 - 6 <= t < T / 2 + 6:
            who = who[: 1 + (t % 2)]  # one hides the other now and then
        if t >= T / 2:
            who = [(body, 1 - kind) for body, kind in who]  # they went past each other
        rng.shuffle(who)
        frames.append(poses(*[(body, 0.9) for body, _ in who]))
        looks.append(np.stack([look(kind) for _, kind in who]))
        truth.append([kind for _, kind in who].index(0) if any(kind == 0 for _, kind in who) else -1)
    return frames, looks, np.array(truth)


@pytest.mark.parametrize("seed", range(4))
def test_who_is_who_after_crossing_is_known_by_clothes(seed: int) -> None:
    frames, looks, truth = crossing(seed)
    x, y = frames[3].xy[truth[3]][CORE].mean(axis=0)
    crowd = crowd_of(looks, region_along(np.full((T, 2), (640.0, 360.0))))
    rows = choose_in_crowd(frames, FPS, crowd, f"{x:.0f},{y:.0f}@{3 / FPS:.2f}").rows
    clear = np.abs(np.arange(T) - T / 2) > 7
    np.testing.assert_array_equal(rows[clear], truth[clear])


def test_bodies_of_others_are_dropped_and_ones_own_kept_where_they_overlap() -> None:
    own, other = stick(300, 300, 200), stick(310, 300, 200)
    far = stick(900, 300, 200)
    frames = [poses((own, 0.9), (far, 0.9)), poses((own, 0.9), (other, 0.9))]
    kept = drop_others(frames, np.stack([own, own]), [far[None], other[None]])
    assert len(kept[0]) == 1 and len(kept[1]) == 1
    np.testing.assert_allclose(kept[1].xy[0], own)
    unseen = drop_others(frames, np.full((2, 33, 2), np.nan), [far[None], np.zeros((0, 33, 2))])
    assert [len(part) for part in unseen] == [1, 2]


def test_sheet_frames_everybody(tmp_path: Path) -> None:
    frames, looks, region = stage(0.6)
    choice = choose_in_crowd(frames, FPS, crowd_of(looks, region))
    out = tmp_path / "people.png"
    write_people_sheet([np.zeros((SIZE[1], SIZE[0], 3), np.uint8)] * T, frames, choice, out)
    sheet = cv2.imread(str(out))
    assert sheet is not None
    green = (sheet == (90, 220, 90)).all(axis=-1)
    rows, columns = np.nonzero(green)
    assert sheet.shape == (720, 1280, 3)
    assert abs((columns.min() + columns.max()) / 2 - dancer(0)[:, 0].mean()) < 40 and np.ptp(rows) > 200


def test_who_moves_is_surely_known_where_it_fills_the_silhouette_and_others_are_then_dropped() -> None:
    frames, looks, region = stage(0.7)
    crowd = crowd_of(looks, region)
    (rows,) = find_mover(frames, FPS, crowd)
    assert (rows == 3).all()
    sure = find_sure_bodies(frames, [rows], crowd)
    assert len(sure) == T
    np.testing.assert_allclose(sure[7], dancer(7))
    kept = Choice(rows, (), sure=sure).drop_strange(frames)
    assert all(len(part) == 1 and np.allclose(part.xy[0], dancer(t)) for t, part in enumerate(kept))
    assert find_sure_bodies(frames, [np.zeros(T, dtype=int)], crowd) == {}  # a spectator
