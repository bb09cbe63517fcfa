"""Files as people bring them: each kind of fault in its smallest form, and what is right for it."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.formats.bvh import read_bvh
from reconstruct.formats.open_motion import open_motion
from reconstruct.formats.options import MotionFileConfig
from reconstruct.formats.read_motion import load_motion
from reconstruct.formats.write_bvh import write_bvh as write_our_bvh
from reconstruct.kinematics import BodyPoints, point_positions
from sfv.demo.motions import load_demo_motion
from tests.skeletons import NAMES, swinging
from tests.small_skeleton import BODY, TRC_NAMES, body_of, bvh, open_skeleton, place, walking, write_trc_text


def amass(path, poses=None, trans=None, **more):
    poses = np.zeros((90, 156)) if poses is None else poses
    trans = np.zeros((len(poses), 3)) if trans is None else trans
    np.savez(path, **({"poses": poses, "trans": trans, "mocap_framerate": 30.0} | more))
    return path


def standing_amass(rotation=None, frames=60):
    """Poses (T, 156) and path of someone who stands on one leg, z up, turned by `rotation`."""
    turn, root = swinging(frames)
    up = Rotation.from_euler("x", 90, degrees=True)
    up = up if rotation is None else rotation * up
    poses = np.zeros((frames, 156))
    poses[:, :66] = turn.reshape(frames, -1)
    poses[:, :3] = (up * Rotation.from_rotvec(turn[:, 0])).as_rotvec()
    return poses, up.apply(root)


# Lying and crawling


def test_amass_that_lies_stays_lying(tmp_path):
    poses = np.zeros((90, 156))
    poses[:, 3 * NAMES.index("left_hip")] = 0.3 * np.sin(np.arange(90) / 5)
    at, said = body_of(amass(tmp_path / "a.npz", poses, np.tile([0, 0, 0.12], (90, 1))))
    assert "+z up, as the format has it: the body lies" in said
    assert np.ptp([at[name][:, 2].mean() for name in ("nose", "left_hip", "left_shoulder", "right_ankle")]) < 0.2


def test_bvh_that_lies_stays_lying(tmp_path):
    lies = {"Hips": np.tile([0, -90, 0], (40, 1))}
    path = place(tmp_path / "a.bvh", bvh(np.tile([0, 12, 0], (40, 1)), angles=lies))
    at, said = body_of(path)
    assert "+y up, as in the rest pose" in said
    assert abs(at["nose"][0, 2] - at["left_hip"][0, 2]) < 0.25
    at, said = body_of(path, MotionFileConfig(up="-z"))
    assert "-z up, as asked" in said and at["nose"][0, 2] - at["left_hip"][0, 2] > 0.5


def test_a_walk_with_z_up_on_a_skeleton_with_y_up_stands(tmp_path):
    path, angles = walking()
    angles["Hips"] = np.tile([0, 90, 0], (60, 1))  # y of the body becomes the file's z
    at, said = body_of(place(tmp_path / "a.bvh", bvh(path[:, [0, 2, 1]] * [1, -1, 1], angles=angles)))
    assert "+z up, as it stands, against +y" in said
    assert (at["nose"][:, 2] > at["left_ankle"][:, 2] + 1.2).all()


def test_y_up_smpl_is_found_by_its_standing(tmp_path):
    poses, trans = standing_amass(Rotation.from_euler("x", -90, degrees=True))
    at, said = body_of(amass(tmp_path / "a.npz", poses, trans))
    assert "+y up, as it stands, against +z" in said and (at["nose"][:, 2] > at["left_ankle"][:, 2] + 1.2).all()
    np.savez(tmp_path / "b.npz", global_orient=poses[:, :3], body_pose=poses[:, 3:66], transl=trans, fps=30)
    at, said = body_of(tmp_path / "b.npz")
    assert "+y up, as it stands" in said and (at["nose"][:, 2] > at["left_ankle"][:, 2] + 1.2).all()


def test_a_body_that_lies_is_written_and_read_back(tmp_path):
    """The body of a roll is upside down half the time; its BVH read back is the same to the file's digits."""
    humanoid = load_character("humanoid")
    known = load_demo_motion("backflip", humanoid)
    lying = known.qpos.copy()
    turn = Rotation.from_euler("y", -90, degrees=True)
    lying[:, 3:7] = (turn * Rotation.from_quat(known.qpos[:, [4, 5, 6, 3]])).as_quat()[:, [3, 0, 1, 2]]
    lying[:, :3] = known.qpos[:, :3] * [1, 1, 0] + [0, 0, 0.12]
    write_our_bvh(replace(known, qpos=lying), humanoid, tmp_path / "a.bvh")
    at, said = body_of(tmp_path / "a.bvh")
    assert "+y up" in said
    names = ("left_knee", "right_wrist", "left_shoulder")
    points = BodyPoints.of_sites(humanoid.model, tuple(humanoid.landmarks[name] for name in names))
    true = point_positions(humanoid.model, lying, points)
    found = np.stack([at[name] for name in names], axis=1)
    shift = (true - found)[0, 0] * [1, 1, 0]
    np.testing.assert_allclose(found + shift, true, atol=1e-3)


