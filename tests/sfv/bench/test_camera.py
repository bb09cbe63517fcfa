"""The camera bench's own maths, and its films' cameras."""

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.rotations import from_rotvec, to_matrix
from sfv.bench.camera import bench_camera, compare_lengths, find_places, measure_drift
from sfv.bench.camera_films import CarriedFilm, stage_carried
from sfv.bench.camera_plans import DANCE, RUN, perform


def test_lengths_compare_ways_not_trembling() -> None:
    way = np.outer(np.linspace(0.0, 5.0, 150), [1.0, 0.0, 0.0])
    rough = way + 0.002 * np.random.default_rng(0).normal(size=way.shape)
    assert compare_lengths(1.1 * way, way, 30.0) == pytest.approx(0.1, abs=1e-6)
    assert compare_lengths(rough, way, 30.0) < 0.002


def test_drift_is_what_a_motion_leaves_its_start_by() -> None:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(1, 12, 3)) + np.outer(np.linspace(0.0, 3.0, 60), [1.0, 0.0, 0.0])[:, None]
    turn = to_matrix(from_rotvec(np.array([0.3, -0.2, 1.0])))
    assert measure_drift(joints @ turn.T + [1.0, 2.0, 3.0], joints, 15) == pytest.approx(0.0, abs=1e-6)
    longer = joints + np.maximum(np.arange(60) - 15, 0)[:, None, None] * np.array([0.01, 0.0, 0.0])
    expected = 10.0 * np.maximum(np.arange(60) - 15, 0).mean()
    assert measure_drift(longer, joints, 15) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("way", ["beside", "tripod"])
def test_camera_goes_beside_the_walker_who_stays_in_the_picture(way) -> None:
    character = load_character("humanoid")
    qpos = perform("walk", 2.0, character)
    assert len(qpos) == 60 and np.ptp(qpos[:, 0]) == pytest.approx(2.3, abs=0.3)
    demo = stage_carried(CarriedFilm("walk", way), qpos, character)
    seen = np.stack([camera.project(xyz) for camera, xyz in zip(demo.path, demo.xyz_w, strict=True)])
    assert (seen > 0).all() and (seen < demo.camera.image_size).all()
    places = np.stack([find_places(camera, 1)[0] for camera in demo.path])
    gone = np.linalg.norm(places[-1] - places[0])
    assert gone == pytest.approx(2.0, abs=0.6) if way == "beside" else gone == 0.0


def test_gaits_are_the_same_on_both_sides_half_a_cycle_later() -> None:
    hip, other = RUN.channels["right_hip"], RUN.channels["left_hip"]
    assert hip[0] == hip[-1] == other[6] and other[0] == hip[6]
    assert all(len(values) == len(plan.times) for plan in (RUN, DANCE) for values in plan.channels.values())


def test_unknown_film_is_one_line() -> None:
    with pytest.raises(InputError, match="no such film; there are walk-beside"):
        bench_camera(("nonsense",))
