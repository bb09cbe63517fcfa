"""AMASS archives without the body model: axes, rotations, and the bones that they turn."""

import numpy as np
import pytest

from reconstruct.formats.amass import JOINTS, is_amass, read_amass, rest_positions

NAMES = [name for name, _ in JOINTS]


def write(path, poses, trans=None):
    trans = np.zeros((len(poses), 3)) if trans is None else trans
    np.savez(path, poses=poses, trans=trans, mocap_framerate=120.0)
    return path


def test_the_rest_is_a_symmetric_t_pose():
    at = dict(zip(NAMES, rest_positions(), strict=True))  # x left, y up, z forward
    np.testing.assert_allclose(at["pelvis"], 0.0)
    for name in NAMES:
        mirrored = at[name.replace("left", "right")] * [-1.0, 1.0, 1.0]
        if "left" in name:
            np.testing.assert_allclose(at[name], mirrored, atol=2e-4, err_msg=name)
    arm = at["left_wrist"] - at["left_shoulder"]
    np.testing.assert_allclose(arm / np.linalg.norm(arm), [1, 0, 0], atol=1e-9)
    assert at["head"][1] > at["neck"][1] > at["spine1"][1] > 0 > at["left_knee"][1] > at["left_ankle"][1]
    assert at["left_foot"][2] > at["left_ankle"][2] + 0.05


def test_rotations_turn_what_hangs_on_their_joint(tmp_path):
    poses = np.zeros((3, 156))
    poses[1, 3 * NAMES.index("left_knee")] = np.pi / 2  # about x, the left: the shin, down, swings backwards
    poses[2, :3] = [0.0, np.pi / 2, 0.0]  # the whole body about y, the vertical
    motion = read_amass(write(tmp_path / "a.npz", poses, np.full((3, 3), 2.0)))
    assert motion.fps == 120.0 and is_amass(tmp_path / "a.npz")
    knee, ankle, toe = (motion.positions[:, NAMES.index(f"left_{part}")] for part in ("knee", "ankle", "foot"))
    rest = rest_positions()
    np.testing.assert_allclose(motion.positions[0], rest + 2.0, atol=1e-12)
    shin = rest[NAMES.index("left_ankle")] - rest[NAMES.index("left_knee")]
    np.testing.assert_allclose(ankle[1] - knee[1], [shin[0], -shin[2], shin[1]], atol=1e-12)
    assert toe[1, 1] < ankle[1, 1]  # its toes point down
    x, y, z = rest.T
    np.testing.assert_allclose(motion.positions[2], np.stack([z, y, -x], axis=1) + 2.0, atol=1e-12)


def test_other_archives_are_not_taken_for_amass(tmp_path):
    np.savez(tmp_path / "a.npz", qpos=np.zeros((2, 43)))
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 cut off")
    assert not is_amass(tmp_path / "a.npz") and not is_amass(tmp_path / "b.npz")
    assert not is_amass(tmp_path / "missing.npz")


@pytest.mark.parametrize("columns", [66, 156, 165])
def test_smpl_smpl_h_and_smpl_x_share_their_body(tmp_path, columns):
    poses = np.random.default_rng(0).normal(0, 0.3, (4, columns))
    poses[:, :66] = np.random.default_rng(1).normal(0, 0.3, (4, 66))
    motion = read_amass(write(tmp_path / "a.npz", poses))
    again = read_amass(write(tmp_path / "b.npz", poses[:, :66]))
    np.testing.assert_array_equal(motion.positions, again.positions)
