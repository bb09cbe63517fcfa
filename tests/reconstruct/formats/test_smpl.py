"""AMASS archives without the body model: axes, rotations, and the bones that they turn."""

import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.smpl import JOINTS, PELVIS, mend_path_unit, rest_positions
from reconstruct.rotations import from_rotvec, to_matrix

NAMES = [name for name, _ in JOINTS]


def write(path, poses, trans=None):
    trans = np.zeros((len(poses), 3)) if trans is None else trans
    np.savez(path, poses=poses, trans=trans, mocap_framerate=120.0)
    return path


def test_the_rest_is_symmetric_with_the_arms_out():
    at = dict(zip(NAMES, rest_positions(), strict=True))  # x left, y up, z forward
    np.testing.assert_allclose(at["pelvis"], 0.0)
    for name in NAMES:
        mirrored = at[name.replace("left", "right")] * [-1.0, 1.0, 1.0]
        if "left" in name:
            np.testing.assert_allclose(at[name], mirrored, atol=2e-4, err_msg=name)
    arm = at["left_wrist"] - at["left_shoulder"]
    np.testing.assert_allclose(arm / np.linalg.norm(arm), [1, 0, 0], atol=0.07)
    assert at["head"][1] > at["neck"][1] > at["spine1"][1] > 0 > at["left_knee"][1] > at["left_ankle"][1]
    assert at["left_foot"][2] > at["left_ankle"][2] + 0.05


def test_rotations_turn_what_hangs_on_their_joint(tmp_path):
    poses = np.zeros((3, 156))
    poses[1, 3 * NAMES.index("left_knee")] = np.pi / 2  # about x, the left: the shin, down, swings backwards
    poses[2, :3] = [0.0, np.pi / 2, 0.0]  # the whole body about y, the vertical
    motion = open_motion(write(tmp_path / "a.npz", poses, np.full((3, 3), 2.0)))
    assert motion.fps == 120.0
    knee, ankle, toe = (motion.positions[:, NAMES.index(f"left_{part}")] for part in ("knee", "ankle", "foot"))
    rest = rest_positions()
    np.testing.assert_allclose(motion.positions[0], rest + 2.0, atol=1e-12)
    shin = rest[NAMES.index("left_ankle")] - rest[NAMES.index("left_knee")]
    np.testing.assert_allclose(ankle[1] - knee[1], [shin[0], -shin[2], shin[1]], atol=1e-12)
    assert toe[1, 1] < ankle[1, 1]  # its toes point down
    x, y, z = rest.T
    np.testing.assert_allclose(motion.positions[2], np.stack([z, y, -x], axis=1) + 2.0, atol=1e-12)


def test_other_archives_name_their_keys(tmp_path):
    np.savez(tmp_path / "a.npz", latents=np.zeros((2, 43)))
    (tmp_path / "b.npz").write_bytes(b"PK\x03\x04 cut off")
    np.savez(tmp_path / "c.npz", results=np.array({"a": 1}, dtype=object))
    for name, words in (("a", r"latents \(2, 43\)"), ("b", "damaged"), ("c", "Python objects.*results")):
        with pytest.raises(InputError, match=words) as error:
            open_motion(tmp_path / f"{name}.npz")
        assert "delete" not in str(error.value) and "\n" not in str(error.value)


def sample(frames=6):
    rng = np.random.default_rng(4)
    return rng.normal(0, 0.3, (frames, 22, 3)), rng.normal(0, 0.1, (frames, 3)).cumsum(axis=0)


