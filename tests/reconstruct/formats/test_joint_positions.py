"""Places of joints as motions: rotations that are fitted to them, and the layouts in use."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.formats.joint_layouts import LAYOUTS
from reconstruct.formats.joint_positions import kabsch, recover_humanml3d, shortest_rotation
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


def in_order(layout, count, noise=0.003):
    """The known places in a layout's order, as a detector in space has them, and the known places by name."""
    known = places()
    at = dict(zip(NAMES, np.moveaxis(known, 1, 0), strict=True))
    head = at["head"] + [0.0, 0.1, 0.0]
    at |= {"spine": at["spine2"], "chest": at["neck"], "nose": head}
    for side, x in (("left", 0.07), ("right", -0.07)):
        at |= {f"{side}_eye": head + [x, 0, 0], f"{side}_ear": head + [x, 0, 0], f"{side}_toe": at[f"{side}_foot"]}
    rng = np.random.default_rng(0)
    array = rng.normal(0, 0.05, (len(known), count, 3)) + known[:, :1]
    for i, name in enumerate(layout.joints):
        if name:
            array[:, i] = at[name] + rng.normal(0, noise, (len(known), 3))
    return array * (1.0 if layout.up == "y" else [1.0, -1.0, -1.0]), at


@pytest.mark.parametrize(
    ("count", "layout"),
    [(count, own) for count, known in LAYOUTS.items() for own in known],
    ids=lambda own: str(own)[:9],
)
def test_joints_in_every_layout(tmp_path, count, layout):
    array, at = in_order(layout, count)
    np.save(tmp_path / "a.npy", array)
    found, said = landmarks(tmp_path / "a.npy")
    assert f"{count} joints in the order of {layout.name}" in said
    assert ("no toes" in said) == ("left_toe" not in layout.joints)
    assert (found["nose"][:, 2] > found["left_shoulder"][:, 2]).all()
    ahead = 1.0 if layout.up == "y" else -1.0  # turned about x, the body faces the other way
    for side, x in (("left", ahead), ("right", -ahead)):
        assert (x * found[f"{side}_hip"][:, 1] > 0).all()
        bend = found[f"{side}_knee"] - found[f"{side}_hip"]
        true = (at[f"{side}_knee"] - at[f"{side}_hip"])[:, [2, 0, 1]] * [ahead, ahead, 1]
        np.testing.assert_allclose(bend, true, atol=0.03)


def test_fourth_numbers_are_scores(tmp_path):
    """MediaPipe's visibility: what is not seen is a gap."""
    array, _ = in_order(LAYOUTS[33][0], 33)
    scores = np.full((*array.shape[:2], 1), 0.9)
    scores[10:13, 25], holed = 0.0, array.copy()
    holed[10:13, 25] = 99.0
    np.save(tmp_path / "a.npy", array)
    np.save(tmp_path / "b.npy", np.concatenate([holed, scores], axis=2))
    whole, found = (open_skeleton(tmp_path / name) for name in ("a.npy", "b.npy"))
    np.testing.assert_allclose(found.positions, whole.positions, atol=0.03)
    assert any("NaN, infinity or nothing in 3 frames" in said.text for said in found.findings)


def test_a_pictures_points_are_no_places(tmp_path):
    """x, y and a score, and MediaPipe's shares of the picture: they belong to --keypoints."""
    array, _ = in_order(LAYOUTS[17][1], 17)
    picture = np.concatenate([array[..., :2] * 300 + 500, np.full((len(array), 17, 1), 0.8)], axis=2)
    shares, _ = in_order(LAYOUTS[33][0], 33)
    for name, points in (("a.npy", picture), ("b.npy", shares * 0.3 + [0.5, 0.5, 0.0])):
        np.save(tmp_path / name, points)
        with pytest.raises(InputError, match=rf"{name}: points of a picture .* --keypoints"):
            open_motion(tmp_path / name)


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
        (np.zeros((5, 13, 3)), "expected places"), (np.full((5, 22, 4), 0.5), "expected places"),
        (np.zeros((1, 22, 3)), "expected places"),
        (np.zeros((3, 5, 22, 3)), r"3 motions or people in one array .*np.load\('a.npy'\)\[0\]"),
        (np.zeros((5, 3, 22, 3)), r"3 motions or people in one array .*np.load\('a.npy'\)\[:, 0\]"),
        (np.full((5, 22, 3), np.nan), "NaN"), (np.array([{"a": 1}], dtype=object), "Python objects"),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(tmp_path, array, words):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=words):
        open_motion(tmp_path / "a.npy")


def test_gaps_in_features_are_filled_before_they_are_summed_up(tmp_path):
    """A straight walk of HumanML3D's, one row of which is missing."""
    features = np.zeros((60, 263))
    features[:, 2], features[:, 3] = 0.03, 0.9
    features[:, 4:67] = (places(1)[0, 1:] - places(1)[0, 0] + [0.0, 0.9, 0.0]).ravel()
    for row in (20, 35):
        holed = features.copy()
        holed[row] = np.nan
        np.save(tmp_path / "a.npy", holed)
        found = open_skeleton(tmp_path / "a.npy")
        np.testing.assert_allclose(found.positions[:, 0], recover_humanml3d(features)[:, 0], atol=1e-9)
        assert any(f"in frame {row}: interpolated" in said.text for said in found.findings)