def test_a_body_that_lies_is_on_the_ground(tmp_path):
    humanoid = load_character("humanoid")
    lies = {"Hips": np.tile([0, -90, 0], (40, 1))}
    swing = np.zeros((40, 3))
    swing[:, 1] = -20 - 10 * np.sin(np.arange(40) / 4)
    lies |= {"LeftUpLeg": swing, "RightUpLeg": swing}
    path = place(tmp_path / "a.bvh", bvh(np.tile([0, 12, 0], (40, 1)), angles=lies))
    motion = load_motion(path, humanoid, loop="no").motion
    shapes = BodyPoints.of_geoms(humanoid.model)
    lowest = (point_positions(humanoid.model, motion.qpos, shapes)[..., 2] - shapes.radius).min(axis=1)
    assert np.abs(lowest).max() < 0.06 and motion.qpos[:, 2].max() < 0.3


# Tilted floors


@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_tilted_floor_is_levelled(tmp_path, axis):
    tilt = Rotation.from_euler(axis, 20, degrees=True)
    flat, _ = body_of(amass(tmp_path / "a.npz", *standing_amass()))
    at, said = body_of(amass(tmp_path / "b.npz", *standing_amass(tilt)))
    assert "the floor is tilted by" in said

    def trunk(points):
        way = points["nose"] - points["left_ankle"]
        return way / np.linalg.norm(way, axis=1, keepdims=True)

    angle = np.degrees(np.arccos(np.clip(np.sum(trunk(flat) * trunk(at), axis=1), -1, 1)))
    yaw_free = np.degrees(np.abs(np.arccos(trunk(flat)[:, 2]) - np.arccos(trunk(at)[:, 2])))
    assert min(angle.max(), yaw_free.max()) < 4.0


def test_who_leans_on_a_level_floor_is_left_alone(tmp_path):
    path, angles = walking()
    angles["Hips"] = np.tile([0, 10, 0], (60, 1))
    angles["LeftFoot"] = angles["RightFoot"] = np.tile([0, -40, 0], (60, 1))
    _, said = body_of(place(tmp_path / "a.bvh", bvh(path, angles=angles)))
    assert "tilted" not in said


# Speeds


def test_a_path_in_centimetres(tmp_path):
    poses, trans = standing_amass()
    trans = trans + np.arange(60)[:, None] / 60 * [1.2, 0, 0] + [0, 0, 0.93]
    plain, _ = body_of(amass(tmp_path / "a.npz", poses, trans))
    at, said = body_of(amass(tmp_path / "b.npz", poses, 100 * trans))
    assert "looks like centimetres" in said
    np.testing.assert_allclose(at["left_hip"], plain["left_hip"], atol=1e-6)