@pytest.mark.parametrize(
    "layout",
    [
        "amass",
        "amass_x",
        "smpl_x",
        "gvhmr",
        "wham",
        "both_worlds",
        "aist",
        "matrices",
        "batch",
        "joints",
        "xyzw",
        "wxyz",
        "thetas",
        "flat_wxyz",
        "flat_xyzw",
        "root_wxyz",
        "root_xyzw",
        "flat_matrices",
    ],
)
def test_one_motion_under_the_keys_in_use(tmp_path, layout):
    angles, trans = sample()
    flat, rate = angles.reshape(len(angles), -1), {"fps": 50}
    turns = from_rotvec(angles)
    matrices, xyzw, padded = to_matrix(turns), turns[..., [1, 2, 3, 0]], np.pad(angles, ((0, 0), (0, 2), (0, 0)))
    arrays = {
        "amass": {"poses": np.pad(flat, ((0, 0), (0, 90))), "trans": trans, "mocap_framerate": 50.0},
        "amass_x": {"root_orient": flat[:, :3], "pose_body": flat[:, 3:], "trans": trans, "mocap_frame_rate": 50.0},
        "smpl_x": {"global_orient": flat[:, :3], "body_pose": flat[:, 3:], "transl": trans} | rate,
        "gvhmr": {
            "smpl_params_incam/global_orient": flat[:, :3] + 1.0,
            "smpl_params_global/global_orient": flat[:, :3],
            "smpl_params_global/body_pose": flat[:, 3:],
            "smpl_params_global/transl": trans,
            "fps": 50,
        },
        "wham": {
            "pose": np.pad(flat, ((0, 0), (0, 6))) + 1.0, "trans": trans + 4.0,
            "pose_world": np.pad(flat, ((0, 0), (0, 6))), "trans_world": trans,
        } | rate,
        "both_worlds": {
            "global_orient_world": angles[:, 0], "body_pose_world": angles[:, 1:], "transl_world": trans,
            "global_orient": angles[:, 0] + 1.0, "transl": trans + [0, 0, 4.0], "body_pose": angles[:, 1:],
        } | rate,
        "aist": {"smpl_poses": np.pad(flat, ((0, 0), (0, 6))), "smpl_trans": 93 * trans, "smpl_scaling": [93.0]} | rate,
        "matrices": {"global_orient": matrices[:, :1], "body_pose": matrices[:, 1:], "transl": trans} | rate,
        "batch": {"global_orient": angles[None, :, 0], "body_pose": angles[None, :, 1:], "transl": trans[None]} | rate,
        "joints": {"poses": angles, "trans": trans.T} | rate,
        "wxyz": {"poses": from_rotvec(angles), "trans": trans} | rate,
        "xyzw": {"poses": from_rotvec(angles)[..., [1, 2, 3, 0]], "trans": trans} | rate,
        "flat_wxyz": {"poses": from_rotvec(padded).reshape(6, 96), "trans": trans} | rate,
        "flat_xyzw": {"poses": from_rotvec(padded)[..., [1, 2, 3, 0]].reshape(6, 96), "trans": trans} | rate,
        "root_wxyz": {"root_orient": turns[:, 0], "pose_body": turns[:, 1:], "trans": trans} | rate,
        "root_xyzw": {"root_orient": xyzw[:, 0], "pose_body": xyzw[:, 1:].reshape(6, 84), "trans": trans} | rate,
        "flat_matrices": {"poses": matrices.reshape(6, 198), "trans": trans} | rate,
        "thetas": {"thetas": flat, "Th": trans} | rate,
    }[layout]  # fmt: skip
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez(tmp_path / "b.npz", poses=flat, trans=trans, fps=50)
    found, known = open_motion(tmp_path / "a.npz"), open_motion(tmp_path / "b.npz")
    ways = [motion.positions - motion.positions[:1, :1] for motion in (found, known)]  # the start is no part of AMASS
    np.testing.assert_allclose(ways[0], ways[1], atol=1e-9)
    assert found.fps == 50.0
    assert (found.up is not None) == layout.startswith("amass")  # AMASS alone defines an axis


def test_the_body_says_in_which_order_the_pelvis_has_its_quaternion(tmp_path):
    """Turned by nearly half a turn, w is the smallest number of the pelvis; the other joints' decide."""
    angles, trans = sample()
    angles[:, 0] = [3.0, 0.0, 0.2]
    turns = from_rotvec(angles)[..., [1, 2, 3, 0]]
    np.savez(tmp_path / "a.npz", root_orient=turns[:, 0], pose_body=turns[:, 1:], trans=trans, fps=50)
    np.savez(tmp_path / "b.npz", poses=angles.reshape(6, 66), trans=trans, fps=50)
    found, known = open_motion(tmp_path / "a.npz"), open_motion(tmp_path / "b.npz")
    np.testing.assert_allclose(found.positions, known.positions, atol=1e-9)  # pyright: ignore
    np.savez(tmp_path / "c.npz", root_orient=turns[:, 0], pose_body=angles[:, 1:], trans=trans, fps=50)
    said = open_motion(tmp_path / "c.npz").findings
    assert any("the pelvis alone has quaternions" in finding.text and finding.doubtful for finding in said)


@pytest.mark.parametrize("by_rows", [False, True])
def test_flat_6d_rotations_are_no_rotation_vectors(tmp_path, by_rows):
    angles, trans = sample()
    matrices = to_matrix(from_rotvec(np.pad(angles, ((0, 0), (0, 2), (0, 0)))))
    flat = (matrices[..., :2, :] if by_rows else matrices[..., :2]).reshape(6, 144)
    np.savez(tmp_path / "a.npz", poses=flat, trans=trans, fps=50)
    with pytest.raises(InputError, match=r"poses \(6, 144\); expected rotation vectors.*6D rotations"):
        open_motion(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(), (66,), (0, 66), (2, 22, 5), (2, 3, 3, 3, 3), (2, 0)])
