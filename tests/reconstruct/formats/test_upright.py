"""Which way is up where the body lies: formats without a definition, rest poses of another axis, ground elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from reconstruct.characters.character import load_character
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.skeleton import to_character
from reconstruct.formats.smpl import JOINTS
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
    places = turn.apply(trans) + shift
    np.savez(path, **dict(zip(keys, (root, angles[:, 1:].reshape(len(angles), -1), places), strict=True)), fps=30)  # pyright: ignore
    return path


@pytest.mark.parametrize("up", ["y", "z"])
def test_who_lies_in_a_format_without_an_up_axis_stays_lying(tmp_path, lying, up):
    at, said = body_of(write_global(tmp_path / "a.npz", lying, TURNS[up]))
    assert f"+{up} up, the body lies on it; --up overrules" in said
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
