"""`bench height`: films of people of other heights fall with g, and the means are taken over the right ones."""

import numpy as np
import pytest

from reconstruct.characters.character import load_character
from reconstruct.fit.person_height import HeightEstimate
from reconstruct.kinematics import com_positions
from sfv.bench.films import VIEWPOINTS
from sfv.bench.height import MeasuredHeight, list_rows
from sfv.bench.height_films import HEIGHTS, SizedFilm, list_height_films, scale_take
from sfv.demo.motions import load_demo_take


def sized(motion: str, height: float) -> SizedFilm:
    return SizedFilm("height", motion, VIEWPOINTS[0], "humanoid", False, height)


@pytest.mark.parametrize("height", [1.1, 2.0])
def test_people_of_other_heights_fall_with_g_and_stand_on_the_ground(height: float) -> None:
    usual, one = load_character("humanoid"), sized("jump", height)
    qpos, contacts = scale_take(*load_demo_take("jump", usual), one, usual)
    body = one.load_body()
    flight = np.flatnonzero(~contacts.any(axis=1))[1:-1]
    com = com_positions(body.model, qpos)
    assert np.polyfit(flight / 30.0, com[flight, 2], 2)[0] * -2.0 == pytest.approx(9.81, rel=0.03)
    assert body.height == height and com[0, 2] == pytest.approx(0.55 * height, abs=0.05 * height)


def test_each_motion_is_filmed_at_two_heights_or_at_all_and_from_all_sides() -> None:
    few, all_of_them = (list_height_films(["jump", "walk", "cartwheel"], full) for full in (False, True))
    assert len(few) == 6 and {film.height for film in few} == set(HEIGHTS)
    assert len(all_of_them) == 12 and {film.viewpoint for film in all_of_them} == set(VIEWPOINTS)
    assert [film.flies for film in few] == [True, True, False, False, False, False]


def test_rows_hold_errors_and_how_often_the_interval_is_right() -> None:
    sure = HeightEstimate(1.21, 1.05, 1.3, "from 1 flight", 1.75, 0.999)
    usual = HeightEstimate(1.70, 1.5, 1.9, "as people are", 1.75, 0.6)
    measured = [
        MeasuredHeight(sized("jump", 1.1), sure, 90.0, 400.0),
        MeasuredHeight(sized("walk", 1.75), usual, 80.0, 80.0),
        MeasuredHeight(sized("walk", 2.0), usual, 200.0, 200.0),
    ]
    rows = {row.name: row for row in list_rows(measured, 1.75, [])}
    assert rows["height_error_percent_flying"].value == pytest.approx(10.0)
    assert rows["height_error_percent_flying"].baseline == pytest.approx(59.1, abs=0.1)
    assert rows["height_error_percent_otherwise"].value == pytest.approx((2.86 + 15.0) / 2, abs=0.01)
    assert rows["height_in_interval"].value == pytest.approx(2 / 3)
    assert rows["own_height_kept"].value == 1.0
    world = rows["other_height_world_mpjpe_mm"]
    assert (world.value, world.baseline, world.n) == (145.0, 300.0, 2) and "in 1 of 2" in world.note
