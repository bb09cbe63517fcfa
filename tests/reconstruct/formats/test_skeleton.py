"""One motion in many formats: BVH of every dialect and AMASS become the same motion of our humanoid."""

import json
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.bvh import read_bvh
from reconstruct.formats.joint_names import split_side
from reconstruct.formats.read_motion import estimate_ground_height, load_motion, read_motion
from reconstruct.formats.skeleton import to_character
from reconstruct.formats.upright import axes_with_up
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.motion import ReferenceMotion
from tests.skeletons import NAMES, PARENTS, swinging, write_amass, write_bvh

Z_UP = Rotation.from_euler("x", 90, degrees=True).as_matrix()
UPSIDE_DOWN = np.diag([1.0, -1.0, -1.0])


def true_directions() -> dict[str, np.ndarray]:
    """Unit vectors of bones in our axes (x forward, y left, z up) at every second frame, from plain kinematics."""
    from reconstruct.formats.smpl import rest_positions

    turn, root = swinging()
    rest = rest_positions()
    rotation, place = list[Rotation](), list[np.ndarray]()
    for joint, parent in enumerate(PARENTS):
        own = Rotation.from_rotvec(turn[:, joint])
        rotation.append(own if parent < 0 else rotation[parent] * own)
        offset = rest[joint] - (rest[parent] if parent >= 0 else rest[joint])
        place.append(root if parent < 0 else place[parent] + rotation[parent].apply(offset))
    at = dict(zip(NAMES, place, strict=True))
    bones = {}
    for side in ("left", "right"):
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
            way = (at[f"{side}_{b}"] - at[f"{side}_{a}"])[::2][:, [2, 0, 1]]
            bones[f"{side}_{a}", f"{side}_{b}"] = way / np.linalg.norm(way, axis=1, keepdims=True)
    return bones


@pytest.fixture(scope="module")
def humanoid():
    return load_character("humanoid")


def joints_of(motion: ReferenceMotion, character) -> dict[str, np.ndarray]:
    names = [name for name in character.landmarks if name.split("_")[-1] in "hip knee ankle shoulder elbow wrist"]
    points = BodyPoints.of_sites(character.model, tuple(character.landmarks[name] for name in names))
    return dict(zip(names, np.moveaxis(point_positions(character.model, motion.qpos, points), 1, 0), strict=True))


@pytest.mark.parametrize(
    ("options", "words", "heading"),
    [
        ({}, ("+y up", "lengths in cm"), 0),
        ({"dialect": "biped", "unit": 1 / 0.0254, "axes": Z_UP, "order": "XYZ"}, ("+z up", "lengths in inches"), -90),
        ({"dialect": "smpl", "unit": 1.0, "axes": UPSIDE_DOWN, "order": "YXZ"}, ("-y up", "lengths in m"), 180),
        ({"odd_rest": True, "order": "ZYX"}, ("taken for standing",), 0),
        ({"unit": 0.45 / 0.0254}, ("CMU's unit",), 0),
    ],
)
def test_every_dialect_of_bvh_is_the_same_motion(tmp_path, humanoid, options, words, heading):
    write_bvh(tmp_path / "a.bvh", **options)
    found = load_motion(tmp_path / "a.bvh", humanoid, loop="no")
    motion, note = found.motion, found.summary
    assert all(word in note for word in words)
    assert motion.fps == pytest.approx(30.0, rel=0.02) and len(motion) == pytest.approx(30, abs=1)
    at, bones = joints_of(motion, humanoid), true_directions()
    facing = Rotation.from_euler("z", -heading, degrees=True)
    for (a, b), true in bones.items():
        way = facing.apply(at[b] - at[a])
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        frames = min(len(way), len(true))
        angle = np.degrees(np.arccos(np.clip(np.sum(way[:frames] * true[:frames], axis=1), -1, 1)))
        assert angle.mean() < 6.0, f"{a} -> {b} is off by {angle.mean():.1f} degrees"
    # It stands on the left foot all the time and never on the right one.
    left, right = (motion.contacts[:, motion.contact_names.index(f"{side}_foot")] for side in ("left", "right"))
    assert left.mean() > 0.9 and right.mean() < 0.1
    assert np.ptp(at["left_ankle"], axis=0).max() < 0.02


