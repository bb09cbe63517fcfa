"""Which way is up where the body lies: formats without a definition, rest poses of another axis, ground elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from reconstruct.characters.character import load_character
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.skeleton import to_character
from reconstruct.formats.smpl import JOINTS, PELVIS, rest_positions
from reconstruct.formats.write_amass import write_amass
from reconstruct.rotations import multiply, to_scipy
from sfv.bench.transformations import TRANSFORMATIONS
from sfv.demo.motions import load_demo_motion
from tests.small_skeleton import body_of, bvh, open_skeleton, place

TURNS = {"z": Rotation.identity(), "y": Rotation.from_euler("x", -90, degrees=True)}
"""Up axis -> from z up to it."""


@pytest.fixture(scope="module")
def lying(tmp_path_factory):
    """A walk on the back, as SMPL's angles (T, 22, 3) and path, z up."""
    humanoid = load_character("humanoid")
    lie = next(how for how in TRANSFORMATIONS if how.name == "lying").change
    path = tmp_path_factory.mktemp("lying") / "a.npz"
    write_amass(lie(load_demo_motion("walk", humanoid)), humanoid, path)
    motion = open_skeleton(path)
    local = motion.rotations.copy()
    for joint, (_, parent) in enumerate(JOINTS):
        if parent >= 0:
            inverse = motion.rotations[:, parent] * [1, -1, -1, -1]
            local[:, joint] = multiply(inverse, motion.rotations[:, joint])
    angles = np.stack([to_scipy(local[:, j]).as_rotvec() for j in range(len(JOINTS))], axis=1)
    return angles, motion.positions[:, 0]


def write_global(path, lying, turn, keys=("global_orient", "body_pose", "transl"), shift=(0, 0, 0)):
    angles, trans = lying
    root = (turn * Rotation.from_rotvec(angles[:, 0])).as_rotvec()
    places = turn.apply(trans) + shift - np.array(PELVIS)  # SMPL's path is of the model's origin
    np.savez(path, **dict(zip(keys, (root, angles[:, 1:].reshape(len(angles), -1), places), strict=True)), fps=30)  # pyright: ignore
    return path


@pytest.mark.parametrize("up", ["y", "z"])
def test_who_lies_in_a_format_without_an_up_axis_stays_lying(tmp_path, lying, up):
    at, said = body_of(write_global(tmp_path / "a.npz", lying, TURNS[up]))
    assert f"+{up} up, " in said and "the body lies on" in said
    assert np.ptp([at[name][:, 2].mean() for name in ("nose", "left_hip", "left_shoulder", "right_ankle")]) < 0.3


@pytest.mark.parametrize("up", ["y", "z"])
def test_who_lies_nowhere_is_doubtful(tmp_path, lying, up):
    """Far from any ground at 0 a body that lies and one that stands look alike: a guess, and called one."""
    path = write_global(tmp_path / "a.npz", lying, TURNS[up], shift=(5, 5, 5))
    _, _, findings = to_character(open_skeleton(path), path)
    assert any(found.topic == "up" and found.doubtful for found in findings)


def test_a_rest_pose_with_y_up_gives_way_to_a_ground_along_z(tmp_path):
    """As SMPL's angles from z up end in a BVH: the body lies on its back on z = 0."""
    lies = {"Hips": np.tile([-90, 0, 0], (40, 1))}
    thigh = np.zeros((40, 3))
    thigh[:, 1] = -20 - 15 * np.sin(np.arange(40) / 4)
    path = np.stack([np.full(40, 60.0), np.full(40, -40.0), np.full(40, 10.0)], axis=1)
    at, said = body_of(place(tmp_path / "a.bvh", bvh(path, angles=lies | {"LeftUpLeg": thigh})))
    assert "+z up, for the body lies on a ground there, against +y as in the rest pose" in said
    assert abs(at["nose"][0, 2] - at["left_hip"][0, 2]) < 0.25


def test_amass_is_z_up_and_a_ground_elsewhere_is_said(tmp_path, lying):
    angles, trans = lying
    turn = TURNS["y"]
    angles = angles.copy()
    angles[:, 0] = (turn * Rotation.from_rotvec(angles[:, 0])).as_rotvec()
    poses = np.zeros((len(angles), 156))
    poses[:, :66] = angles.reshape(len(angles), 66)
    np.savez(tmp_path / "a.npz", poses=poses, trans=turn.apply(trans), mocap_framerate=30.0)
    _, said = body_of(tmp_path / "a.npz")
    assert "+z up, as the format has it, though the body lies on a ground along +y: --up y overrules" in said
    at, _ = body_of(tmp_path / "a.npz", MotionFileConfig(up="y"))
    assert abs(at["nose"][0, 2] - at["left_hip"][0, 2]) < 0.3


def test_a_flip_with_z_up_on_a_rest_pose_with_y_up(tmp_path):
    """Who flips stands in less than half of the frames; the ground says the rest."""
    humanoid = load_character("humanoid")
    flip = load_demo_motion("backflip", humanoid)
    write_amass(replace(flip, loop=False), humanoid, tmp_path / "a.npz")
    poses = dict(np.load(tmp_path / "a.npz"))
    turn = TURNS["y"]
    poses["poses"][:, :3] = (turn * Rotation.from_rotvec(poses["poses"][:, :3])).as_rotvec()
    poses["trans"] = turn.apply(poses["trans"])
    np.savez(tmp_path / "b.npz", **poses)
    at, said = body_of(tmp_path / "b.npz")
    assert "+y up, as it stands, against +z as the format has it; --up overrules" in said
    true, _ = body_of(tmp_path / "a.npz")
    np.testing.assert_allclose(at["nose"][:, 2], true["nose"][:, 2], atol=1e-6)


