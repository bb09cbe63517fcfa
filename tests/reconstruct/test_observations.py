"""The detector's habits in 3D are undone."""

from dataclasses import replace

import numpy as np
import pytest

from pose.errors import InputError
from pose.keypoints import Keypoints
from reconstruct.characters.character import load_character
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.lifting.detector_habits import ELBOWS_NEAR, ELBOWS_OUT, FEET_AWAY, STOOP, correct_depth_bias
from reconstruct.observations import (
    SEEN_AT,
    SHORT,
    landmark_points,
    observe,
    rotate_to_camera,
)
from reconstruct.rotations import from_rotvec, to_matrix
from sfv.demo.motions import load_demo_take

CHARACTER = load_character("humanoid")
NAMES = tuple(CHARACTER.landmarks)
AT = {name: index for index, name in enumerate(NAMES)}


def standing(yaw):
    """A body upright before the camera, turned by `yaw`: 0 faces it; camera axes, (1, J, 3)."""
    points = BodyPoints.of_sites(CHARACTER.model, tuple(CHARACTER.landmarks.values()))
    xyz_w = point_positions(CHARACTER.model, load_demo_take("jump", CHARACTER)[0][:1], points)
    turned = xyz_w @ to_matrix(from_rotvec(np.array([0.0, 0.0, yaw]))).T
    # World x towards the camera, y to its right, z up.
    return turned @ np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def trunk(xyz):
    return (xyz[:, [AT["left_shoulder"], AT["right_shoulder"]]] - xyz[:, [AT["left_hip"], AT["right_hip"]]]).mean(
        axis=1
    )[0]


@pytest.mark.parametrize(("yaw", "degrees"), [(0.0, STOOP[1]), (np.pi, STOOP[1]), (np.pi / 2, STOOP[0])])
def test_the_trunk_comes_up_as_much_as_the_view_asks(yaw, degrees):
    xyz = standing(yaw)
    before, after = trunk(xyz), trunk(correct_depth_bias(xyz, NAMES))
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert np.degrees(np.arccos(cosine)) == pytest.approx(degrees, abs=0.5)
    # Backwards: away from where the nose points.
    nose = (xyz[:, AT["nose"]] - 0.5 * (xyz[:, AT["left_ear"]] + xyz[:, AT["right_ear"]]))[0]
    assert (after - before) @ nose < 0


def test_ankles_and_feet_come_nearer_together():
    xyz = standing(1.0)
    moved = correct_depth_bias(xyz, NAMES) - xyz
    shin = np.linalg.norm(xyz[0, AT["left_ankle"]] - xyz[0, AT["left_knee"]])
    for part in ("ankle", "heel", "foot_index"):
        np.testing.assert_allclose(moved[0, AT[f"left_{part}"]], np.array([0.0, 0.0, -FEET_AWAY * shin]), atol=1e-12)
    np.testing.assert_array_equal(moved[0, [AT["left_knee"], AT["right_hip"]]], 0.0)


def test_the_head_goes_along_with_the_trunk():
    moved = correct_depth_bias(standing(0.3), NAMES) - standing(0.3)
    np.testing.assert_allclose(moved[0, AT["nose"]], moved[0, AT["right_shoulder"]])