def test_single_frames_elsewhere_are_left_out(tmp_path):
    path, angles = walking()
    plain, _ = body_of(place(tmp_path / "a.bvh", bvh(path, angles=angles)))
    path[30, 0] += 3000
    path[[2, 3], 0] += 146000
    at, said = body_of(place(tmp_path / "b.bvh", bvh(path, angles=angles)))
    assert "frame 30 leaps" in said and "frames 2-3 leap" in said and "left out" in said
    assert np.abs(np.diff(at["left_hip"], axis=0)).max() < 0.2
    np.testing.assert_allclose(at["left_hip"], plain["left_hip"], atol=0.01)


def test_faster_than_anybody_is_refused(tmp_path):
    path, angles = walking(speed=400.0)
    with pytest.raises(InputError, match=r"moves at 1\d\d m/s"):
        body_of(place(tmp_path / "a.bvh", bvh(path, angles=angles)))


def test_a_cut_is_reported(tmp_path):
    path, angles = walking()
    path[30:, 0] += 900
    _, said = body_of(place(tmp_path / "a.bvh", bvh(path, angles=angles)))
    assert "leaps by" in said and "cut it there" in said


@pytest.mark.parametrize("mirrored", [False, True])
def test_knees_that_bend_backwards_are_reported(tmp_path, mirrored):
    path, angles = walking()
    known = read_bvh(place(tmp_path / "a.bvh", bvh(path, angles=angles)))
    rows = [known.names.index(name) for name in TRC_NAMES.values()]
    places = known.positions[:, rows] * ([1, 1, -1] if mirrored else [1, 1, 1])
    write_trc_text(tmp_path / "a.trc", list(TRC_NAMES), places, "cm")
    _, said = body_of(tmp_path / "a.trc")
    assert ("knees bend backwards" in said) == mirrored


# BVH as it is out there


def test_a_node_above_the_hips_that_rests_keeps_the_path(tmp_path):
    path, angles = walking()
    plain, _ = body_of(place(tmp_path / "a.bvh", bvh(path, angles=angles)))
    at, said = body_of(place(tmp_path / "b.bvh", bvh(path, angles=angles, above=("Armature",))))
    assert "'Hips' moves below the root" in said
    for name in plain:
        np.testing.assert_allclose(at[name], plain[name], atol=1e-9)
    assert np.linalg.norm(np.ptp(at["left_hip"], axis=0)[:2]) == pytest.approx(59 * 0.04, abs=0.01)


def test_hips_that_share_a_point_are_not_the_hips(tmp_path):
    body = {}
    for name, (parent, offset) in BODY.items():
        joint = name.replace("Left", "Left").replace("UpLeg", "Hip").replace("Leg", "Knee")
        above = parent.replace("UpLeg", "Hip").replace("Leg", "Knee")
        if joint in ("LeftHip", "RightHip"):
            body[f"{joint[0]}HipJoint"] = ("Hips", (0, 0, 0))
            above = f"{joint[0]}HipJoint"
        body[joint] = (above, offset)
    path = place(tmp_path / "a.bvh", bvh(np.tile([0, 92, 0], (40, 1)), body=body))
    at, _ = body_of(path)
    assert np.linalg.norm(at["left_hip"][0] - at["right_hip"][0]) == pytest.approx(0.18, abs=1e-6)