def test_joints_that_are_not_needed_may_be_unseen(tmp_path):
    """BODY_25's ears, its feet, all fingers of 52; not the knees."""
    array, _ = in_order(LAYOUTS[25][0], 25)
    whole = np.concatenate([array, np.ones((*array.shape[:2], 1))], axis=2)
    for lost, words in (((17, 18), "right_ear, left_ear: not seen"), ((19, 22), "left_toe, right_toe: not seen")):
        holed = whole.copy()
        holed[:, lost, 3] = 0.0
        np.save(tmp_path / "a.npy", holed)
        found = open_skeleton(tmp_path / "a.npy")
        assert any(words in said.text for said in found.findings)
        assert ("left_toe" in found.names) and np.isfinite(found.positions).all()
    whole[:, 10, 3] = 0.0
    np.save(tmp_path / "a.npy", whole)
    with pytest.raises(InputError, match="100% of the frames"):
        open_skeleton(tmp_path / "a.npy")
    fingers = np.concatenate([places(), np.full((40, 30, 3), np.nan)], axis=1)
    np.save(tmp_path / "b.npy", fingers)
    assert not any("NaN" in said.text for said in open_skeleton(tmp_path / "b.npy").findings)


def test_a_body_in_metres_beside_the_origin_is_no_picture(tmp_path):
    array, _ = in_order(LAYOUTS[33][0], 33)
    np.save(tmp_path / "a.npy", array[..., [2, 0, 1]] * [1, -1, -1] + [1.0, 1.0, 1.0])
    assert len(open_skeleton(tmp_path / "a.npy").positions) == len(array)


def test_a_joint_that_is_not_seen_from_the_first_frame_on_stays_out(tmp_path):
    known = places() + [0.3, 0.2, 0.0]
    holed, wrist = known.copy(), NAMES.index("left_wrist")
    holed[:6, wrist] = 0.0
    for name, array in (("a.npy", known), ("b.npy", holed)):
        np.save(tmp_path / name, array)
    whole, found = (open_skeleton(tmp_path / name) for name in ("a.npy", "b.npy"))
    assert any("in 6 frames from 0 on" in said.text for said in found.findings)
    np.testing.assert_allclose(found.positions[:, wrist], whole.positions[:, wrist], atol=0.1)


def test_of_several_arrays_the_bodys_is_taken(tmp_path):
    """Landmarks of a hand and rotations lie before it; a hand alone is no person."""
    rng, known = np.random.default_rng(0), places()
    hand = np.tile(0.05 * rng.normal(size=(21, 3)) + [0.0, 1.0, 0.0], (40, 1, 1)) + np.linspace(0, 1, 40)[:, None, None]
    turns = np.tile([0.0, 0.0, 0.0, 1.0], (40, 17, 1))
    np.savez(tmp_path / "a.npz", left_hand=hand, rot=turns, joints=known, fps=20)
    np.save(tmp_path / "a.npy", known)
    whole, found = (open_skeleton(tmp_path / name) for name in ("a.npy", "a.npz"))
    np.testing.assert_allclose(found.positions, whole.positions)
    np.savez(tmp_path / "b.npz", rot=turns, pos=in_order(LAYOUTS[17][1], 17)[0], fps=20)
    assert any("COCO" in said.text for said in open_skeleton(tmp_path / "b.npz").findings)
    np.save(tmp_path / "c.npy", hand)
    with pytest.raises(
        InputError, match="21 points, in no known order of a person's joints: in KIT-ML's the bone from"
    ):
        open_skeleton(tmp_path / "c.npy")


def test_names_beside_the_places_say_the_order(tmp_path):
    """In any order, with a point more, as SMPL's; names that no limb has say nothing."""
    titles = [f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "shoulder", "elbow")]
    titles += ["left_wrist", "right_wrist", "left_foot", "right_foot", "head"]
    known = places()[:, [NAMES.index(name) for name in titles]]

    def write(name, array, words):
        np.savez(tmp_path / name, fps=30.0, keypoints_3d=array, joint_names=np.array(words))
        return tmp_path / name

    order = np.random.default_rng(0).permutation(len(titles))
    whole = open_skeleton(write("a.npz", known, titles))
    mixed = open_skeleton(write("b.npz", known[:, [*order, 3, 3]], [*np.array(titles)[order], "band", "sacrum"]))
    assert len(known[0]) + 2 in LAYOUTS and any("the file's names" in said.text for said in mixed.findings)
    np.testing.assert_allclose(mixed.positions, whole.positions, atol=1e-9)
    smpl = open_skeleton(write("c.npz", places(), NAMES))
    assert smpl.names == tuple(NAMES) and any("places of SMPL" in said.text for said in smpl.findings)
    with pytest.raises(InputError, match="no motion under these keys"):
        open_motion(write("d.npz", known, [str(i) for i in range(len(titles))]))