@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate"])
def test_amass_is_the_same_motion_as_bvh(tmp_path, humanoid, rate):
    write_amass(tmp_path / "a.npz", rate)
    write_bvh(tmp_path / "a.bvh")
    found = load_motion(tmp_path / "a.npz", humanoid, loop="no")
    amass, note = found.motion, found.summary
    bvh = read_motion(tmp_path / "a.bvh", humanoid, loop="no")
    assert "AMASS" in note and "proportions" in note and "lengths in m" in note
    one, other = joints_of(amass, humanoid), joints_of(bvh, humanoid)
    for name in one:
        # AMASS faces wherever it does; here x of SMPL is left, and z forward becomes -y of the world.
        turned = Rotation.from_euler("z", 90, degrees=True).apply(one[name] - one["left_ankle"])
        assert np.abs(turned - (other[name] - other["left_ankle"])).max() < 1e-3, name


def test_a_part_of_the_file(tmp_path, humanoid):
    write_bvh(tmp_path / "a.bvh")
    motion = read_motion(tmp_path / "a.bvh", humanoid, start=0.2, end=0.7)
    assert motion.duration == pytest.approx(0.5, abs=0.05) and not motion.loop
    with pytest.raises(InputError, match="no motion from"):
        read_motion(tmp_path / "a.bvh", humanoid, start=5.0)


def test_parts_last_as_long_as_in_the_file_whatever_the_frame_rate(tmp_path, humanoid):
    write_bvh(tmp_path / "a.bvh")  # 60 Hz; 0.95 s are no whole number of frames at 30 Hz
    shorter, longer = (read_motion(tmp_path / "a.bvh", humanoid, end=end, loop="no").duration for end in (0.9, 0.95))
    assert longer / shorter == pytest.approx(0.95 / 0.9)


def test_a_first_frame_of_rest_is_no_part_of_the_motion(tmp_path, humanoid):
    write_bvh(tmp_path / "a.bvh")
    lines = (tmp_path / "a.bvh").read_text().replace("Frames: 60", "Frames: 61").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("Frame Time")) + 1
    lines.insert(first, " ".join(["0"] * len(lines[first].split())))
    (tmp_path / "b.bvh").write_text("\n".join(lines))
    plain = read_motion(tmp_path / "a.bvh", humanoid, loop="no")
    found = load_motion(tmp_path / "b.bvh", humanoid, loop="no")
    motion, note = found.motion, found.summary
    assert "first frame" in note
    np.testing.assert_allclose(motion.qpos, plain.qpos, atol=1e-6)


def test_a_motion_of_another_body_is_carried_over(tmp_path, humanoid):
    write_bvh(tmp_path / "a.bvh")
    read_motion(tmp_path / "a.bvh", humanoid).save(tmp_path / "a.npz")
    found = load_motion(tmp_path / "a.npz", load_character("atlas"))
    motion, note = found.motion, found.summary
    assert motion.character == "atlas" and note.startswith("retargeted from humanoid")
    found = load_motion(tmp_path / "a.npz", humanoid)
    same, note = found.motion, found.summary
    assert note == "as given" and (same.qpos == ReferenceMotion.load(tmp_path / "a.npz").qpos).all()