def test_a_rate_written_as_frame_time(tmp_path):
    path, angles = walking()
    text = bvh(path, angles=angles).replace("Frame Time: 0.0333333", "Frame Time: 30")
    motion = read_bvh(place(tmp_path / "a.bvh", text))
    assert motion.fps == pytest.approx(30.0) and "taken for the rate" in motion.findings[-1].text
    found = load_motion(tmp_path / "a.bvh", load_character("humanoid"), loop="no")
    assert 1.5 < found.motion.duration < 2.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text + text.splitlines()[-1] + "\n", "61 found"),
        (lambda text: "\n".join(text.splitlines()[:-1]), "59 found"),
        (lambda text: text[: text.rindex(" ") - 20], "59"),
        (lambda text: text.replace("Frames: 60", "Frames:60"), ""),
        (lambda text: text.replace("Frames: 60", "Frames : 60"), ""),
        (lambda text: text.replace("End Site", "END SITE"), ""),
        (lambda text: text.replace("ROOT", "Root").replace("HIERARCHY", "hierarchy").replace("MOTION", "Motion"), ""),
        (lambda text: text.replace("Zrotation", "ZROTATION").replace("OFFSET", "Offset"), ""),
        (lambda text: text.replace("\n", "\r\n"), ""),
        (lambda text: "\ufeff" + text, ""),
        (lambda text: text.replace("Frame Time: 0.0333333", "Frame Time: 0,0333333"), ""),
        (lambda text: text.replace("\n{\n", " {\n"), ""),
        (lambda text: text.replace("Left", "L_").replace("Right", "R_"), ""),
    ],
)  # fmt: skip
def test_dialects_of_bvh(tmp_path, change, words):
    text = bvh(walking()[0], angles=walking()[1])
    plain = read_bvh(place(tmp_path / "a.bvh", text))
    (tmp_path / "B.BVH").write_bytes(change(text).encode("utf-8"))
    found = open_motion(tmp_path / "B.BVH")
    frames = min(len(plain.positions), len(found.positions))
    assert frames >= 59
    np.testing.assert_allclose(found.positions[:frames], plain.positions[:frames], atol=1e-9)
    said = "; ".join(finding.text for finding in found.findings)  # pyright: ignore
    assert words in said and bool(said) == bool(words)


NAMINGS = {
    "vroid": ("J_Bip_C_{}", "J_Bip_{1}_{0}", {"UpLeg": "UpperLeg", "Leg": "LowerLeg", "ForeArm": "LowerArm",
                                              "Arm": "UpperArm"}),
    "makehuman": ("{}", "{0}_{1}", {"UpLeg": "UpLeg", "Leg": "LoLeg", "Arm": "UpArm", "ForeArm": "LoArm"}),
    "makehuman_default": ("{}", "{0}.{1}", {"UpLeg": "upperleg01", "Leg": "lowerleg01", "Arm": "upperarm01",
                                            "ForeArm": "lowerarm01", "Hand": "wrist"}),
    "optitrack": ("Skeleton_{}", "Skeleton_{1}{0}", {"UpLeg": "Thigh", "Leg": "Shin", "Arm": "UArm",
                                                     "ForeArm": "FArm", "ToeBase": "Toe"}),
    "creator": ("CC_Base_{}", "CC_Base_{1}_{0}", {"UpLeg": "Thigh", "Leg": "Calf", "Arm": "Upperarm",
                                                  "ForeArm": "Forearm"}),
    "rigify": ("DEF-{}", "DEF-{0}.{1}", {"UpLeg": "thigh", "Leg": "shin", "Foot": "foot", "ToeBase": "toe",
                                         "Arm": "upper_arm", "ForeArm": "forearm", "Hand": "hand"}),
    "unreal": ("{}", "{0}_{1}", {"UpLeg": "thigh", "Leg": "calf", "Foot": "foot", "ToeBase": "ball",
                                 "Arm": "upperarm", "ForeArm": "lowerarm", "Hand": "hand"}),
    "daz": ("{}", "{1}{0}", {"UpLeg": "ThighBend", "Leg": "Shin", "Arm": "ShldrBend", "ForeArm": "ForearmBend",
                             "ToeBase": "Toe"}),
    "valve": ("ValveBiped.Bip01_{}", "ValveBiped.Bip01_{1}_{0}", {"UpLeg": "Thigh", "Leg": "Calf",
                                                                  "Arm": "UpperArm", "ForeArm": "Forearm"}),
    "three_js": ("mixamorig{}", "mixamorig{2}{0}", {}),
    "soma": ("{}", "{2}{0}", {"UpLeg": "Leg", "Leg": "Shin"}),
    "kinect": ("{}", "{0}{2}", {"UpLeg": "Hip", "Leg": "Knee", "Foot": "Ankle", "ToeBase": "Foot", "Arm": "Shoulder",
                                "ForeArm": "Elbow", "Hand": "Wrist"}),
}  # fmt: skip