@pytest.mark.parametrize("height", [0.0, 0.75])
def test_who_lies_stretched_out_is_not_stood_up(tmp_path, lying, height):
    """Trunk and legs in one line: along it the body would stand all the time, but below the ground, or nowhere."""
    angles, _ = lying
    flat = np.zeros_like(angles)
    flat[:, 0] = [0.0, 0.0, np.pi]  # on the back, in the file along z
    flat[:, 1, 0] = 0.1 * np.sin(np.arange(len(flat)) / 5)
    places = np.tile([0.0, 0.0, 0.15 + height], (len(flat), 1))
    at, said = body_of(write_global(tmp_path / "a.npz", (flat, places), TURNS["y"]))
    assert "+y up, by custom: the body lies" in said
    assert np.ptp([at[name][:, 2].mean() for name in ("left_hip", "left_shoulder", "left_knee")]) < 0.25


def test_who_lies_for_long_and_then_gets_up_has_not_stood_before(tmp_path):
    """Three quarters of the frames lie along -z, where the body then rises by its own length."""
    local = np.zeros((80, 22, 3))
    local[:, 0, 0] = -np.pi / 2 * np.clip((75 - np.arange(80)) / 15, 0.0, 1.0)
    height = 0.15 + 0.8 * np.clip((np.arange(80) - 60) / 15, 0.0, 1.0)
    pelvis = np.stack([np.zeros(80), height, np.zeros(80)], axis=1)
    path = tmp_path / "a.npz"
    np.savez(path, pose_world=local.reshape(80, 66), trans_world=pelvis - PELVIS, fps=30)
    at, said = body_of(path)
    assert "+y up, as it stands in" in said
    assert at["nose"][-1, 2] > at["left_hip"][-1, 2] + 0.4 and abs(at["nose"][0, 2] - at["left_hip"][0, 2]) < 0.3


def test_a_camera_has_y_down(tmp_path):
    """Who crawls away from a camera stands nowhere; the keys say whose axes they are."""
    local = np.zeros((60, 22, 3))
    local[:, 0, 0] = np.pi + 1.4
    for hip in (1, 2):
        local[:, hip, 0] = -1.4
        local[:, hip + 3, 0] = 1.4
    path = np.stack([np.zeros(60), np.full(60, 1.0), 5.0 + 0.02 * np.arange(60)], axis=1)
    np.savez(tmp_path / "a.npz", global_orient=local[:, :1], body_pose=local[:, 1:], pred_cam_t=path, fps=30)
    _, said = body_of(tmp_path / "a.npz")
    assert "-y up, by custom" in said


def test_push_ups_with_their_path_counted_from_the_first_frame(tmp_path):
    """Nothing is on a ground at 0, and the body stands straight along z: hands and toes say that it does not."""
    t = np.arange(60) / 30
    angles, path = np.zeros((60, len(JOINTS), 3)), np.zeros((60, 3))
    angles[:, 0, 0] = np.pi / 2 - 0.1  # face down, y up
    for name, sign in (("left_shoulder", -1.0), ("right_shoulder", 1.0)):
        angles[:, [joint for joint, _ in JOINTS].index(name), 1] = sign * (1.4 - 0.2 * np.sin(4 * t))
    path[:, 1] = 0.05 * np.sin(4 * t)
    file = write_global(tmp_path / "a.npz", (angles, path), Rotation.identity())
    at, said = body_of(file)
    assert "+y up, by custom: the body is on its hands and knees or feet" in said
    assert (at["left_shoulder"][:, 2] - at["left_ankle"][:, 2]).max() < 0.5


def test_who_sits_and_faces_down_the_axis_of_the_custom_is_not_on_all_fours(tmp_path):
    """On a chair, z up, about the pelvis, facing -y: along y hands are as low as knees, and the trunk above both."""
    at = dict(zip((name for name, _ in JOINTS), rest_positions() - rest_positions()[0], strict=True))
    for side in ("left", "right"):
        hip, knee, ankle, foot = (at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle", "foot"))
        at[f"{side}_knee"] = hip + [0.0, 0.0, np.linalg.norm(knee - hip)]
        at[f"{side}_ankle"] = at[f"{side}_knee"] - [0.0, np.linalg.norm(ankle - knee), 0.0]
        at[f"{side}_foot"] = at[f"{side}_ankle"] + foot - ankle
        at[f"{side}_elbow"] = at[f"{side}_shoulder"] + [0.0, -0.22, 0.12]
        at[f"{side}_wrist"] = at[f"{side}_elbow"] + [0.0, -0.05, 0.25]
    sits = np.tile([at[name] for name, _ in JOINTS], (40, 1, 1)) @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T
    np.save(tmp_path / "a.npy", sits + 0.01 * np.sin(np.arange(40))[:, None, None])
    _, said = body_of(tmp_path / "a.npy")
    assert "+z up" in said
