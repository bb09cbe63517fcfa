"""Places of joints as motions: rotations that are fitted to them, and the layouts in use."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.formats.joint_positions import COCO, HUMAN36M, kabsch, recover_humanml3d, shortest_rotation
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.skeleton import to_character
from reconstruct.formats.skeleton_motion import pose_skeleton
from reconstruct.formats.smpl import rest_positions
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.rotations import from_rotvec
from tests.skeletons import NAMES, PARENTS, swinging
from tests.small_skeleton import open_skeleton


def places(frames=40):
    """SMPL's joints of someone who stands on one leg, y up [m], (T, 22, 3)."""
    turn, root = swinging(frames)
    rest = rest_positions()
    offsets = rest - np.where(np.array(PARENTS)[:, None] < 0, 0.0, rest[PARENTS])
    return pose_skeleton(tuple(NAMES), tuple(PARENTS), offsets, from_rotvec(turn), root, 20.0).positions


def landmarks(path):
    body, motion, findings = to_character(open_skeleton(path), path)
    points = BodyPoints.of_sites(body.model, tuple(body.landmarks))
    at = dict(zip(body.landmarks, np.moveaxis(point_positions(body.model, motion.qpos, points), 1, 0), strict=True))
    return at, "; ".join(finding.text for finding in findings)


@pytest.mark.parametrize("layout", ["22", "24", "flat", "batch", "mdm", "npz"])
def test_joints_come_out_where_they_are(tmp_path, layout):
    known = places()
    array = {
        "22": known, "24": np.concatenate([known, known[:, -2:]], axis=1), "flat": known.reshape(len(known), -1),
        "batch": known[None], "mdm": known.transpose(1, 2, 0), "npz": known,
    }[layout]  # fmt: skip
    path = tmp_path / ("a.npz" if layout == "npz" else "a.npy")
    if layout == "npz":
        np.savez(path, motion=array, fps=20)
    else:
        np.save(path, array)
    at, said = landmarks(path)
    assert "+y up" in said and ("no frame rate in the file" in said) == (layout != "npz")
    shift = known[0, 0] * [0, 1, 0] - known[0, 0]
    for name in ("left_hip", "right_knee", "left_ankle", "right_elbow", "left_wrist", "right_shoulder"):
        true = (known[:, NAMES.index(name)] + shift)[:, [2, 0, 1]]
        np.testing.assert_allclose(at[name], true, atol=2e-3, err_msg=name)


def test_humanml3d_features_give_the_joints_back():
    """Features of a walk that turns, made as the data set's own code makes them."""
    known = places()
    yaw = 0.02 * np.arange(len(known))
    path = np.stack([0.03 * np.arange(len(known)), np.zeros(len(known)), 0.02 * np.arange(len(known)) ** 1.2], axis=1)
    turn = Rotation.from_euler("y", -2 * yaw[:, None]).as_matrix().reshape(-1, 3, 3)
    local = known - known[:, :1] * [1, 0, 1]
    true = np.einsum("tij,tkj->tki", turn, local) + path[:, None]
    features = np.zeros((len(known), 263))
    features[:-1, 0] = np.diff(yaw)
    step = np.einsum("tji,tj->ti", turn[1:], np.diff(path, axis=0))
    features[:-1, 1:3] = step[:, [0, 2]]
    features[:, 3] = known[:, 0, 1]
    features[:, 4:67] = local[:, 1:].reshape(len(known), -1)
    np.testing.assert_allclose(recover_humanml3d(features), true, atol=1e-9)


@pytest.mark.parametrize("layout", ["Human3.6M", "COCO"])
def test_17_joints_of_either_layout(tmp_path, layout):
    known = places()
    at = dict(zip(NAMES, np.moveaxis(known, 1, 0), strict=True))
    head = at["head"] + [0.0, 0.1, 0.0]
    at |= {"spine": at["spine2"], "chest": at["neck"], "nose": head}
    at |= {f"{side}_{part}": head + [x, 0.0, 0.0] for side, x in (("left", 0.07), ("right", -0.07))
           for part in ("eye", "ear")}  # fmt: skip
    names = HUMAN36M if layout == "Human3.6M" else COCO
    rng = np.random.default_rng(0)
    np.save(tmp_path / "a.npy", np.stack([at[name] for name in names], axis=1) + rng.normal(0, 0.003, (40, 17, 3)))
    found, said = landmarks(tmp_path / "a.npy")
    assert f"in the order of {layout}" in said
    assert ("no toes" in said) and (found["nose"][:, 2] > found["left_shoulder"][:, 2]).all()
    bend = found["left_knee"] - found["left_hip"]
    true = (at["left_knee"] - at["left_hip"])[:, [2, 0, 1]]
    np.testing.assert_allclose(bend, true, atol=0.02)


def test_rotations_between_vectors():
    rng = np.random.default_rng(1)
    true = Rotation.from_rotvec(rng.normal(size=(20, 3))).as_matrix()
    before = rng.normal(size=(4, 3))
    np.testing.assert_allclose(kabsch(before, np.einsum("tij,nj->tni", true, before)), true, atol=1e-12)
    a, b = rng.normal(size=(2, 20, 3))
    b[0] = -a[0]
    turn = shortest_rotation(a, b)
    np.testing.assert_allclose(np.linalg.det(turn), 1.0)
    turned = np.einsum("tij,tj->ti", turn, a / np.linalg.norm(a, axis=1, keepdims=True))
    np.testing.assert_allclose(turned, b / np.linalg.norm(b, axis=1, keepdims=True), atol=1e-9)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((5, 21, 3)), "expected places"), (np.zeros((5, 25, 3)), "perhaps Kinect's or BODY_25's"),
        (np.zeros((1, 22, 3)), "expected places"),
        (np.full((5, 22, 3), np.nan), "NaN"), (np.array([{"a": 1}], dtype=object), "Python objects"),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=words):
        open_motion(tmp_path / "a.npy")