def test_kinematics_of_the_body_are_those_of_the_file(tmp_path):
    """The source body has every joint where the file has it, scaled and turned upright."""
    write_bvh(tmp_path / "a.bvh", odd_rest=True)
    skeleton = read_bvh(tmp_path / "a.bvh")
    body, motion, _ = to_character(skeleton, tmp_path / "a.bvh")
    names = ("left_wrist", "right_ankle", "left_elbow", "right_hip")
    points = BodyPoints.of_sites(body.model, names)
    found = point_positions(body.model, motion.qpos, points)
    mixamo = ("LeftHand", "RightFoot", "LeftForeArm", "RightUpLeg")
    columns = [skeleton.names.index(f"mixamorig:{name}") for name in mixamo]
    expected = skeleton.positions[:, columns] @ axes_with_up(np.array([0.0, 1.0, 0.0])).T / 100.0
    expected -= skeleton.positions[:1, :1] @ axes_with_up(np.array([0.0, 1.0, 0.0])).T / 100.0 * [1, 1, 0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mixamorig:LeftUpLeg", ("left", "upleg")),
        ("Bip01 R Calf", ("right", "calf")),
        ("thigh.L", ("left", "thigh")),
        ("lfemur", ("left", "femur")),
        ("rShldr", ("right", "shldr")),
        ("LHipJoint", ("left", "hip")),
        ("L_Foot", ("left", "foot")),
        ("LeftToe", ("left", "toe")),
        ("Head", (None, "head")),
        ("left_upper_arm", ("left", "upperarm")),
        ("LowerBack", (None, "lowerback")),
    ],
)
def test_names_of_joints(name, known):
    assert split_side(name) == known


def test_wandering_ground_keeps_flights():
    """A ground that drifts by 0.3 m under someone who jumps 0.5 m high for half a second."""
    t = np.arange(90) / 30
    ground = 0.3 * np.sin(t)
    height = np.where((t > 1) & (t < 1.5), 0.5 * np.sin(np.pi * (t - 1) / 0.5), 0.0)
    found = estimate_ground_height(ground + height, 30.0)
    flight = height > 0.2
    np.testing.assert_allclose(found[height == 0], ground[height == 0], atol=0.02)
    np.testing.assert_allclose((ground + height - found)[flight], height[flight], atol=0.21)
    assert (ground + height - found).max() > 0.4


def damaged(text: str) -> dict[str, str]:
    return {
        "": "not a BVH motion",
        text.replace("ROOT", "BOOT"): "no ROOT",
        text[: text.index("Frame Time") + 40]: "60 frames",
        text.replace("mixamorig:LeftLeg", "mixamorig:RightTail"): "no joint is known for left_knee",
        text.replace("Zrotation", "Wrotation"): "channel 'Wrotation'",
        text.replace("OFFSET", "OFFSET #", 1): "not a BVH motion",
    }


def test_what_cannot_be_read_gives_one_line(tmp_path, humanoid):
    write_bvh(tmp_path / "a.bvh")
    cases = damaged((tmp_path / "a.bvh").read_text())
    for text, words in cases.items():
        (tmp_path / "b.bvh").write_text(text)
        with pytest.raises(InputError, match=words) as error:
            read_motion(tmp_path / "b.bvh", humanoid)
        assert "\n" not in str(error.value) and "b.bvh" in str(error.value)
    archives: tuple[tuple[dict[str, Any], str], ...] = (
        ({"poses": np.zeros((9, 156)), "trans": np.zeros((9, 3)), "fps": 0}, "a frame rate of 0"),
        ({"poses": np.zeros((9, 60)), "trans": np.zeros((9, 3)), "mocap_framerate": 60.0}, "expected"),
        ({"poses": np.full((9, 66), np.nan), "trans": np.zeros((9, 3)), "mocap_framerate": 60.0}, "NaN"),
        ({"poses": np.array([None, 1]), "trans": np.zeros((2, 3)), "mocap_framerate": 60.0}, "Python objects"),
    )
    for arrays, words in archives:
        np.savez(tmp_path / "c.npz", **arrays)
        with pytest.raises(InputError, match=words):
            read_motion(tmp_path / "c.npz", humanoid)
    (tmp_path / "d.txt").write_text(json.dumps({}))
    for name, words in (("d.txt", "DeepMimic"), ("d.fbx", "no such file"), ("a.bvh.zip", "no such file")):
        with pytest.raises(InputError, match=words):
            read_motion(tmp_path / name, humanoid)