def test_other_shapes_are_refused_by_name(tmp_path, shape):
    np.savez(tmp_path / "a.npz", poses=np.zeros(shape), trans=np.zeros((2, 3)), fps=50)
    with pytest.raises(InputError, match=r"poses .*expected") as error:
        open_motion(tmp_path / "a.npz")
    assert "Error" not in str(error.value)


def test_easymocaps_path_in_centimetres(tmp_path):
    """The pelvis's place on the body is in metres whatever the path's unit is."""
    angles, _ = sample(40)
    trans = np.linspace([0.0, 0.0, 0.9], [1.17, 0.0, 0.9], 40)
    for name, length in (("a", 1.0), ("b", 100.0)):
        arrays = {"Rh": angles[:, 0], "Th": trans * length, "poses": angles[:, 1:].reshape(40, 63)}
        np.savez(tmp_path / f"{name}.npz", **arrays, fps=30)
    found, known = open_motion(tmp_path / "b.npz"), open_motion(tmp_path / "a.npz")
    assert any("centimetres" in finding.text for finding in found.findings)
    np.testing.assert_allclose(found.positions, known.positions, atol=1e-9)  # pyright: ignore


def test_easymocap_turns_the_body_about_the_origin_of_the_model(tmp_path):
    angles, _ = sample(3)
    angles[:, 0] = [[0, 0, 0], [0, 0, np.pi], [np.pi, 0, 0]]
    poses = np.pad(angles.reshape(3, -1), ((0, 0), (0, 6)))
    poses[:, :3] = 0.0
    np.savez(tmp_path / "a.npz", Rh=angles[:, 0], Th=np.ones((3, 3)), poses=poses, fps=30)
    np.savez(tmp_path / "b.npz", Rh=angles[:, 0], Th=np.ones((3, 3)), poses=poses[:, 3:], fps=30)
    found = open_motion(tmp_path / "a.npz")
    x, y, z = PELVIS
    np.testing.assert_allclose(found.positions[:, 0], 1.0 + np.array([[x, y, z], [-x, -y, z], [x, -y, -z]]), atol=1e-12)
    np.testing.assert_allclose(open_motion(tmp_path / "b.npz").positions, found.positions, atol=1e-12)
    with pytest.raises(InputError, match="6D rotations"):
        np.savez(tmp_path / "c.npz", poses=np.zeros((3, 22, 6)), trans=np.ones((3, 3)))
        open_motion(tmp_path / "c.npz")


def test_a_path_in_centimetres_is_scaled():
    t = np.arange(90)[:, None] / 30
    walk = t * [1.3, 0.0, 0.0] + [0.0, 0.0, 0.93]
    same, nothing = mend_path_unit(walk, 30.0)
    assert same is walk and not nothing
    mended, said = mend_path_unit(100 * walk, 30.0)
    np.testing.assert_allclose(mended, walk)
    assert "centimetres" in said[0].text and said[0].doubtful
    np.testing.assert_allclose(mend_path_unit(1000 * walk, 30.0)[0], walk)


@pytest.mark.parametrize("columns", [66, 156, 165])
def test_smpl_smpl_h_and_smpl_x_share_their_body(tmp_path, columns):
    poses = np.random.default_rng(0).normal(0, 0.3, (4, columns))
    poses[:, :66] = np.random.default_rng(1).normal(0, 0.3, (4, 66))
    motion = open_motion(write(tmp_path / "a.npz", poses))
    again = open_motion(write(tmp_path / "b.npz", poses[:, :66]))
    np.testing.assert_array_equal(motion.positions, again.positions)


@pytest.mark.parametrize("axis", [0, 1])
def test_of_several_people_one_is_to_be_saved(tmp_path, monkeypatch, axis):
    angles, trans = sample(6)
    arrays = {"root_orient": angles[:, 0], "pose_body": angles[:, 1:].reshape(6, -1), "trans": trans}
    both = {key: np.stack([array] * 2, axis) for key, array in arrays.items()}
    np.savez(tmp_path / "a.npz", **both, betas=np.zeros(10))  # pyright: ignore
    with pytest.raises(InputError, match="2 people or motions of 6 frames; save one: python -c") as error:
        open_motion(tmp_path / "a.npz")
    monkeypatch.chdir(tmp_path)
    exec(str(error.value).partition('python -c "')[2].rstrip('"'), {})
    np.savez(tmp_path / "b.npz", **arrays)  # pyright: ignore
    one, other = (open_motion(tmp_path / name).positions for name in ("one.npz", "b.npz"))  # pyright: ignore
    np.testing.assert_allclose(one, other)
