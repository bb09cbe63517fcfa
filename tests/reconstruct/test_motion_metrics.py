"""Metrics of a motion by hand: contacts, slide, depth, height and turns of bodies that are put where they are."""

from dataclasses import replace

import numpy as np
import pytest

from pose.landmarks import LANDMARKS
from reconstruct.camera import View
from reconstruct.kinematics import GRAVITY, BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from reconstruct.motion_metrics import (
    SWAP_GAIN,
    MeasuredMotion,
    compute_motion_metrics,
    count_swapped_frames,
    gravity_ratios,
    part_of_points,
    reprojection_px,
)
from reconstruct.observations import Observations, landmark_points
from reconstruct.rotations import from_rotvec, multiply, rotate
from sfv.demo.motions import load_demo_motion
from tests.samples import CHARACTER, standing

MODEL, PARTS = CHARACTER.model, tuple(CHARACTER.contacts)
FEET = [name.endswith("foot") for name in PARTS]
CAMERA = View(0.0, 0.0, 1.0, 6.5).camera((640, 480))


def on_feet(frames: int = 12, **changes) -> ReferenceMotion:
    contacts = np.tile(FEET, (frames, 1))
    return replace(standing(frames), contacts=contacts, contact_names=PARTS, **changes)


def measure(motion: ReferenceMotion) -> dict[str, float]:
    return compute_motion_metrics(motion, CHARACTER)


def test_somebody_who_stands_is_perfect():
    found = measure(on_feet())
    for name in ("foot_slide_mm_per_frame", "acceleration_m_s2", "free_moment_nm", "leaning_share", "root_turns"):
        assert found[name] == pytest.approx(0.0, abs=1e-6), name
    assert found["contact_share"] == 1.0
    assert np.isnan(found["flight_gravity_ratio"]) and np.isnan(found["leaning_height"])
    assert found["zmp_outside_support_mm"] == pytest.approx(found["rest_com_outside_support_mm"], abs=1e-6)


def test_depth_and_height_are_how_far_the_body_is_moved():
    level = measure(on_feet())
    sunk, raised = on_feet(), on_feet()
    sunk.qpos[:, 2] -= 0.02
    raised.qpos[:, 2] += 0.015
    assert measure(sunk)["penetration_mm"] == pytest.approx(level["penetration_mm"] + 20.0, abs=0.5)
    assert measure(raised)["float_mm"] == pytest.approx(level["float_mm"] + 15.0, abs=0.5)
    assert measure(raised)["penetration_mm"] == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_slide_is_measured_in_a_thirtieth_of_a_second(fps):
    """0.3 m/s, feet flat on the ground, is 10 mm in 1/30 s at any frame rate."""
    motion = on_feet(fps=fps)
    motion.qpos[:, 0] += 0.3 * np.arange(len(motion)) / fps
    assert measure(motion)["foot_slide_mm_per_frame"] == pytest.approx(10.0, abs=1e-6)


@pytest.mark.parametrize("gravity", [GRAVITY, 0.5 * GRAVITY])
def test_flight_is_compared_with_free_fall(gravity):
    frames, fps = 20, 30.0
    motion = on_feet(frames, fps=fps)
    contacts = motion.contacts.copy()
    contacts[1:-1] = False
    t = np.arange(frames) / fps
    motion.qpos[:, 2] += 0.5 * gravity * t * (t[-1] - t)
    body = MeasuredMotion.of(replace(motion, contacts=contacts), CHARACTER)
    np.testing.assert_allclose(gravity_ratios(body), [gravity / GRAVITY], atol=1e-6)
    assert 0.8 < body.flight.mean() < 1.0


def test_turns_are_counted_whole():
    assert measure(load_demo_motion("backflip", CHARACTER))["root_turns"] == pytest.approx(1.0, abs=0.1)


