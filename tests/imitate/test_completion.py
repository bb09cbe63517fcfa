"""Motion from a single pose: the moment is found whatever the heading, and the motion passes through the pose."""

import numpy as np
import pytest

from imitate.completion import (
    COMPARED,
    Completion,
    KnownPoses,
    centre_on_hips,
    complete,
    compute_points,
    find_nearest_phases,
    mirror_points,
    move_into_picture,
)
from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy, PolicyLayout
from reconstruct.characters.character import load_character
from reconstruct.cycle import mirror_motion
from reconstruct.rotations import from_rotvec, multiply, rotate
from sfv.demo.motions import list_demos, load_demo_motion

CHARACTER = load_character("humanoid")
MOTIONS = {name: load_demo_motion(name, CHARACTER) for name in list_demos()}
KNOWN = [KnownPoses.of(name, motion, CHARACTER) for name, motion in MOTIONS.items()]
SURE, ALONG_X = np.ones(len(COMPARED)), np.array([1.0, 0.0, 0.0])


def turned(pose: np.ndarray, angle: float) -> np.ndarray:
    about = from_rotvec(np.array([0.0, 0.0, angle]))
    moved = pose.copy()
    moved[:3] = rotate(about, pose[:3]) + [3.0, -1.0, 0.7]
    moved[3:7] = multiply(about, pose[3:7])
    return moved


@pytest.mark.parametrize(("name", "frame"), [("backflip", 38), ("cartwheel", 45), ("jump", 35), ("walk", 10)])
def test_moment_is_found_whatever_the_heading(name, frame):
    motion = MOTIONS[name]
    pose = turned(motion.qpos[frame], 2.0)
    points = centre_on_hips(compute_points(CHARACTER, pose[None]))[0]
    best, *others = find_nearest_phases(points, SURE, ALONG_X, KNOWN)
    assert KNOWN[best.skill].name == name
    assert best.phase == pytest.approx(frame / (len(motion) - 1))
    assert best.turn == pytest.approx(2.0, abs=np.pi / 36)
    assert best.distance < 0.03
    assert all(other.distance >= best.distance for other in others)


def test_a_pose_that_no_skill_has_is_far_from_all():
    pose = MOTIONS["walk"].qpos[0].copy()
    column = CHARACTER.model.joint("left_hip").qposadr[0]
    pose[column : column + 4] = from_rotvec(np.array([0.0, -1.9, 0.0]))
    column = CHARACTER.model.joint("right_shoulder").qposadr[0]
    pose[column : column + 4] = from_rotvec(np.array([0.0, 2.0, 0.0]))
    points = centre_on_hips(compute_points(CHARACTER, pose[None]))[0]
    assert find_nearest_phases(points, SURE, ALONG_X, KNOWN)[0].distance > 0.16


def untrained(motion) -> Policy:
    env = ImitationEnv(Task(CHARACTER, motion), EnvConfig(), 1)
    actions = tuple(env.model.actuator(u).name for u in range(env.model.nu))
    layout = PolicyLayout(
        CHARACTER.name, CHARACTER.height, env.observation_layout.sizes, actions, EnvConfig().action_scale, (8,)
    )
    return Policy(layout, 0.1)


@pytest.mark.parametrize("name", ["walk", "jump"])
def test_motion_passes_through_the_pose_and_its_past_does_not_leap(name):
    motion = MOTIONS[name]
    pose = turned(motion.qpos[12], -1.0)
    pose[CHARACTER.model.joint("left_elbow").qposadr[0]] += 0.4
    points = centre_on_hips(compute_points(CHARACTER, pose[None]))[0]
    match = find_nearest_phases(points, SURE, ALONG_X, KNOWN)[0]
    found = complete(pose, match, untrained(motion), Task(CHARACTER, motion))
    qpos, rise = move_into_picture(found, pose)
    assert found.now > 5
    if found.share == 1.0:
        np.testing.assert_allclose(qpos[found.now, :2], pose[:2], atol=1e-9)
        np.testing.assert_allclose(np.abs(np.sum(qpos[found.now, 3:7] * pose[3:7])), 1.0, atol=1e-6)
        np.testing.assert_allclose(qpos[found.now, 7:], pose[7:], atol=1e-6)
        assert qpos[found.now, 2] == pytest.approx(pose[2] + rise)
    leaps = np.linalg.norm(np.diff(qpos[: found.now + 1, :3], axis=0), axis=1)
    assert leaps.max() < 0.15


def test_in_picture_keeps_the_shape_of_the_way():
    motion = MOTIONS["walk"]
    pose = turned(motion.qpos[5], 0.7)
    completion = Completion(motion.qpos, 5, True, 1.0, False)
    qpos, rise = move_into_picture(completion, pose)
    assert rise == pytest.approx(-0.7)
    np.testing.assert_allclose(qpos[5, :2], pose[:2])
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(qpos[:, :3], axis=0), axis=1),
        np.linalg.norm(np.diff(motion.qpos[:, :3], axis=0), axis=1),
    )


def test_a_mirrored_pose_is_found_and_its_motion_is_mirrored_back():
    motion = MOTIONS["cartwheel"]
    pose = turned(mirror_motion(CHARACTER.model, motion.qpos[45:46])[0], 0.6)
    points = centre_on_hips(compute_points(CHARACTER, pose[None]))[0]
    match = find_nearest_phases(points, SURE, ALONG_X, KNOWN)[0]
    assert KNOWN[match.skill].name == "cartwheel" and match.mirrored
    assert match.phase == pytest.approx(45 / (len(motion) - 1))
    np.testing.assert_allclose(mirror_points(mirror_points(points)), points)
    found = complete(pose, match, untrained(motion), Task(CHARACTER, motion))
    qpos, _ = move_into_picture(found, pose)
    gap = centre_on_hips(compute_points(CHARACTER, qpos[found.now][None]))[0] - points
    assert np.abs(gap).max() < 0.05
