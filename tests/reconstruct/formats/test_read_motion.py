"""DeepMimic's files on our bodies: axes, hinge signs, left and right, the ground."""

import json

import mujoco
import numpy as np
import pytest

from pose.errors import InputError
from reconstruct.characters.character import load_character
from reconstruct.contacts import contact_points
from reconstruct.formats.deepmimic import HINGES, JOINTS, read_deepmimic
from reconstruct.formats.read_motion import load_motion, read_motion
from reconstruct.kinematics import BodyPoints, point_positions
from reconstruct.retargeting.ik_targets import leg_length
from sfv.demo.motions import load_demo_motion
from tests.skeletons import write_deepmimic


def write_pose(path, joints=None, root=(1.0, 0.0, 0.0, 0.0), loop="none"):
    """A file of ten equal frames; `joints` gives rotations by name, the others are straight."""
    row = [1 / 30, 0.0, 0.9, 0.0, *root]
    for name, _, _ in JOINTS[1:]:
        row += list((joints or {}).get(name, [0.0] if name in HINGES else [1.0, 0.0, 0.0, 0.0]))
    path.write_text(json.dumps({"Loop": loop, "Frames": [row] * 10}))
    return path


def bodies_of(motion, character):
    data = mujoco.MjData(character.model)
    data.qpos[:] = motion.qpos[0]
    mujoco.mj_forward(character.model, data)
    return data


def test_straight_pose_stands_on_the_ground(tmp_path):
    character = load_character("humanoid")
    motion = read_motion(write_pose(tmp_path / "stand.txt"), character)
    soles = point_positions(character.model, motion.qpos, contact_points(character, feet_only=True))
    np.testing.assert_allclose(soles[..., 2], 0.0, atol=0.01)
    assert motion.contacts[:, [motion.contact_names.index("left_foot")]].all()


def test_knee_and_elbow_bend_the_way_people_do(tmp_path):
    character = load_character("humanoid")
    bent = read_motion(write_pose(tmp_path / "bent.txt", {"right_knee": [-1.2], "left_elbow": [1.2]}), character)
    data = bodies_of(bent, character)
    assert data.body("right_foot").xpos[0] < data.body("right_shin").xpos[0] - 0.2  # heel goes back
    assert data.site("left_wrist").xpos[0] > data.body("left_forearm").xpos[0] + 0.15  # hand comes forward
    assert abs(data.site("right_wrist").xpos[0] - data.body("right_forearm").xpos[0]) < 0.05


def test_right_hip_swings_to_the_right(tmp_path):
    # DeepMimic: x forward, y up, z right. A turn of -0.5 about x carries the leg (-y) towards +z, to the right.
    character = load_character("humanoid")
    swing = {"right_hip": [np.cos(0.25), -np.sin(0.25), 0.0, 0.0]}
    path = write_pose(tmp_path / "swing.txt", swing)
    skeleton = read_deepmimic(path)
    at = dict(zip(skeleton.names, skeleton.positions[0], strict=True))
    np.testing.assert_allclose(at["left_knee"] - at["left_hip"], [0.0, 0.0, -0.421546], atol=1e-9)
    right = 0.421546 * np.array([0.0, -np.sin(0.5), -np.cos(0.5)])
    np.testing.assert_allclose(at["right_knee"] - at["right_hip"], right, atol=1e-9)
    data = bodies_of(read_motion(path, character), character)
    hip, knee = data.body("right_thigh").xpos, data.body("right_shin").xpos
    assert knee[1] < hip[1] - 0.15  # our y is left
    assert data.body("left_shin").xpos[1] == pytest.approx(data.body("left_thigh").xpos[1], abs=0.02)


def test_a_body_without_these_joints_gets_the_motion_carried_over(tmp_path):
    path = write_pose(tmp_path / "bent.txt", {"right_knee": [-1.2]})
    found = load_motion(path, load_character("atlas"))
    motion, note = found.motion, found.summary
    assert motion.character == "atlas" and "known by name" in note
    data = bodies_of(motion, load_character("atlas"))
    assert data.body("r_foot").xpos[0] < data.body("r_lleg").xpos[0] - 0.2  # heel goes back


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a DeepMimic motion"),
        (json.dumps({"Loop": "wrap"}), "not a DeepMimic motion"),
        (json.dumps({"Loop": "wrap", "Frames": [[1.0, 2.0]]}), "shape"),
    ],
)
def test_damaged_files_give_one_line(tmp_path, content, words):
    path = tmp_path / "broken.txt"
    path.write_text(content)
    with pytest.raises(InputError, match=words) as error:
        read_motion(path, load_character("humanoid"))
    assert "\n" not in str(error.value)