def test_no_metric_depends_on_place_or_heading():
    motion = load_demo_motion("jump", CHARACTER)
    about, qpos = from_rotvec(np.array([0.0, 0.0, 2.0])), motion.qpos.copy()
    qpos[:, :3] = rotate(about, qpos[:, :3]) + [5.0, -2.0, 0.0]
    qpos[:, 3:7] = multiply(about, qpos[:, 3:7])
    here, there = measure(motion), measure(replace(motion, qpos=qpos))
    for name, value in here.items():
        assert there[name] == pytest.approx(value, rel=1e-4, abs=1e-4, nan_ok=True), name


def test_points_belong_to_their_parts():
    owner = part_of_points(CHARACTER)
    for part, sites in enumerate(CHARACTER.contacts.values()):
        assert (owner == part).sum() == len(sites)


def see(qpos: np.ndarray) -> Observations:
    """What a perfect detector sees of a motion through the camera."""
    names = tuple(name for name in LANDMARKS if name in CHARACTER.landmarks)
    points, count = landmark_points(CHARACTER, names), len(qpos)
    xyz = point_positions(MODEL, qpos, points)
    depth = CAMERA.to_camera(xyz)[..., 2].mean(axis=1)
    return Observations(
        points=points, names=names, plane_px=CAMERA.project(xyz) - CAMERA.principal_point_px,
        weight=np.ones((count, len(names))), xyz_c=xyz, bones=np.zeros((0, 2), int),
        bone_vectors_c=np.zeros((count, 0, 3)), bone_weight=np.zeros((count, 0)),
        px_per_metre=CAMERA.focal_px / depth, detected=np.ones(count, dtype=bool),
    )  # fmt: skip


def facing(frames: int = 6) -> np.ndarray:
    """Someone 4 m before the camera, seen from the front."""
    qpos = standing(frames).qpos.copy()
    qpos[:, 0] = 4.0
    qpos[:, 3:7] = from_rotvec(np.array([0.0, 0.0, np.pi]))
    return qpos


def test_reprojection_is_the_weighted_mean_distance():
    qpos = facing()
    seen = see(qpos)
    assert reprojection_px(qpos, CAMERA, CHARACTER, seen) == pytest.approx(0.0, abs=1e-9)
    shifted = seen.plane_px.copy()
    shifted[:, 0] += [3.0, 4.0]  # one landmark of all is 5 px off, and counts three times as much
    weight = seen.weight.copy()
    weight[:, 0] = 3.0
    found = reprojection_px(qpos, CAMERA, CHARACTER, replace(seen, plane_px=shifted, weight=weight))
    assert found == pytest.approx(5.0 * 3.0 / (len(seen.names) + 2.0))


def test_frames_with_exchanged_sides_are_counted():
    qpos = facing()
    seen = see(qpos)
    assert count_swapped_frames(qpos, CAMERA, CHARACTER, seen) == 0
    swap = {"left": "right", "right": "left"}
    other = [seen.names.index("_".join(swap.get(word, word) for word in name.split("_"))) for name in seen.names]
    plane = seen.plane_px.copy()
    plane[2:5] = plane[2:5, other]
    assert count_swapped_frames(qpos, CAMERA, CHARACTER, replace(seen, plane_px=plane)) == 3
    # From the side both fit alike: the gain is below the threshold, nothing is counted.
    side = qpos.copy()
    side[:, 3:7] = from_rotvec(np.array([0.0, 0.0, np.pi / 2]))
    exchanged = see(side)
    near = np.abs(exchanged.plane_px - exchanged.plane_px[:, other]).max() / exchanged.px_per_metre.min()
    assert near < 0.2 and SWAP_GAIN < 0.2
    assert count_swapped_frames(side, CAMERA, CHARACTER, exchanged) == 0


def test_points_on_the_skin_and_masses_are_those_of_the_model():
    body = MeasuredMotion.of(on_feet(4), CHARACTER)
    solid = BodyPoints.of_geoms(MODEL)
    heights = point_positions(MODEL, on_feet(4).qpos, solid)[..., 2] - solid.radius
    np.testing.assert_allclose(body.surface, heights, atol=1e-9)
