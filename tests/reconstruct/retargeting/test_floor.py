"""Who lies on the ground in a file lies on it here: made-up motions with known answers."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from imitate.scene.scene import Scene, build_model
from imitate.tracking.feasibility import compute_unsupported_force
from reconstruct.formats.read_motion import load_motion
from reconstruct.formats.skeleton import FLESH, FLESH_OF_TRUNK, find_flesh
from reconstruct.formats.write_bvh import write_bvh
from reconstruct.kinematics import BodyPoints, com_positions, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.retargeting.floor import hold_down, lay_on_ground
from reconstruct.retargeting.grounding import measure_time_on_ground
from reconstruct.rotations import from_rotvec
from reconstruct.support import Support
from tests.samples import CHARACTER, standing

FRAMES = 20
SOLID = BodyPoints.of_geoms(CHARACTER.model)


def lowest(qpos: np.ndarray) -> np.ndarray:
    return (point_positions(CHARACTER.model, qpos, SOLID)[..., 2] - SOLID.radius).min(axis=1)


def lying(height: float = 0.0) -> ReferenceMotion:
    """The humanoid lies on its back, its lowest part that high, and raises its straight legs a little."""
    motion, model = standing(FRAMES), CHARACTER.model
    qpos = motion.qpos.copy()
    qpos[:, 3:7] = from_rotvec(np.array([0.0, -0.5 * np.pi, 0.0]))
    for side in ("left", "right"):
        hip = model.joint(f"{side}_hip").qposadr[0]
        raised = np.column_stack([np.zeros(FRAMES), -np.linspace(0.2, 0.5, FRAMES), np.zeros(FRAMES)])
        qpos[:, hip : hip + 4] = from_rotvec(raised)
    qpos[:, 2] += height - lowest(qpos)
    return replace(motion, qpos=qpos, contacts=np.zeros((FRAMES, 2), dtype=bool))


def unsupported(motion: ReferenceMotion) -> float:
    """Mean force that no contact gives [body weights]."""
    com = com_positions(CHARACTER.model, motion.qpos)
    return float(compute_unsupported_force(build_model(CHARACTER, Scene()), motion.qpos, com).mean())


def test_a_body_that_floats_is_laid_down_and_keeps_its_pose():
    floats = lying(0.09)
    assert unsupported(floats) > 0.9
    laid = lay_on_ground(floats, CHARACTER, np.ones(FRAMES, dtype=bool))
    assert np.abs(lowest(laid.qpos)).max() < 0.015
    assert unsupported(laid) < 0.02
    moved = np.zeros(CHARACTER.model.nv)
    for before, after in zip(floats.qpos, laid.qpos, strict=True):
        mujoco.mj_differentiatePos(CHARACTER.model, moved, 1.0, before, after)
        assert np.abs(moved[3:]).max() < 0.25
        assert np.abs(moved[:2]).max() < 0.03


def test_a_body_that_sinks_is_raised():
    laid = lay_on_ground(lying(-0.06), CHARACTER, np.ones(FRAMES, dtype=bool))
    assert np.abs(lowest(laid.qpos)).max() < 0.015


def test_nothing_changes_where_nobody_lies():
    motion, lies = standing(FRAMES), np.zeros(FRAMES, dtype=bool)
    lies[:2] = True  # for .07 s: too short
    assert lay_on_ground(motion, CHARACTER, lies) is motion


def test_times_on_the_ground_that_are_laid_are_those_that_are_reported():
    lies = np.arange(60) < 3
    assert measure_time_on_ground(lies, 30.0) == pytest.approx(0.1) and measure_time_on_ground(lies, 31.0) == 0.0


def test_what_lies_does_not_fly_and_rests_on_its_lowest_part_only_if_nothing_else_carries():
    contact, rolling = np.zeros((4, 2), dtype=bool), np.zeros((4, 3), dtype=bool)
    contact[1, 0], rolling[2, 1] = True, True
    flight = np.array([True, False, False, True])
    held = hold_down(Support(contact, flight, rolling), np.array([True, True, True, False]))
    np.testing.assert_array_equal(held.flight, [False, False, False, True])
    np.testing.assert_array_equal(held.lies, [True, False, False, False])


def test_flesh_goes_with_the_size_of_the_body():
    roles = {"left_hip": 0, "left_knee": 1, "left_elbow": 2}
    neutral = np.array([[0.0, 0.0, 0.9], [0.0, 0.0, 0.69], [0.3, 0.0, 1.0], [0.0, 0.0, 1.2]])  # a thigh of .21 m
    expected = 0.5 * np.array([FLESH_OF_TRUNK, FLESH["knee"], FLESH["elbow"], FLESH_OF_TRUNK])
    np.testing.assert_allclose(find_flesh(neutral, roles), expected)


@pytest.mark.parametrize("shift", [0.0, 0.4], ids=["as it lay", "in a file whose floor is elsewhere"])
def test_who_lies_in_a_file_lies_here(tmp_path, shift):
    motion = lying()
    motion.qpos[:, 2] += shift
    write_bvh(motion, CHARACTER, tmp_path / "lies.bvh")
    loaded = load_motion(tmp_path / "lies.bvh", CHARACTER)
    found = loaded.motion
    assert "on the ground for" in loaded.summary
    assert np.abs(lowest(found.qpos)).max() < 0.03
    assert unsupported(found) < 0.05