@pytest.mark.parametrize("maker", sorted(NAMINGS))
def test_names_of_common_makers(tmp_path, maker):
    middle, sided, words = NAMINGS[maker]

    def rename(name):
        for side in ("Left", "Right"):
            if name.startswith(side):
                part = name.removeprefix(side)
                small = side[0].lower() if maker in ("daz", "rigify", "unreal") else side[0]
                return sided.format(words.get(part, part), small if maker != "rigify" else side[0], side)
        return middle.format(name) if name else ""

    body = {rename(name): (rename(parent), offset) for name, (parent, offset) in BODY.items()}
    text = bvh(np.tile([0, 92, 0], (10, 1)), body=body, root=rename("Hips"))
    at, _ = body_of(place(tmp_path / "a.bvh", text))
    plain, _ = body_of(place(tmp_path / "b.bvh", bvh(np.tile([0, 92, 0], (10, 1)))))
    for name in ("left_knee", "right_elbow", "left_wrist", "right_foot_index", "left_hip"):
        np.testing.assert_allclose(at[name], plain[name], atol=1e-9, err_msg=name)


@pytest.mark.parametrize("turned", [False, True])
def test_names_that_say_nothing(tmp_path, turned):
    """The tree itself shows legs, arms and, by its feet, which side is left."""
    code = {name: f"Bone{17 * i % 97:03d}" for i, name in enumerate(BODY)} | {"": ""}
    sign = [-1, 1, -1] if turned else [1, 1, 1]  # facing -z: left is at -x
    body = {code[name]: (code[parent], tuple(np.multiply(offset, sign))) for name, (parent, offset) in BODY.items()}
    path = place(tmp_path / "a.bvh", bvh(np.tile([0, 92, 0], (10, 1)), body=body, root=code["Hips"]))
    at, said = body_of(path)
    plain, _ = body_of(place(tmp_path / "b.bvh", bvh(np.tile([0, 92, 0], (10, 1)))))
    assert "by the tree's shape" in said and "--joint" in said
    for name in ("left_knee", "right_elbow", "left_wrist", "right_foot_index", "left_hip"):
        expected = plain[name] * ([-1, -1, 1] if turned else [1, 1, 1])
        np.testing.assert_allclose(at[name], expected, atol=1e-6, err_msg=name)


def test_unknown_names_are_given_by_the_user(tmp_path):
    def write(knee):
        body = {name.replace("LeftLeg", knee): (parent.replace("LeftLeg", knee), offset)
                for name, (parent, offset) in BODY.items()}  # fmt: skip
        return place(tmp_path / "a.bvh", bvh(np.tile([0, 92, 0], (10, 1)), body=body))

    at, said = body_of(write("Bone17"))  # the tree fits all other names
    assert "by the tree's shape" in said and at["left_knee"][0, 2] < at["left_hip"][0, 2] - 0.3
    path = write("RBone17")
    with pytest.raises(InputError, match="--joint left_knee=NAME"):
        body_of(path)
    at, _ = body_of(path, MotionFileConfig(joint=("left_knee=RBone17",)))
    assert at["left_knee"][0, 2] < at["left_hip"][0, 2] - 0.3
    with pytest.raises(InputError, match="no joint 'Bone18'"):
        body_of(path, MotionFileConfig(joint=("left_knee=Bone18",)))
    with pytest.raises(InputError, match="no landmark 'left_tail'"):
        body_of(path, MotionFileConfig(joint=("left_tail=Bone17",)))