@pytest.mark.parametrize("yaw", [0.0, np.pi / 2])
def test_elbows_go_away_from_the_camera_and_inwards_and_wrists_only_away(yaw):
    xyz = standing(yaw)
    moved = correct_depth_bias(xyz, NAMES) - xyz
    for side, outwards in (("left", np.sin(yaw)), ("right", -np.sin(yaw))):
        shoulder, elbow, wrist = (AT[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist"))
        length = np.linalg.norm(xyz[0, elbow] - xyz[0, shoulder])
        back = (moved[0, wrist] - moved[0, shoulder]) / length  # besides what the trunk does
        np.testing.assert_allclose(back[:2], 0.0, atol=1e-12)
        assert ELBOWS_NEAR[0] < back[2] <= ELBOWS_NEAR[1]
        inwards = (moved[0, elbow] - moved[0, wrist])[2] / length
        assert inwards == pytest.approx(-ELBOWS_OUT * outwards, abs=0.02)


def test_feet_are_seen_within_the_foot_on_either_side():
    sites = BodyPoints.of_sites(CHARACTER.model, tuple(CHARACTER.landmarks.values()))
    moved = landmark_points(CHARACTER, NAMES).local - sites.local
    forward, outwards, up = np.array(SEEN_AT["heel"]) / 1000.0 * CHARACTER.height / 1.75
    np.testing.assert_allclose(moved[AT["left_heel"]], np.array([forward, outwards, up]))
    np.testing.assert_allclose(moved[AT["right_heel"]], np.array([forward, -outwards, up]))
    np.testing.assert_array_equal(moved[AT["left_knee"]], 0.0)
    child = load_character("humanoid", 1.2)
    assert landmark_points(child, ("left_heel",)).local[0, 2] - BodyPoints.of_sites(
        child.model, (child.landmarks["left_heel"],)
    ).local[0, 2] == pytest.approx(up * 1.2 / CHARACTER.height)


def test_a_bone_shorter_than_usual_counts_less():
    """A thigh that the detector makes .6 as long in one frame: it wavers between two depths there."""
    names, frames = tuple(sorted(NAMES)), 20
    points = standing(0.5)[:, [NAMES.index(name) for name in names]]
    xyz = np.repeat(points, frames, axis=0)
    leg = [names.index(f"left_{part}") for part in ("hip", "knee", "ankle", "heel", "foot_index")]
    xyz[7, leg[1:]] -= 0.4 * (xyz[7, leg[1]] - xyz[7, leg[0]])
    keypoints = Keypoints(
        np.full((frames, len(names), 2), 300.0), xyz, np.ones((frames, len(names))), 30.0, names, (600, 600)
    )
    seen = observe(keypoints, CHARACTER, 600.0)
    thigh = [(seen.names[a], seen.names[b]) for a, b in seen.bones].index(("left_hip", "left_knee"))
    np.testing.assert_allclose(seen.bone_weight[7, thigh] / seen.bone_weight[6, thigh], 0.6**SHORT)
    others = np.arange(len(seen.bones)) != thigh
    np.testing.assert_allclose(seen.bone_weight[7, others], seen.bone_weight[6, others])


def seen_by_a_perfect_detector(frames: int = 12, **changes) -> Keypoints:
    """A body that stands in the middle of the picture."""
    xyz = np.repeat(standing(0.0), frames, axis=0)
    xy = 300.0 * xyz[..., :2] + np.array([320.0, 240.0])
    return replace(Keypoints(xy, xyz, np.full(xy.shape[:2], 0.9), 30.0, NAMES, (640, 480)), **changes)


def test_too_short_and_too_rarely_seen_clips_are_refused():
    with pytest.raises(InputError, match="5 frames are too short a motion; give a clip of at least 6"):
        observe(seen_by_a_perfect_detector(5), CHARACTER, 600.0)
    confidence = np.full((12, len(NAMES)), 0.9)
    confidence[3:] = 0.0
    with pytest.raises(InputError, match="seen in 25% of the frames; at least 30% are needed"):
        observe(seen_by_a_perfect_detector(confidence=confidence), CHARACTER, 600.0)


def test_keypoints_without_a_joint_that_is_needed_are_refused():
    columns = [column for column, name in enumerate(NAMES) if name != "left_ankle"]
    whole = seen_by_a_perfect_detector()
    part = replace(
        whole, xy=whole.xy[:, columns], xyz=whole.xyz[:, columns], confidence=whole.confidence[:, columns],
        names=tuple(NAMES[column] for column in columns),
    )  # fmt: skip
    with pytest.raises(InputError, match="lack left_ankle"):
        observe(part, CHARACTER, 600.0)


def test_bones_have_the_models_length_whatever_the_detectors():
    for scale in (1.0, 1.4):
        whole = seen_by_a_perfect_detector()
        found = observe(replace(whole, xyz=scale * whole.xyz), CHARACTER, 600.0)
        rest = point_positions(CHARACTER.model, np.array(CHARACTER.model.qpos0)[None], found.points)[0]
        expected = np.linalg.norm(rest[found.bones[:, 1]] - rest[found.bones[:, 0]], axis=-1)
        np.testing.assert_allclose(np.linalg.norm(found.bone_vectors_c, axis=-1), np.tile(expected, (12, 1)), atol=1e-9)


def test_some_of_the_frames_are_those_of_all():
    found = observe(seen_by_a_perfect_detector(), CHARACTER, 600.0)
    part = found.select(slice(3, 7))
    assert len(part.plane_px) == len(part.weight) == len(part.bone_weight) == len(part.detected) == 4
    np.testing.assert_array_equal(part.xyz_c, found.xyz_c[3:7])
    np.testing.assert_array_equal(part.bones, found.bones)


@pytest.mark.parametrize("place", [(0.0, 0.0), (250.0, 0.0), (-100.0, 200.0)])
def test_what_is_seen_as_if_straight_ahead_is_turned_to_where_it_is(place):
    """The detector's axis, z, becomes the ray through the person; lengths and angles stay."""
    focal, frames = 600.0, 3
    xyz = np.random.default_rng(0).normal(size=(frames, 5, 3))
    xyz[:, 0] = [0.0, 0.0, 1.0]
    plane = np.tile(np.array(place), (frames, 5, 1))
    turned = rotate_to_camera(xyz, plane, np.ones((frames, 5)), focal)
    ray = np.array([*place, focal]) / np.linalg.norm([*place, focal])
    np.testing.assert_allclose(turned[:, 0], np.tile(ray, (frames, 1)), atol=1e-9)
    np.testing.assert_allclose(turned @ np.swapaxes(turned, 1, 2), xyz @ np.swapaxes(xyz, 1, 2), atol=1e-9)