def test_a_rotation_of_no_length_is_an_error(tmp_path):
    path = write_pose(tmp_path / "zero.txt", {"neck": [0.0, 0.0, 0.0, 0.0]})
    with pytest.raises(InputError, match="'neck' is no unit quaternion"):
        read_motion(path, load_character("humanoid"))


def test_frames_of_unequal_length_are_laid_out_evenly(tmp_path):
    path = write_pose(tmp_path / "walk.txt")
    frames = json.loads(path.read_text())["Frames"]
    durations = [0.02, 0.04] * 5
    begins = np.concatenate([[0.0], np.cumsum(durations[:-1])])
    for frame, duration, begin in zip(frames, durations, begins, strict=True):
        frame[0], frame[1] = duration, 2.0 * begin  # 2 m/s forward
    path.write_text(json.dumps({"Frames": frames}))
    skeleton = read_deepmimic(path)
    assert skeleton.fps == pytest.approx(9 / begins[-1])
    np.testing.assert_allclose(np.diff(skeleton.positions[:, 0, 0]) * skeleton.fps, 2.0)


@pytest.mark.parametrize("name", ["walk", "backflip", "cartwheel", "jump"])
def test_known_motions_come_back_and_rest_on_the_ground(tmp_path, name):
    """Motions of our humanoid, written as DeepMimic has them and read again on DeepMimic's bones."""
    character = load_character("humanoid")
    known = load_demo_motion(name, character)
    write_deepmimic(tmp_path / f"{name}.txt", known, character, wraps=True)
    motion = read_motion(tmp_path / f"{name}.txt", character)
    # All files say that they wrap; a flip, a wheel and a jump are done once all the same.
    assert motion.loop == (name == "walk")
    assert motion.contacts.any(axis=1).mean() > 0.5
    assert not motion.contacts.any(axis=1).all() or name in ("walk", "cartwheel")  # the others fly
    heights = point_positions(character.model, motion.qpos, contact_points(character))[..., 2]
    assert heights.min() > -0.02
    first = 0
    for part, sites in enumerate(character.contacts.values()):
        lowest = heights[:, first : first + len(sites)].min(axis=1)
        first += len(sites)
        assert np.abs(lowest[motion.contacts[:, part]]).max(initial=0.0) < 0.015
    # Bones point where they did, at the same share of the motion: time goes with the root of the leg's length.
    for upper, lower in (("left_hip", "left_knee"), ("right_knee", "right_ankle"), ("left_shoulder", "left_elbow")):
        true, found = (find_direction(m, character, upper, lower) for m in (known, motion))
        frames = np.round(np.linspace(0, len(true) - 1, len(found))).astype(int)
        angle = np.degrees(np.arccos(np.clip(np.sum(true[frames] * found, axis=1), -1.0, 1.0)))
        assert np.median(angle) < 8.0, (upper, lower, np.median(angle))


def test_how_time_goes_with_the_leg_is_said(tmp_path):
    grown, child = load_character("humanoid"), load_character("child")
    write_deepmimic(tmp_path / "a.txt", load_demo_motion("jump", grown), grown)
    found = load_motion(tmp_path / "a.txt", child, loop="no")
    given = read_deepmimic(tmp_path / "a.txt")
    before, after = (len(given.positions) - 1) / given.fps, found.motion.duration
    assert f"{before:.2f} s of the file take {after:.2f} s" in found.summary
    foot = 0.86  # DeepMimic's leg to the sole [m]
    assert after / before == pytest.approx(np.sqrt(leg_length(child) / foot), rel=0.05)


def find_direction(motion, character, start, end):
    """Unit vectors from one landmark to another, (T, 3)."""
    points = BodyPoints.of_sites(character.model, (start, end))
    way = np.diff(point_positions(character.model, motion.qpos, points), axis=1)[:, 0]
    return way / np.linalg.norm(way, axis=1, keepdims=True)


def test_deepmimic_is_read_exactly(tmp_path):
    """Every joint's rotation in the file is the one of our body, to the last digits."""
    character = load_character("humanoid")
    known = load_demo_motion("cartwheel", character)
    write_deepmimic(tmp_path / "a.txt", known, character)
    skeleton = read_deepmimic(tmp_path / "a.txt")
    assert skeleton.fps == pytest.approx(known.fps)
    data = mujoco.MjData(character.model)
    bodies = {"root": "pelvis", "chest": "chest", "right_knee": "right_shin", "left_elbow": "left_forearm"}
    for t in range(0, len(known), 5):
        data.qpos[:] = known.qpos[t]
        mujoco.mj_kinematics(character.model, data)
        for joint, body in bodies.items():
            turn = skeleton.rotations[t, skeleton.names.index(joint)]
            assert abs(turn @ data.body(body).xquat) == pytest.approx(1.0, abs=1e-9), (joint, t)
    np.testing.assert_allclose(skeleton.positions[:, 0], known.qpos[:, :3], atol=1e-9)