def test_what_the_user_says_overrules(tmp_path):
    path = place(tmp_path / "a.bvh", bvh(walking()[0], angles=walking()[1]))
    plain, _ = body_of(path)
    at, said = body_of(path, MotionFileConfig(unit="inches"))
    assert "inches" in said and at["left_hip"][0, 2] == pytest.approx(plain["left_hip"][0, 2] * 2.54)
    with pytest.raises(InputError, match="give another --unit"):
        body_of(path, MotionFileConfig(unit="m"))
    assert open_motion(path, MotionFileConfig(fps=50.0)).fps == 50.0  # pyright: ignore
    wrong: Any
    for wrong in ({"fps": -1.0}, {"joint": ("left_knee",)}):
        with pytest.raises(InputError, match="--"):
            MotionFileConfig(**wrong)


# What is refused, and how


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.fbx", "Blender"), ("a.FBX", "Blender"), ("a.pkl", "pickle can run programs"), ("a.pt", "torch file"),
        ("a.joblib", "pickle"), ("a.mp4", "--video"), ("a.xyz", "unknown kind"), ("a.asf", ".amc"),
        ("a.usdz", "USD"), ("a.mvnx", "Xsens"),
    ],
)  # fmt: skip
def test_files_that_are_not_read_name_the_way_out(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(InputError, match=words) as error:
        open_motion(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".bvh", ".npz", ".npy", ".txt", ".csv", ".trc", ".glb", ".gltf", ".amc", ".c3d"])
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe" * 50, b"hello\n", b"{}", b"glTF", b"1,2,3\n4,5,6\n"])
def test_damaged_files_give_one_line(tmp_path, suffix, content):
    (tmp_path / f"a{suffix}").write_bytes(content)
    (tmp_path / "a.asf").write_bytes(content)
    with pytest.raises(InputError) as error:
        open_motion(tmp_path / f"a{suffix}")
    assert "\n" not in str(error.value) and "delete" not in str(error.value)


def test_a_txt_that_is_no_motion(tmp_path):
    with pytest.raises(InputError, match="not a DeepMimic motion"):
        open_motion(place(tmp_path / "a.txt", json.dumps([1, 2])))


def test_of_several_skeletons_in_a_bvh_the_person_is_taken(tmp_path):
    path, angles = walking()
    alone = bvh(path, angles=angles)
    other = bvh(path + [50.0, 0.0, 0.0], angles=angles).replace("ROOT ", "ROOT B:").replace("JOINT ", "JOINT B:")
    prop = "ROOT Ball\n{\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\nEnd Site\n{\nOFFSET 0 1 0\n}\n}\n"

    def join(*parts):
        heads, tables = zip(*(part.split("MOTION\n") for part in parts), strict=True)
        rows = [table.splitlines()[2:] for table in tables]
        lines = [" ".join(row) for row in zip(*rows, strict=True)]
        head = "HIERARCHY\n" + "".join(text.removeprefix("HIERARCHY\n") for text in heads)
        return head + "MOTION\n" + "\n".join([*tables[0].splitlines()[:2], *lines]) + "\n"

    ball = prop + "MOTION\nFrames: 60\nFrame Time: 0.03\n" + "1 2 3\n" * 60
    one = open_skeleton(place(tmp_path / "alone.bvh", alone))
    for name, text in (("ball", join(ball, alone)), ("two", join(alone, other))):
        found = open_skeleton(place(tmp_path / f"{name}.bvh", text))
        np.testing.assert_allclose(found.positions, one.positions)
        assert "2 skeletons in the file" in found.findings[0].text and found.findings[0].doubtful
    second = open_skeleton(tmp_path / "two.bvh", MotionFileConfig(joint=("left_hip=B:LeftUpLeg",)))
    np.testing.assert_allclose(second.positions, one.positions + [50.0, 0.0, 0.0], atol=1e-9)
